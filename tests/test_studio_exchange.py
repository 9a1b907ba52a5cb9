"""Labels out and in again: the same, by every way; what is not said of a recording stays out."""

import csv
import json
from xml.etree import ElementTree

import numpy as np
import pytest
from studio_project import project_in, raw

from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.studio.exchange import bring, out
from skelf.studio.labels import actions, classes
from skelf.studio.labels.segment import Segment
from skelf.studio.labels.state import Labels
from skelf.studio.project.importing import bring_in
from skelf.studio.project.project import Project

SAID = (
    ("monday/walk", 0, 20, "walk"), ("monday/walk", 10, 30, "wave <&> \"both\""),
    ("monday/walk", 20, 21, "walk"), ("stand", 3, 9, "sit; then, stand"),
)  # fmt: skip
WAYS = {"csv": "labels.csv", "boris": "labels.boris.csv", "eaf": "files", "store": "labels.h5",
        "audacity": "files"}  # fmt: skip


@pytest.fixture
def project(tmp_path):
    return project_in(tmp_path / "raw")


@pytest.fixture
def labels():
    segments = [Segment("", *row) for row in SAID]
    segments += [
        Segment("", "stand", 20, 30, "walk", "not"),
        Segment("", "stand", 0, 9, "no", "not"),
    ]
    return Labels().apply(actions.put(Labels(), segments))


def said(segments):
    return sorted((s.recording, s.start, s.end, s.label) for s in segments if s.kind == "is")


@pytest.mark.parametrize("way", WAYS)
def test_labels_go_out_and_come_in_again(project, labels, tmp_path, way):
    place = tmp_path / WAYS[way]
    before = raw(tmp_path / "raw")
    assert out.write(project, labels, place, way) == 4
    brought = bring.read(project, place)
    assert said(brought.segments) == sorted(SAID)
    assert not brought.notes
    assert {s.origin for s in brought.segments} == {"imported"}
    again = Labels().apply(actions.put(Labels(), brought.segments))
    assert said(again) == sorted(SAID)
    assert raw(tmp_path / "raw") == before


def test_what_comes_in_twice_changes_nothing(project, labels, tmp_path):
    out.write(project, labels, tmp_path / "labels.csv")
    edit = actions.put(labels, bring.read(project, tmp_path / "labels.csv").segments)
    assert said(labels.apply(edit)) == said(labels)


def test_a_csv_has_no_score_where_people_speak(project, labels, tmp_path):
    out.write(project, labels, tmp_path / "labels.csv")
    rows = list(csv.DictReader((tmp_path / "labels.csv").open()))
    assert [row["score"] for row in rows] == [""] * 4
    assert (rows[0]["name"], rows[0]["start_frame"], rows[0]["end_s"]) == (
        "monday/walk", "0", "0.667",
    )  # fmt: skip
    out.write(project, labels, tmp_path / "b.boris.csv")
    rows = list(csv.DictReader((tmp_path / "b.boris.csv").open()))
    assert {row["Comment start"] for row in rows} == {""}
    out.write(project, labels, tmp_path / "labels.json")
    assert {row["score"] for row in json.loads((tmp_path / "labels.json").read_text())} == {None}


def test_overlaps_are_tiers_of_elan(project, labels, tmp_path):
    out.write(project, labels, tmp_path / "files", "eaf")
    names = sorted(path.name for path in (tmp_path / "files").iterdir())
    assert names == ["monday_walk.eaf", "stand.eaf"]
    root = ElementTree.parse(tmp_path / "files" / "monday_walk.eaf").getroot()
    assert [tier.get("TIER_ID") for tier in root.iter("TIER")] == ["skelf", "skelf 2"]
    one = bring.read(project, tmp_path / "files" / "monday_walk.eaf", tier="skelf 2")
    assert said(one.segments) == [("monday/walk", 10, 30, SAID[1][3])]


def test_a_store_is_what_detectors_are_trained_on(project, labels, tmp_path):
    marked = labels.apply(classes.finish(labels, "monday/sit"))
    out.write(project, marked, tmp_path / "all.h5")
    clips = ClipSet.open(tmp_path / "all.h5")
    clips.validate()
    assert clips.names == ["monday/sit", "monday/walk", "stand"]
    assert clips.class_names == labels.classes
    assert "predicted" not in clips.attributes
    assert len(clips.segments) == 4
    for at, name in enumerate(clips.names):
        assert np.array_equal(clips.clip(at), project.clips(name).joints)
    out.write(project, labels, tmp_path / "some.h5")  # who is not labelled is no background
    assert ClipSet.open(tmp_path / "some.h5").names == ["monday/walk", "stand"]


def test_labels_that_recordings_came_with_come_in_when_asked(tmp_path):
    clips = generate(clips=2)
    rows = np.array([[0, 2, 9, 1], [1, 0, 5, 0]])
    marked = ClipSet.build(
        clips.joints, clips.length, clips.skeleton, name=["a", "b"], segments=rows,
        class_names=["walk", "sit"], fps=30,
    )  # fmt: skip
    marked.save(tmp_path / "set.h5")
    project = Project.create(tmp_path)
    bring_in(project)
    assert project.history().labels == Labels()
    assert said(bring.came_with(project).segments) == [
        ("set/a", 2, 9, "sit"), ("set/b", 0, 5, "walk"),
    ]  # fmt: skip


def test_labels_behind_a_shorter_recording_are_cut(project, labels, tmp_path):
    frames = project.recording("stand").frames
    edit = actions.add(labels, "stand", frames - 5, frames + 50, "walk")
    more = labels.apply(edit).apply(actions.add(labels, "stand", frames + 60, frames + 70, "run"))
    out.write(project, more, tmp_path / "labels.csv")
    brought = bring.read(project, tmp_path / "labels.csv")
    assert ("stand", frames - 5, frames, "walk") in said(brought.segments)
    assert len(brought.segments) == 5


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("x.csv", "name,start_s,end_s,label\nnobody,0,1,walk\n", "names a clip"),
        ("x.csv", "name,start_s,end_s,label\nstand,900,901,walk\n", "starts at 900"),
        ("x.csv", "name,start_s,end_s\nstand,0,1\n", "no column 'label'"),
        ("x.csv", "name,start_s,end_s,label\nstand,2,1,walk\n", "before it starts"),
        ("x.eaf", "<x/>", "not a file of ELAN"),
        ("x.h5", "", "not a readable store"),
        ("none.csv", None, "no such file"),
    ],
)
def test_files_that_cannot_be_labels_are_refused_in_one_line(project, tmp_path, file, text, why):
    if text is not None:
        (tmp_path / file).write_text(text)
    with pytest.raises(InputError, match=why) as told:
        bring.read(project, tmp_path / file)
    assert "\n" not in str(told.value)


def test_events_of_other_recordings_are_told(project, tmp_path):
    (tmp_path / "x.csv").write_text(
        "name,start_s,end_s,label\nother,0,1,walk\nstand.csv,0,1,walk\nraw/monday/walk,0,99,sit\n"
    )
    brought = bring.read(project, tmp_path / "x.csv")
    frames = project.recording("monday/walk").frames
    assert said(brought.segments) == [("monday/walk", 0, frames, "sit"), ("stand", 0, 30, "walk")]
    assert [note.partition(": ")[2][:20] for note in brought.notes] == [
        "1 events name no cli", "1 events end behind ",
    ]  # fmt: skip


def test_a_store_of_other_recordings_is_refused(project, tmp_path):
    clips = generate(clips=2)
    for names, why in ((["x", "y"], "no segment of a recording"), (["stand", "y"], "frames")):
        rows = np.array([[0, 0, 5, 0]])
        ClipSet.build(
            clips.joints, clips.length, clips.skeleton, name=names, class_names=["walk"],
            segments=rows,
        ).save(tmp_path / "x.h5")  # fmt: skip
        if why == "frames" and project.recording("stand").frames == clips.length[0]:
            continue
        with pytest.raises(InputError, match=why):
            bring.read(project, tmp_path / "x.h5")


def test_what_may_not_be_written_is_refused(project, labels, tmp_path):
    with pytest.raises(InputError, match="nothing is labelled"):
        out.write(project, Labels(), tmp_path / "x.csv")
    (tmp_path / "mine.csv").write_text("my,own\n")
    source = project.folder / project.recording("stand").source
    before = source.read_bytes()
    for place in (tmp_path / "mine.csv", source):
        with pytest.raises(InputError, match=r"exists and is not|that is read"):
            out.write(project, labels, place, overwrite=True)
    store = project.place / "stores" / project.recording("stand").store
    with pytest.raises(InputError, match="that is read"):
        out.write(project, labels, store, overwrite=True)
    assert source.read_bytes() == before
    out.write(project, labels, tmp_path / "x.csv")
    with pytest.raises(InputError, match="exists already"):
        out.write(project, labels, tmp_path / "x.csv")
    out.write(project, labels, tmp_path / "x.csv", overwrite=True)
    with pytest.raises(InputError, match="end"):
        out.write(project, labels, tmp_path / "x.unknown")

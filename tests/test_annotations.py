"""Labels, subjects and segments of clips from files beside them, whatever format the clips had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data.annotations.labels import with_labels
from skelf.data.annotations.names import ClipNames
from skelf.data.annotations.options import Annotations
from skelf.data.annotations.segments import with_segments
from skelf.data.clips import ClipSet
from skelf.data.readers import READERS, reader_options
from skelf.errors import InputError
from skelf.settings.options import table
from skelf.skeleton import Skeleton

STICK = Skeleton(("hip", "head"), (-1, 0), (), {"body": (0, 1)}, 0)
NAMES = ("a/walk1", "a/sit2", "b/walk3")


def clips(names: tuple[str, ...] = NAMES, frames: int = 100, **others: Any) -> ClipSet:
    joints = np.ones((frames * len(names), 1, 2, 3))
    return ClipSet.build(joints, [frames] * len(names), STICK, name=names, fps=25, **others)


def written(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_a_table_of_words(tmp_path: Path) -> None:
    text = (
        "File;Label;Subject;Camera;Age;Comment;Score\n"
        "data/a/walk1.csv;walk;P03;1;61;ok;2.5\n"
        "sit2;sit down;P12;2;;;1\n"
        "b/walk3;walk;P03;1;70;;2\n"
    )
    with pytest.warns(
        UserWarning, match="neither whole numbers nor yes and no are left out: comment, score"
    ):
        labelled = with_labels(clips(), written(tmp_path, text))
    assert labelled.class_names == ("sit down", "walk") and labelled.label.tolist() == [1, 0, 1]
    assert labelled.subject.tolist() == [3, 12, 3] and labelled.camera.tolist() == [1, 2, 1]
    assert labelled.setup.tolist() == [-1] * 3
    assert {key: v.tolist() for key, v in labelled.columns.items()} == {"age": [61, -1, 70]}


@pytest.mark.parametrize(
    ("cells", "classes", "expected", "given"),
    [
        (["2", "10", "2"], ("2", "10"), [0, 1, 0], ()),  # numbers are sorted as such
        (["1", "0", "1"], ("sit", "walk"), [1, 0, 1], ("sit", "walk")),
        (["1", "2", "1"], ("1", "2"), [0, 1, 0], ("sit", "walk")),  # no class has the number 2
        (["walk", "sit", ""], ("sit", "walk"), [1, 0, -1], ("sit", "walk")),
        (["run", "sit", ""], ("run", "sit"), [0, 1, -1], ("sit", "walk")),
    ],
)
def test_labels_by_number_or_by_word(
    cells: list[str], classes: tuple[str, ...], expected: list[int], given: Any, tmp_path: Path
) -> None:
    rows = "".join(f"{name},{cell}\n" for name, cell in zip(NAMES, cells, strict=True))
    labelled = with_labels(clips(class_names=given), written(tmp_path, "name,label\n" + rows))
    assert labelled.class_names == classes and labelled.label.tolist() == expected


def test_what_the_set_knew_stays(tmp_path: Path) -> None:
    known = clips(
        label=[0, 1, 0],
        class_names=["walk", "sit"],
        subject=[4, 5, 6],
        segments=np.array([[2, 0, 9, 1]]),
    )
    with pytest.warns(UserWarning, match="2 of 3 clips have no row: a/sit2, b/walk3"):
        labelled = with_labels(known, written(tmp_path, "name,label,subject\nwalk1,jump,9\n"))
    assert [labelled.class_names[i] for i in labelled.label] == ["jump", "sit", "walk"]
    assert labelled.subject.tolist() == [9, 5, 6]
    assert [labelled.class_names[i] for i in labelled.segments[:, 3]] == ["sit"]


def test_subjects_that_are_words_are_numbered(tmp_path: Path) -> None:
    text = "name,subject\nwalk1,Ann\nsit2,Bob\nwalk3,Ann\n"
    with pytest.warns(UserWarning, match="subject: words are numbered: Ann is 0, Bob is 1"):
        labelled = with_labels(clips(), written(tmp_path, text))
    assert labelled.subject.tolist() == [0, 1, 0]


def test_a_row_for_a_file_or_a_folder_of_several_clips(tmp_path: Path) -> None:
    labelled = with_labels(clips(), written(tmp_path, "file,label\na.csv,x\nb,y\n"))
    assert labelled.label.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("label,subject\nwalk,1\n", "no column 'file' or 'name' .there are label, subject"),
        ("name,label\nwalk1,a\na/walk1,b\n", "line 3: 'a/walk1': clip 'a/walk1' has a row already"),
        (
            "name,label\nrun,a\n",
            "no row names a clip: the first is 'run', clips are called a/walk1",
        ),
        ("name,label\nwalk,a\nwalk,b\n", "'walk' may be 'a/walk' and 'b/walk'; write the folder"),
        ("name,label\n", "no row below the header"),
        ("", "empty"),
    ],
)
def test_tables_that_do_not_hold(text: str, match: str, tmp_path: Path) -> None:
    some = clips(("a/walk", "b/walk")) if "walk,b" in text else clips()
    with pytest.raises(InputError, match=match):
        with_labels(some, written(tmp_path, text))


@pytest.mark.filterwarnings("ignore:.*have no row")
def test_a_subject_below_zero(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"subject: clip .* is below -1"):
        with_labels(clips(), written(tmp_path, "name,subject\nwalk1,-3\n"))


def test_a_row_without_a_clip_is_named(tmp_path: Path) -> None:
    text = "name,label\nwalk1,a\nsit2,a\nwalk3,b\nrun,c\n"
    with pytest.warns(UserWarning, match="1 rows name no clip: run"):
        labelled = with_labels(clips(), written(tmp_path, text))
    assert labelled.class_names == ("a", "b")


def test_names_of_clips() -> None:
    names = ClipNames(["S1.5", "a.b/c", "x/c"])
    assert names.find("S1.5", "") == [0] and names.find("S1.5.bvh", "") == [0]
    assert names.find(r"C:\data\a.b\c.bvh", "") == [1] and names.find("./x/c", "") == [2]
    assert names.find("", "") == names.find("/", "") == names.find("..", "") == []


ROWS = ["walk1,0.4,2,step", "walk1,2,3.1,turn", "walk3,1,1.5,step"]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("name,start_s,end_s,label", ROWS),
        ("Name,Start (s),End (s),Label", ROWS),
        ("name,onset,offset,label", ROWS),
        ("file,start,end,action", ROWS),
        ("name,start_frame,end_frame,label",
         ["walk1,10,50,step", "walk1,50,78,turn", "walk3,25,38,step"]),
        ("name,first_frame,last_frame,label",
         ["walk1,10,49,step", "walk1,50,77,turn", "walk3,25,37,step"]),
        ("name,start_ms,end_ms,label",
         ["walk1,400,2000,step", "walk1,2000,3100,turn", "walk3,1000,1500,step"]),
        ("name,start,stop,label",
         ["walk1,00:00:00.4,0:02,step", "walk1,0:02,00:00:03.1,turn", "walk3,0:01,0:01.5,step"]),
    ],
)  # fmt: skip
def test_segments_from_a_table(header: str, rows: list[str], tmp_path: Path) -> None:
    file = written(tmp_path, "\n".join([header, *rows]))
    annotated = with_segments(clips(), file)
    assert annotated.class_names == ("step", "turn")
    expected = [[0, 10, 50, 0], [0, 50, 78, 1], [2, 25, 38, 0]]
    assert annotated.segments.tolist() == expected
    assert annotated.label.tolist() == [-1, -1, -1]


BORIS = (
    "Observation id,Observation date,Description,Media file,Total length,FPS,Subject,Behavior,"
    "Behavioral category,Modifiers,Behavior type,Start (s),Stop (s),Duration (s),Comment start,"
    "Comment stop\n"
    "obs1,2021-01-01,,C:\\v\\a\\walk1.mp4,4,25,No focal subject,step,,,STATE,0.400,2.000,1.6,,\n"
    "obs1,2021-01-01,,C:\\v\\a\\walk1.mp4,4,25,No focal subject,look,,,POINT,1.000,1.000,NA,,\n"
    "walk3,2021-01-01,,D:/other.mp4,4,25,No focal subject,turn,,,STATE,1.000,1.500,0.5,,\n"
)


@pytest.mark.parametrize("mark", [",", "\t"])
def test_aggregated_events_of_boris(mark: str, tmp_path: Path) -> None:
    text = BORIS.replace("Media file", "Media file name") if mark == "\t" else BORIS
    file = written(tmp_path, text.replace(",", mark))
    with pytest.warns(UserWarning, match="1 events have no length and are left out: look"):
        annotated = with_segments(clips(), file)
    assert annotated.class_names == ("step", "turn")
    assert annotated.segments.tolist() == [[0, 10, 50, 0], [2, 25, 38, 1]]
    single = written(tmp_path, "Observation id,Behavior,Behavior type,Time\no,step,START,1\n")
    with pytest.raises(InputError, match="export aggregated events"):
        with_segments(clips(), single)


def eaf(*tiers: str, slots: str = "") -> str:
    slots = slots or (
        '<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="400"/><TIME_SLOT TIME_SLOT_ID="ts2"/>'
        '<TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="2000"/>'
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT FORMAT="3.0">'
        '<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR '
        'MEDIA_URL="file:///C:/my%20videos/walk1.mp4" MIME_TYPE="video/mp4"/></HEADER>'
        f"<TIME_ORDER>{slots}</TIME_ORDER>{''.join(tiers)}</ANNOTATION_DOCUMENT>"
    )


def tier(name: str, *rows: tuple[str, str, str]) -> str:
    annotations = "".join(
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{at}" TIME_SLOT_REF1="{first}" '
        f'TIME_SLOT_REF2="{last}"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>'
        "</ALIGNABLE_ANNOTATION></ANNOTATION>"
        for at, (first, last, value) in enumerate(rows)
    )
    return f'<TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="{name}">{annotations}</TIER>'


ACTIONS = tier("actions", ("ts1", "ts2", "step &amp; go"), ("ts2", "ts3", ""))


@pytest.mark.parametrize("name", ["walk1.eaf", "session.eaf"])  # by its name, else its video's
def test_annotations_of_elan(name: str, tmp_path: Path) -> None:
    file = written(tmp_path, eaf(ACTIONS, tier("empty")), name)
    annotated = with_segments(clips(), file)
    assert annotated.class_names == ("actions", "step & go")  # an empty one is called as its tier
    assert annotated.segments.tolist() == [[0, 10, 30, 1], [0, 30, 50, 0]]


def test_tiers_of_elan(tmp_path: Path) -> None:
    file = written(tmp_path, eaf(ACTIONS, tier("hands", ("ts1", "ts3", "up"))), "walk1.eaf")
    with pytest.raises(InputError, match="name one: tier='actions' or tier='hands'"):
        with_segments(clips(), file)
    assert with_segments(clips(), file, tier="hands").segments.tolist() == [[0, 10, 50, 0]]
    with pytest.raises(InputError, match="no tier 'feet'; there are actions, hands"):
        with_segments(clips(), file, tier="feet")


def test_a_folder_of_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    written(tmp_path, eaf(ACTIONS), "walk1.eaf")
    written(tmp_path / "b", "start_s,end_s,label\n0,1,step\n", "walk3.csv")
    annotated = with_segments(clips(), tmp_path)
    assert annotated.segments[:, 0].tolist() == [0, 0, 2]


@pytest.mark.parametrize(
    ("text", "name", "match"),
    [
        ("name,start,end,label\nwalk1,1,2,a\n", "t.csv", "whole numbers, seconds or frames"),
        ("name,end_s,label\nwalk1,1,2\n", "t.csv", "no column 'start_s' or 'start_frame'"),
        ("name,start_s,label\nwalk1,1,2\n", "t.csv", "no column 'end_s' or 'end_frame'"),
        ("name,start_s,end_s\nwalk1,1,2\n", "t.csv", "no column 'label'"),
        ("name,start_s,end_frame,label\nwalk1,1,2,a\n", "t.csv", "are in two units"),
        ("name,start_s,end_s,label\nwalk1,2,1,a\n", "t.csv", "line 2: ends at 1, before it starts"),
        ("name,start_s,end_s,label\nwalk1,9,10,a\n", "t.csv", "starts at 9 s, clip 'a/walk1'"),
        ("name,start_s,end_s,label\nwalk1,x,10,a\n", "t.csv", "line 2: start_s: 'x' is no finite"),
        ("name,start_s,end_s,label\nwalk1,,1,a\n", "t.csv", "line 2: start_s: ''; write a number"),
        ("name,start_s,end_s,label\nwalk1,-1,1,a\n", "t.csv", "line 2: start_s: '-1'"),
        ("name,start_s,end_s,label\nwalk1,0,1,\n", "t.csv", "line 2: no label"),
        ("name,start_s,end_s,label\n,0,1,a\n", "t.csv", "line 2: no name; name the recording"),
        ("name,start_s,end_s,label\na,0,1,a\n", "t.csv", "'a' may be any of a/walk1, a/sit2"),
        ("name,start_s,end_s,label\nrun,0,1,a\n", "t.csv", "no event names a clip: the first is"),
        (eaf(), "walk1.eaf", "no event with a start"),
        (eaf(ACTIONS)[:-20], "walk1.eaf", "not XML, or cut off"),
        ("<a/>", "walk1.eaf", "not a file of ELAN .its root is 'a'"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + eaf(ACTIONS), "walk1.eaf", "declares XML entities"),
        (eaf(tier("t", ("ts1", "ts9", "a"))), "walk1.eaf", "tier t: a0: its time slots are not"),
        (eaf(tier("t", ("ts3", "ts1", "a"))), "walk1.eaf", "ends before it starts"),
        (eaf(ACTIONS, slots="<TIME_SLOT TIME_SLOT_ID='ts1'/>"), "walk1.eaf", "time slots are not"),
        (eaf(ACTIONS).replace('"400"', '"now"'), "walk1.eaf", "TIME_VALUE: 'now' is no finite"),
        (eaf(ACTIONS).replace("milliseconds", "PAL-frames"), "walk1.eaf", "TIME_UNITS"),
        ("", "walk1.eaf", "empty"),
    ],
)  # fmt: skip
def test_segments_that_do_not_hold(text: str, name: str, match: str, tmp_path: Path) -> None:
    file = written(tmp_path, text, name)
    with pytest.raises(InputError, match=f"{name}: .*{match}"):
        with_segments(clips(), file)


def test_ends_behind_the_recording_and_strange_names_are_noted(tmp_path: Path) -> None:
    text = "name,start_s,end_s,label\nwalk1,3,9,a\nwalk3,3,4.02,a\nrun,0,1,b\n"
    with pytest.warns(UserWarning) as caught:
        annotated = with_segments(clips(), written(tmp_path, text))
    notes = " ".join(str(warning.message) for warning in caught)
    assert "1 events name no clip: run" in notes
    assert "1 events end behind their recording and are cut: a/walk1" in notes
    assert annotated.segments.tolist() == [[0, 75, 100, 0], [2, 75, 100, 0]]
    assert annotated.class_names == ("a",)


def test_segments_that_were_there_of_other_clips_stay(tmp_path: Path) -> None:
    known = clips(
        segments=np.array([[0, 1, 2, 0], [1, 3, 9, 0]]), class_names=["x"], label=[-1, 0, -1]
    )
    text = "name,start_s,end_s,label\nwalk1,0,1,a\n"
    annotated = with_segments(known, written(tmp_path, text))
    assert annotated.class_names == ("a", "x") and annotated.label.tolist() == [-1, 1, -1]
    assert annotated.segments.tolist() == [[0, 0, 25, 0], [1, 3, 9, 1]]


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "300"})


def test_every_format_has_them(tmp_path: Path) -> None:
    for name in READERS:
        cls = reader_options(name)
        assert cls is None or not table(cls).keys() & table(Annotations).keys(), name
    source = tmp_path / "in"
    source.mkdir()
    rows = "\n".join(f"{t},0,1,0,0,1.7,{t}" for t in range(30))
    for name in ("one", "two"):
        (source / f"{name}.csv").write_text(
            f"t_ms,hip_x,hip_y,hip_z,head_x,head_y,head_z\n{rows}\n"
        )
    done = call("template", source / "one.csv")
    (source / "mapping.toml").write_text(done.output)
    labels = written(tmp_path, "file,class,subject\none.csv,walk,3\nthree.csv,sit,4\n", "l.csv")
    spans = written(tmp_path, "file,start_frame,end_frame,label\ntwo.csv,2,9,turn\n", "s.csv")
    out = tmp_path / "out.h5"
    done = call("import", "csv", source, "--out", out, f"labels={labels}", f"segments={spans}")
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "l.csv: 1 rows name no clip: three.csv" in done.output
    assert "l.csv: 1 of 2 clips have no row: two" in done.output
    clips = ClipSet.open(out)
    assert clips.class_names == ("turn", "walk") and clips.subject.tolist() == [3, -1]
    assert clips.segments.tolist() == [[1, 2, 9, 0]] and clips.label.tolist() == [1, -1]
    assert "labels" in call("import", "ntu", "--help").output
    done = call("import", "csv", source, "--out", labels, f"labels={labels}", "--force")
    assert isinstance(done.exception, InputError) and "the file that is read" in str(done.exception)
    assert labels.read_text().startswith("file,class")
    done = call("import", "csv", source, "--out", tmp_path / "b.h5", f"labels={tmp_path / 'no'}")
    assert isinstance(done.exception, InputError) and not (tmp_path / "b.h5").exists()


def test_words_with_braces_are_words(tmp_path: Path) -> None:
    """`clip={class}_*.csv` begins as a table of TOML does."""
    for words in (["mapping={a}.toml"], ["mapping='{a}.toml'"], ["csv.mapping={a}.toml"]):
        done = call("import", "csv", tmp_path, "--out", tmp_path / "a.h5", *words)
        assert "{a}.toml: cannot read the mapping" in str(done.exception)

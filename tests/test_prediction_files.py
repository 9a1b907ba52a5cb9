"""Files of predictions, read back by our own readers."""

import csv
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from skelf.data.annotations.labels import with_labels
from skelf.data.annotations.segments import with_segments
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.inference.answers import Answer
from skelf.inference.destination import destination
from skelf.inference.result import Result
from skelf.inference.segments import Segment
from skelf.inference.writers import WRITERS

RECORDINGS = generate(clips=0, recordings=3, seed=2)
CLIPS = generate(clips=12)


def bare(clips: ClipSet) -> ClipSet:
    return replace(clips, segments=np.zeros((0, 4), np.int64))


def found(clips: ClipSet = RECORDINGS) -> Result:
    """The truth as if it had been detected."""
    segments = [
        Segment(clips.names[k], a / clips.fps[k], b / clips.fps[k], a, b, clips.class_names[c], 0.8)
        for k, a, b, c in clips.segments.tolist()
    ]
    return Result(Path("day.h5"), clips, segments=tuple(segments))


def answered() -> Result:
    answers = [
        Answer(name, -1, f"class {at % 3}", 0.7, "other, 'one'", 0.2, "", 0.0, at == 5)
        for at, name in enumerate(CLIPS.names)
    ]
    return Result(Path("clips.h5"), CLIPS, answers=tuple(answers))


def written(to: str, path: Path, *results: Result) -> Path:
    kind = "classifier" if results[0].answers else "detector"
    with WRITERS[to](path, kind) as add:
        for result in results:
            add(result)
    return path


def same_segments(read: ClipSet, clips: ClipSet) -> None:
    """Of classes by name; readers sort rows."""
    said = [
        sorted((k, a, b, c.class_names[n]) for k, a, b, n in c.segments.tolist())
        for c in (read, clips)
    ]
    assert said[0] == said[1]
    assert said[0]


@pytest.mark.parametrize(("to", "name"), [("csv", "all.csv"), ("boris", "all.boris.csv")])
def test_a_table_of_segments_is_read_back(to: str, name: str, tmp_path: Path) -> None:
    file = written(to, tmp_path / name, found(RECORDINGS.take([0])), found(RECORDINGS.take([1, 2])))
    same_segments(with_segments(bare(RECORDINGS), file), RECORDINGS)


@pytest.mark.parametrize(("to", "suffix"), [("eaf", "eaf"), ("audacity", "txt")])
def test_files_of_one_recording_are_read_back(to: str, suffix: str, tmp_path: Path) -> None:
    written(to, tmp_path, found())
    assert sorted(f.name for f in tmp_path.iterdir()) == sorted(
        f"{name}.{suffix}" for name in RECORDINGS.names
    )
    same_segments(with_segments(bare(RECORDINGS), tmp_path), RECORDINGS)


def test_an_eaf_of_another_name_knows_its_recording(tmp_path: Path) -> None:
    one = RECORDINGS.take([1])
    file = written("eaf", tmp_path / "mine.eaf", found(one))
    same_segments(with_segments(bare(one), file), one)
    with pytest.raises(InputError, match=r"of one recording.*--out mine/ --to eaf"):
        written("eaf", tmp_path / "mine.eaf", found())


def test_annotations_of_a_tier_never_overlap_and_slots_are_in_time(tmp_path: Path) -> None:
    one = RECORDINGS.take([0])
    name = one.names[0]
    spans = [(0, 1, 0.9), (0.5, 2, 0.8), (0.7, 3, 0.4), (1.5, 1.5001, 0.3), (2.5, 4, 0.2)]
    segments = [Segment(name, a, b, int(30 * a), int(30 * b), "a & <b>", s) for a, b, s in spans]
    file = written("eaf", tmp_path / "o.eaf", Result(Path("x"), one, segments=tuple(segments)))
    root = ElementTree.parse(file).getroot()
    times = {s.get("TIME_SLOT_ID"): int(s.get("TIME_VALUE", "")) for s in root.iter("TIME_SLOT")}
    assert [*times.values()] == sorted(times.values())
    tiers = {t.get("TIER_ID"): t for t in root.iter("TIER")}
    assert [*tiers] == ["skelf", "skelf 2", "skelf 3"]
    for tier in tiers.values():
        bounds = [
            (times[a.get("TIME_SLOT_REF1")], times[a.get("TIME_SLOT_REF2")])
            for a in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        assert all(first < last for first, last in bounds)
        assert all(a[1] <= b[0] for a, b in pairwise(bounds))
    assert {v.text for v in root.iter("ANNOTATION_VALUE")} == {"a & <b>"}


def test_a_store_holds_what_the_model_says(tmp_path: Path) -> None:
    file = written(
        "store", tmp_path / "s.h5", found(RECORDINGS.take([0])), found(RECORDINGS.take([2]))
    )
    read = ClipSet.open(file)
    assert read.attributes["predicted"] == "true"
    wanted = RECORDINGS.take([0, 2])
    assert np.array_equal(np.concatenate([read.clip(0), read.clip(1)]),
                          np.concatenate([wanted.clip(0), wanted.clip(1)]))  # fmt: skip
    same_segments(read, wanted)
    labelled = ClipSet.open(written("store", tmp_path / "l.h5", answered()))
    assert labelled.label.tolist() == [0, 1, 2, 0, 1, -1, 0, 1, 2, 0, 1, 2]
    assert labelled.class_names == ("class 0", "class 1", "class 2")


def test_answers_as_csv_and_json(tmp_path: Path) -> None:
    file = written("csv", tmp_path / "a.csv", answered())
    rows = list(csv.DictReader(file.open()))
    assert rows[5]["unknown"] == "yes"
    assert rows[0] == {
        "file": "clips.h5", "name": CLIPS.names[0], "person": "", "label": "class 0",
        "probability": "0.7", "second": "other, 'one'", "second_probability": "0.2", "third": "",
        "third_probability": "", "unknown": "no",
    }  # fmt: skip
    with pytest.warns(UserWarning, match="neither whole numbers nor yes and no are left out"):
        labelled = with_labels(CLIPS, file)
    assert [labelled.class_names[n] for n in labelled.label[:3]] == [
        "class 0",
        "class 1",
        "class 2",
    ]
    told = json.loads(written("json", tmp_path / "a.json", answered(), answered()).read_text())
    assert len(told) == 24
    assert told[5]["unknown"] is True
    assert told[0]["third"] is None
    assert json.loads(written("json", tmp_path / "n.json", found(RECORDINGS)._replace(
        segments=())).read_text()) == []  # fmt: skip


def test_nothing_is_left_of_a_file_that_fails(tmp_path: Path) -> None:
    place = tmp_path / "a.csv"
    place.write_text("file,name,person,\n")

    def fail() -> None:
        with WRITERS["csv"](place, "classifier") as add:
            add(answered())
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        fail()
    assert place.read_text() == "file,name,person,\n"
    assert [f.name for f in tmp_path.iterdir()] == ["a.csv"]


def test_where_predictions_may_go(tmp_path: Path) -> None:
    def ask(name: str, kind: str = "detector", to: str | None = None, files: int = 1, **more: bool):
        return destination(
            tmp_path / name, to, kind, files, inputs=[], replace=more.get("replace", False)
        )

    assert ask("a.csv").to == "csv"
    assert ask("a.boris.csv").to == "boris"
    assert ask("labels", to="eaf", files=3) == (tmp_path / "labels", "eaf")
    for arguments, match in (
        ({"name": "a.doc"}, "name a file that ends in .csv, .json"),
        ({"name": "a.csv", "to": "word"}, "unknown --to 'word'"),
        ({"name": "a.eaf", "kind": "classifier"}, "not when something happens"),
        ({"name": "a.eaf", "files": 2}, "is of one recording, and 2 are read"),
    ):
        with pytest.raises(InputError, match=match):
            ask(**arguments)
    (tmp_path / "labels" / "walk.eaf").write_text("<ANNOTATION_DOCUMENT/>")
    with pytest.raises(InputError, match=r"holds walk\.eaf already"):
        ask("labels", to="eaf")
    ask("labels", to="eaf", replace=True)
    (tmp_path / "people.csv").write_text("name,label\nwalk,fast\n")
    with pytest.raises(InputError, match="is not a table of predictions"):
        ask("people.csv", replace=True)

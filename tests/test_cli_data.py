from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data.clips import ClipSet
from skelf.errors import InputError
from skelf.layouts import COCO17, KINECT20


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args], env={"COLUMNS": "120"})


def good(*args: object) -> str:
    result = call(*args)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def refused(*args: object) -> str:
    result = call(*args)
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    good("import", "synthetic", "--out", tmp_path / "made.h5", "--clips", 36, "--seed", 1)
    return tmp_path / "made.h5"


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    path = tmp_path / "a.npz"
    np.savez(
        path,
        frames=np.random.default_rng(0).normal(size=(9, 1, 20, 3)),
        offsets=[0, 4, 5, 9],
        labels=[1, 0, 1],
        class_names=["sit", "[b]stand"],
        joint_names=KINECT20.names,
        fps=30,
        folds=[1, 2, 3],
        frame_labels=np.zeros(9, int),
    )
    return path


@pytest.mark.parametrize("command", ["import", "info", "check", "split"])
def test_help_has_an_example(command: str) -> None:
    assert "Example: skelf data " + command in good(command, "--help")


def test_import_arrays(npz: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.h5"
    text = " ".join(good("import", "arrays", npz, "--out", out).split())
    assert "3 clips, 9 frames" in text and "ignored frame_labels" in text
    assert ClipSet.open(out).skeleton == KINECT20
    assert "exists already" in refused("import", "arrays", npz, "--out", out)
    good("import", "arrays", npz, "--out", out, "--force", "--layout", "kinect20")
    assert "'ntu25' has 25" in refused(
        "import", "arrays", npz, "--out", tmp_path / "b.h5", "--layout", "ntu25"
    )
    assert not (tmp_path / "b.h5").exists()


def test_import_synthetic_is_said_plainly(tmp_path: Path) -> None:
    out = tmp_path / "s.h5"
    arguments = ("--clips", 12, "--persons", 2, "--recordings", 2, "--layout", "coco17")
    assert "synthetic" in good("import", "synthetic", "--out", out, *arguments)
    clips = ClipSet.open(out)
    assert len(clips) == 14 and clips.persons == 2 and clips.skeleton.name == "coco17"
    assert "synthetic: computed figures, not recordings of people" in good("info", out)
    good("import", "synthetic", "--out", tmp_path / "r.h5", "--recordings", 2)
    assert len(ClipSet.open(tmp_path / "r.h5")) == 2


def test_import_refuses(tmp_path: Path) -> None:
    out = tmp_path / "x.h5"
    assert "did you mean 'arrays'" in refused("import", "array", "x", "--out", out)
    assert "leave PATH out" in refused("import", "synthetic", "x", "--out", out)
    assert "which file" in refused("import", "arrays", "--out", out)
    assert "no such file" in refused("import", "arrays", tmp_path / "none.npz", "--out", out)
    assert call("import", "synthetic").exit_code == 2  # no --out
    folder = tmp_path / "folder"
    folder.mkdir()
    for more in ((), ("--force",)):
        assert "folder: a folder; name a file" in refused(
            "import", "synthetic", "--out", folder, *more
        )
    assert "folder: a folder; name a file" in refused("info", folder)
    assert "folder: a folder; name a file" in refused("import", "arrays", folder, "--out", out)
    assert list(tmp_path.iterdir()) == [folder] and not list(folder.iterdir())


def test_info(made: Path) -> None:
    text = good("info", made)
    for part in ("36", "kinect20", "12 classes", "wave left 3", "3 cameras", "xview", "synthetic"):
        assert part in text
    facts = json.loads(good("info", made, "--json"))
    assert facts["clips"] == 36 and facts["classes"]["turn"] == 3
    assert facts["splits"]["xview"] == {"train": 24, "test": 12}
    assert facts["cameras"] == [0, 1, 2] and facts["bytes"] == made.stat().st_size
    clips = ClipSet.open(made)
    assert facts["frames"] == facts["length_frames"]["total"] == clips.frames_total


def test_options_of_synthetic_are_not_dropped_silently(npz: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.h5"
    text = refused("import", "openpose", tmp_path, "--out", out, "--persons", 1)
    assert text == "--persons is of synthetic; with openpose write persons=1"
    text = refused("import", "arrays", npz, "--out", out, "--seed", 0)
    assert text == "--seed is of synthetic; with arrays leave it out"


def test_a_set_by_its_name(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKELF_DATA", str(made.parent))
    assert "ntu60.h5 is not there" in refused("info", "ntu60")
    made.rename(made.with_name("ntu60.h5"))
    assert "36 (" in good("info", "ntu60")
    assert "split one: 12 train" in good(
        "split", "ntu60", "--name", "one", "--by", "camera", "--train", 0
    )
    good("export", "ntu60", "--out", made.with_name("a.npz"))
    assert made.with_name("a.npz").is_file()


def test_info_tells_coordinates_and_confidence_apart(tmp_path: Path) -> None:
    joints = np.ones((4, 1, 17, 3), np.float32)
    clips = ClipSet.build(
        joints,
        [1, 3],
        COCO17,
        label=[7, 399],
        class_names=[f"class{i}" for i in range(400)],
        attributes={"confidence": "true"},
    )
    clips.save(tmp_path / "a.h5")
    text = " ".join(good("info", tmp_path / "a.h5").split())
    assert "17 joints, 2 coordinates and a confidence" in text and "│ confidence" not in text
    assert "400 classes (clips)" in text and "class7 1, class399 1, 398 without any" in text
    assert "class8" not in text
    facts = json.loads(good("info", tmp_path / "a.h5", "--json"))
    assert (facts["channels"], facts["coordinates"], facts["confidence"]) == (3, 2, True)
    assert len(facts["classes"]) == 400
    replace(clips, attributes={}).save(tmp_path / "b.h5")
    assert "17 joints, 3 coordinates │" in " ".join(good("info", tmp_path / "b.h5").split())


def test_info_of_more_classes_than_a_table_shows(tmp_path: Path) -> None:
    clips = ClipSet.build(
        np.ones((300, 1, 20, 3), np.float32),
        [1] * 300,
        KINECT20,
        label=range(300),
        class_names=[f"class{i}" for i in range(300)],
    )
    clips.save(tmp_path / "a.h5")
    text = " ".join(good("info", tmp_path / "a.h5").split())
    assert "class119 1, 180 more" in text.replace("│ │ ", "") and "class120" not in text


def test_info_keeps_brackets(npz: Path, tmp_path: Path) -> None:
    good("import", "arrays", npz, "--out", tmp_path / "a.h5")
    text = good("info", tmp_path / "a.h5")
    assert "[b]stand 2" in text and "column fold" in text


def test_check(made: Path) -> None:
    assert "sound" in good("check", made)
    with h5py.File(made, "r+") as file:
        file["clips/label"][0] += 1
    assert "clips/label" in refused("check", made)
    assert "no such file" in refused("check", made.with_name("none.h5"))


def test_split(made: Path) -> None:
    text = good("split", made, "--name", "two", "--by", "camera", "--train", "0", "--test", "2")
    assert "split two: 12 train, 12 test" in text
    good("split", made, "--name", "rest", "--by", "subject", "--train", "0,1,2")
    good("split", made, "--name", "any", "--by", "random", "--train", "0.75", "--seed", 2)
    clips = ClipSet.open(made)
    assert set(clips.splits) == {"xsub", "xview", "two", "rest", "any"}
    train, test = clips.split("two")
    assert set(train.camera) == {0} and set(test.camera) == {2}
    train, test = clips.split("rest")
    assert set(train.subject) == {0, 1, 2} and not set(test.subject) & {0, 1, 2}
    assert len(clips.split("any")[0]) == 27
    good("check", made)


def test_split_by_a_column(npz: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.h5"
    good("import", "arrays", npz, "--out", out)
    good("split", out, "--name", "fold1", "--by", "fold", "--train", "2,3", "--test", "1")
    assert ClipSet.open(out).splits["fold1"].tolist() == [2, 1, 1]
    message = refused("split", out, "--name", "x", "--by", "subject", "--train", "0")
    assert "does not occur; present: [-1]" in message


def test_split_refuses(made: Path) -> None:
    def split(by: str, train: str, *more: object, name: str = "x") -> str:
        return refused("split", made, "--name", name, "--by", by, "--train", train, *more)

    raw = made.read_bytes()
    assert "camera: the value 7 does not occur; present: [0, 1, 2]" in split("camera", "0,7")
    assert "did you mean 'camera'" in split("camra", "0")
    assert "give whole numbers" in split("camera", "a")
    assert "wants a share" in split("random", "a")
    assert "leave --test out" in split("random", "0.5", "--test", "1")
    assert "would train and test" in split("camera", "0,1", "--test", "1")
    for name in ("a/b", "a b", "", ".a", "a\0", "a\n", "\udcff"):
        assert "cannot name" in split("camera", "0", name=name)
    for share in ("nan", "inf", "0", "1", "-0.5", "1.5"):
        assert "must lie between 0 and 1" in split("random", share)
    assert "leaves a side" in split("random", "0.001")
    for seed in (-1, 2**63):
        assert f"seed {seed}: must be 0 or more" in split("random", "0.5", "--seed", seed)
    assert made.read_bytes() == raw


def test_split_leaves_copies_of_training_clips_out(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    lengths = [4, 4, 3, 4, 5, 4]
    clips = [generator.normal(size=(length, 1, 20, 3)) for length in lengths]
    clips[3], clips[5] = clips[0], clips[1]  # the first of camera 1, the second of camera 0
    clips[2] = clips[0][:3]  # its beginning is no copy
    path = tmp_path / "copies.h5"
    camera = [0, 0, 1, 1, 1, 0]
    ClipSet.build(np.concatenate(clips), [len(c) for c in clips], KINECT20, camera=camera).save(
        path
    )
    shared = ("--by", "camera", "--train", 0)
    assert good("split", path, "--name", "all", *shared).endswith("3 train, 3 test\n")
    said = good("split", path, "--name", "clean", *shared, "--drop-copies").split()
    assert "3 train, 2 test (1 equal to training clips left out)" in " ".join(said)
    assert ClipSet.open(path).splits["clean"].tolist() == [1, 1, 2, 0, 2, 1]


def test_a_rate_that_is_assumed_is_a_note(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=(4, 17, 3)))
    words = ["import", "arrays", str(tmp_path / "a.npy"), "--layout", "coco17", "--force", "--out"]
    said = CliRunner().invoke(app, [*words, str(tmp_path / "a.h5")])
    assert "30 a second assumed; else give fps=" in " ".join(said.output.split())
    said = CliRunner().invoke(app, [*words, str(tmp_path / "a.h5"), "fps=25"])
    assert said.exit_code == 0 and "a second assumed" not in said.output

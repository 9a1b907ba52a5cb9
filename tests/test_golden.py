"""What commit 106fba9 wrote still opens, and gives the numbers that it gave then.

`tests/golden/README.md` says how the files were made. Numbers agree to 3e-5: other processors round
in another way (1.1e-5 has been seen). `benchmarks.same` compares bits, on one machine.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import skelf
from benchmarks.same_compare import READ, differing
from skelf.checkpoints import folder as checkpoint
from skelf.protocols.features import extract
from skelf.training.log import read_log

GOLDEN = Path(__file__).parent / "golden"
CLOSE = 3e-5
LATER = ("config.eval.crop", "config.eval.train_crops", ".clips", ".checksum")
"""Options that came later; their defaults are what was done then."""
JUDGED = (
    "eval.linear.epochs=20",
    "eval.linear.lr=0.1",
    "eval.linear.milestones=[15]",
    "eval.linear.standardize=true",
    "eval.linear.validation=0",
    "eval.knn.k=3",
    "eval.retrieval.ks=[1,5]",
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy, since a run keeps its features in its folder."""
    return shutil.copytree(GOLDEN, tmp_path / "golden")


def far_apart(expected: Any, actual: Any) -> list[tuple[str, str, float]]:
    """What differs, but for rounding and for options that came later."""
    lines = [line for line in differing(expected, actual) if not 0 < line[2] <= CLOSE]
    return [line for line in lines if line[1] != "only one side has it" or not later(line[0])]


def later(name: str) -> bool:
    """Whether a row's value is one of `LATER`."""
    return name.endswith(LATER)


def test_the_store_opens() -> None:
    clips = skelf.ClipSet.open(GOLDEN / "clips.h5")
    assert (len(clips), clips.skeleton.name, clips.persons) == (24, "sbu15", 1)
    assert [len(side) for side in clips.split("xview")] == [12, 12]
    config = json.loads((GOLDEN / "run/config.json").read_text(encoding="utf-8"))
    assert clips.digest() == config["source"]["digest"]


def test_a_store_is_written_as_it_was(tmp_path: Path) -> None:
    skelf.ClipSet.open(GOLDEN / "clips.h5").save(tmp_path / "again.h5")
    read = READ[".h5"]
    assert differing(read(GOLDEN / "clips.h5"), read(tmp_path / "again.h5")) == []


def test_features(files: Path) -> None:
    clips = skelf.ClipSet.open(files / "clips.h5", normalize="centre")
    features = extract(skelf.load(files / "run"), clips).numpy()
    np.testing.assert_allclose(features, np.load(files / "features.npy"), atol=CLOSE, rtol=0)


def test_rows_and_scores(files: Path) -> None:
    protocols = ["linear", "knn", "retrieval"]
    new, store = files / "new/rows.json", files / "clips.h5"
    new.parent.mkdir()
    skelf.evaluate(
        protocols, files / "run", store, split="xview", out=new, overrides=JUDGED, device="cpu"
    )
    assert sorted(file.name for file in new.parent.iterdir()) == sorted(
        file.name for file in GOLDEN.glob("rows*")
    )
    for file in new.parent.iterdir():
        read = READ[file.suffix]
        assert far_apart(read(GOLDEN / file.name), read(file)) == [], file.name


def test_the_run_goes_on(files: Path) -> None:
    run = files / "run"
    settings = [f"encoder.{pair}" for pair in ("dim=8", "layers=1", "frames=8")]
    trained = "epochs=3 batch_size=8 lr=1e-3 milestones=[1] save_every=2 precision=fp32 devices=cpu"
    settings += [*(f"train.{pair}" for pair in trained.split()), "data.normalize=centre"]
    before = read_log(run)
    skelf.pretrain(
        "usdrl", files / "clips.h5", out=run, split="xview", overrides=settings, resume=True
    )
    assert checkpoint.newest(run).name == "step00000006"
    assert read_log(run)[:2] == before
    assert len(read_log(run)) == 3


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ({"value": 0.5}, {"value": 0.5 + 1e-7}, False),
        ({"value": 0.5}, {"value": 0.6}, True),
        ({"value": 0.5}, {}, True),
        ({"k": 3}, {"k": 4}, True),
        (np.ones(3), np.ones(4), True),
        (np.ones(3), np.ones(3) + 1e-4, True),
    ],
)
def test_a_difference_is_seen(one: Any, other: Any, apart: bool) -> None:
    assert bool(far_apart(one, other)) == apart

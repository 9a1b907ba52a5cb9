"""A run small enough for a test: a synthetic set, an encoder of width 16, a few steps an epoch."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import torch

from skelf import api
from skelf.checkpoints import folder as checkpoint
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.training.log import read_log

ROOT = Path(__file__).parents[1]
PYTHON = [sys.executable, "-m", "skelf"]
# One thread: sums have one order, and the tests leave the other core alone.
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
SETTINGS = (
    "encoder.dim=16",
    "encoder.frames=8",
    "train.epochs=4",
    "train.batch_size=8",
    "train.lr=2e-3",
    "train.milestones=[3]",
    "train.precision=fp32",
    "train.devices=cpu",
    "data.normalize=none",
)


@cache
def clips() -> ClipSet:
    """Of the 36 clips 20 train in "half", each class on both sides: a last batch of 4."""
    made = generate(clips=36, seed=1)
    return made.with_split("half", [1 if i < 20 else 2 for i in range(len(made))])


def pretrain(out: Path, *overrides: str, split: str | None = "half", **options: Any) -> Path:
    return api.pretrain(
        "usdrl", clips(), out=out, split=split, overrides=(*SETTINGS, *overrides), **options
    )


class Stop(Exception):  # noqa: N818
    """What the tests end a run with, in the middle of an epoch."""


def stop_in(epoch: int) -> Any:
    """A listener that ends the run after the first step of `epoch`."""

    def listen(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["epoch"] == epoch:
            raise Stop

    return listen


def assert_same(one: Path, other: Path) -> None:
    """The last checkpoints hold the same bits, and the logs tell the same story."""
    a, b = checkpoint.newest(one), checkpoint.newest(other)
    assert a is not None and b is not None and a.name == b.name
    states = [checkpoint.read_state(folder) for folder in (a, b)]
    assert states[0][1] == states[1][1]
    for left, right in (
        (checkpoint.read_tensors(a), checkpoint.read_tensors(b)),
        (states[0][0], states[1][0]),
    ):
        assert left.keys() == right.keys()
        assert [name for name in left if not torch.equal(left[name], right[name])] == []
    assert story(one) == story(other)


def story(run: Path) -> list[dict[str, Any]]:
    """The log without what depends on the machine's speed."""
    rows, times = read_log(run), ("clips_per_second", "wait_share")
    return [{k: v for k, v in row.items() if k not in times} for row in rows]

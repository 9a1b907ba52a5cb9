"""Predicting an hour, against the detection path of an earlier commit; memory of ten hours.

`plain` is commit 106fba9 where git has it, else the same path as it is now. Both sides predict in
turn, each in a process of its own. A row for each way of laying windows: those that "overlap" by
half are what that commit has; those that do by a "quarter", and "disjoint" ones, are fewer, and
fitting takes them where they are no worse. The plain side overlaps by half in every row.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from .fresh import fresh, peak_of
from .predict_work import SIZES, long_recording, side
from .sides import ROOT, Side, base_tree, in_turn
from .timing import Effort, Times, compared

WAYS = ("overlap", "quarter", "disjoint")
SECONDS = {"small": (600, 36_000), "tiny": (10, 40)}
"""Lengths of recordings whose memory is measured."""


def predict(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Frames a second, and GiB beyond what the process held, of a short and a long recording."""
    rows = []
    for size in effort.sizes:
        frames = SIZES[size]["length"]
        with TemporaryDirectory() as folder:
            store = str(Path(folder, "recording.h5"))
            long_recording(store, size, frames)
            for windows, times in measured(store, size, effort.repeats, Path(folder)).items():
                row: dict[str, Any] = {"benchmark": "predict", "threads": 1}
                row |= {"size": f"{windows}, {size}"} | effort.said() | compared(times, frames)
                short, long = (memory(size, windows, s, folder) for s in SECONDS[size])
                row |= {"memory of the short GiB": short, "skelf memory GiB": long}
                rows.append(row)
    return rows


def measured(store: str, size: str, repeats: int, folder: Path) -> dict[str, dict[str, Times]]:
    """Windows -> medians of both sides, all in turn."""
    base = base_tree(folder)
    sides = {name: Side(ROOT, "predict_work.py", ("skelf", store, size, name)) for name in WAYS}
    sides["plain"] = Side(base, "predict_work.py", ("plain", store, size, "overlap"))
    medians = in_turn(sides, repeats)
    return {windows: {"plain": medians["plain"], "skelf": medians[windows]} for windows in WAYS}


def memory(size: str, windows: str, seconds: int, folder: str) -> float:
    """GiB that predicting a recording takes beyond what the process held before."""
    store = str(Path(folder, f"{seconds}.h5"))
    if not Path(store).exists():
        fresh(long_recording, store, size, 30 * seconds)
    return float(fresh(peak_of_predicting, store, size, windows))


def peak_of_predicting(store: str, size: str, windows: str) -> float:
    """See `memory`; the first windows of all are no part of it."""
    torch.set_num_threads(1)
    return peak_of(side("skelf", store, size, windows))

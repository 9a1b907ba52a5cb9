"""Predicting an hour, against the detection path of an earlier commit; memory of ten hours.

`plain` is commit 106fba9 where git has it, else the same path as it is now. Both sides predict in
turn, each in a process of its own. A row for each way of laying windows: those that "overlap" by
half are what that commit has; those that do by a "quarter", and "disjoint" ones, are fewer, and
fitting takes them where they are no worse. The plain side overlaps by half in every row.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from .fresh import fresh, peak_of
from .predict_work import SIZES, long_recording, side
from .same import check_out
from .timing import Effort, Times, compared

ROOT = Path(__file__).parents[1]
BASE = "106fba9"
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
    seen: dict[str, list[list[float]]] = {name: [] for name in ("plain", *WAYS)}
    with ExitStack() as stack:
        base = base_tree(folder)
        workers = {
            name: stack.enter_context(worker(base if name == "plain" else ROOT, store, size, name))
            for name in seen
        }
        for repeat in range(repeats + 1):
            for name, process in workers.items():
                answer = once(process)
                if repeat:
                    seen[name].append(answer)
    medians = {
        name: Times(
            *(statistics.median(column) for column in list(zip(*runs, strict=True))[:2]), {}
        )
        for name, runs in seen.items()
    }
    return {windows: {"plain": medians["plain"], "skelf": medians[windows]} for windows in WAYS}


def base_tree(folder: Path) -> Path:
    """The earlier commit's tree, or this one."""
    try:
        return check_out(BASE, folder / "base")
    except (OSError, subprocess.CalledProcessError):
        return ROOT


@contextmanager
def worker(tree: Path, store: str, size: str, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process that predicts for each line that it is sent."""
    script = str(Path(__file__).with_name("predict_work.py"))
    arguments = (
        ("plain", store, size, "overlap") if name == "plain" else ("skelf", store, size, name)
    )
    environment = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-P", script, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.communicate()


def once(process: subprocess.Popen[str]) -> list[float]:
    """Seconds, processor seconds, segments."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    answer: list[float] = json.loads(process.stdout.readline())
    return answer


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

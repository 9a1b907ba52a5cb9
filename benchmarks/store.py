"""A store of many clips: opening it, and reading a batch that is not in memory."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from skelf.data.batch import ClipBatches
from skelf.data.clips import ClipSet
from skelf.layouts import LAYOUTS

from .fresh import fresh, peak_of
from .timing import Effort

# clips, their frames on average, clips of a batch; layout and persons as NTU RGB+D mostly is
SIZES: dict[str, dict[str, Any]] = {
    "paper": {"layout": "ntu25", "clips": 40000, "frames": 80, "batch": 256},
    # As many clips as NTU RGB+D 120 has: opening reads and verifies the table, not the frames.
    "ntu120": {"layout": "ntu25", "clips": 114480, "frames": 4, "batch": 256},
    "small": {"layout": "kinect20", "clips": 2000, "frames": 60, "batch": 64},
    "tiny": {"layout": "sbu15", "clips": 20, "frames": 10, "batch": 4},
}


def store(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Five rows a size: opening and a batch, each from the disk and then again, and verifying."""
    rows = []
    for size in effort.sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder, "clips.h5"))
            write(size, path)
            found = [fresh(once, path, size, repeat) for repeat in range(effort.repeats)]
        for name in ("open cold", "open", "verify", "batch cold", "batch"):
            seconds = statistics.median(one[name] for one in found)
            row: dict[str, Any] = {"benchmark": "store", "size": f"{name}, {size}", "threads": 1}
            row |= {"repeats": effort.repeats, "skelf s": seconds}
            if name.startswith("batch"):
                row["clips a second"] = SIZES[size]["batch"] / seconds
            row["skelf memory GiB"] = statistics.median(one["GiB"] for one in found)
            rows.append(row)
    return rows


def write(size: str, path: str) -> None:
    """A store of random clips."""
    s, random = SIZES[size], np.random.default_rng(0)
    skeleton = LAYOUTS[s["layout"]]
    lengths = random.integers(s["frames"] // 2, s["frames"] * 3 // 2 + 1, s["clips"])
    some = random.standard_normal((1000, 1, skeleton.joints, 3), np.float32)
    joints = np.resize(some, (int(lengths.sum()), *some.shape[1:]))
    labels = random.integers(0, 60, s["clips"])
    names = [f"class {i}" for i in range(60)]
    ClipSet.build(joints, lengths, skeleton, label=labels, class_names=names).save(path)
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def once(path: str, size: str, seed: int) -> dict[str, float]:
    """Seconds of opening and of a batch: first from the disk, then again; and GiB held for both."""
    torch.set_num_threads(1)
    taken: dict[str, float] = {}

    def work() -> None:
        random = np.random.default_rng(seed)
        for name in ("open cold", "open"):
            if name == "open cold":
                _forget(path)
            start = time.perf_counter()
            clips = ClipSet.open(path)
            taken[name] = time.perf_counter() - start
        start = time.perf_counter()
        clips.verify()
        taken["verify"] = time.perf_counter() - start
        batches = ClipBatches(clips, resident=False)
        _forget(path)
        chosen = random.permutation(len(clips))[: SIZES[size]["batch"]]
        for name in ("batch cold", "batch"):
            start = time.perf_counter()
            batches(chosen)
            taken[name] = time.perf_counter() - start

    memory = peak_of(work)
    return taken | {"GiB": memory}


def _forget(path: str) -> None:
    """Asks the system to drop what it holds of the file, where it can be asked."""
    if hasattr(os, "posix_fadvise"):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

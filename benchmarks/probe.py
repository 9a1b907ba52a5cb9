"""The linear probe on features that are there already: seconds and memory of the whole protocol."""

from __future__ import annotations

import time
from typing import Any
from unittest.mock import patch

import torch

from skelf.protocols import Linear, features, linear
from skelf.protocols.features import Features

from .fresh import fresh, peak_of
from .timing import Effort

# training and test clips, numbers of a feature, classes, epochs
SIZES: dict[str, dict[str, int]] = {
    "paper": {"clips": 40000, "tests": 16000, "dim": 2048, "classes": 60, "epochs": 100},
    "small": {"clips": 8000, "tests": 3000, "dim": 512, "classes": 60, "epochs": 20},
    "tiny": {"clips": 60, "tests": 20, "dim": 8, "classes": 5, "epochs": 2},
}


def probe(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Once a size and number of threads, however many repeats: it is a loop of repeats itself."""
    rows = []
    for size in effort.sizes:
        for threads in effort.threads:
            found = fresh(once, size, threads)
            row: dict[str, Any] = {"benchmark": "probe", "size": size, "threads": threads}
            row |= {"repeats": 1, "flops skelf": flops(size), "skelf s": found["wall"]}
            row["skelf processor s"] = found["processor"]
            row["skelf share of peak"] = flops(size) / found["processor"] / peak
            row["skelf memory GiB"] = found["GiB"]
            row["clips a second"] = SIZES[size]["clips"] * SIZES[size]["epochs"] / found["wall"]
            rows.append(row)
    return rows


def flops(size: str) -> int:
    """FLOPs of two classifiers: products and weight gradients, and the checks on the test clips."""
    s, usual = SIZES[size], Linear()
    scores = 2 * 2 * s["dim"] * s["classes"]
    held = round(usual.validation * s["clips"])
    checks = -(-s["epochs"] // usual.test_every)
    return scores * (2 * s["clips"] * s["epochs"] + (s["tests"] + held) * checks)


def data(size: str) -> Features:
    """Random features of a size that trains without diverging."""
    s, generator = SIZES[size], torch.Generator().manual_seed(0)

    def split(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(count, s["dim"], generator=generator).relu_()
        return x, torch.randint(s["classes"], (count,), generator=generator)

    return Features(*split(s["clips"]), *split(s["tests"]), s["classes"])


def once(size: str, threads: int) -> dict[str, float]:
    """Seconds of the protocol, of the processor for it, and GiB beyond the features themselves."""
    torch.set_num_threads(threads)
    f, taken = data(size), {}
    nothing: Any = (None, None, None)
    how = Linear(epochs=SIZES[size]["epochs"], milestones=(), lr=1e-4)

    def work() -> None:
        start, processor = time.perf_counter(), time.process_time()
        with patch.object(features, "extract_splits", return_value=f):
            linear(*nothing, how)
        taken["wall"] = time.perf_counter() - start
        taken["processor"] = time.process_time() - processor

    memory = peak_of(work)
    return taken | {"GiB": memory}

"""Pretraining from a store in memory, from one file that is streamed, and from shards.

    python -m benchmarks.streaming --sizes "usdrl demo" "usdrl small" --repeats 7

The sides take turns, each in a process of its own with one thread for the arithmetic; medians.
`waits` is the share of a step in which the loop has no batch to work on. It holds what is done to a
batch when it has come (normalising it), which a set in memory pays for too. Stores are made up and,
after the first round, in the system's cache.

    python -m benchmarks.streaming --mixing

says how well windows mix, against a full permutation, without training: the correlation of the
positions of clips that follow one another, and the share of a batch's pairs that are of one class
when the store is sorted by class.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from skelf.data.clips import ClipSet
from skelf.data.shards import cut

from .memory import big_store
from .sides import ROOT, Side, answers
from .training_work import BATCH, SIZES

SHARDS = 16
STREAMED = "train.resident=false"
WINDOWS = ("train.shuffle=windows", "train.neighbours=16", "train.window=32")


def streaming(size: str, clips: int, steps: int, repeats: int) -> list[dict[str, Any]]:
    """A row a side."""
    with tempfile.TemporaryDirectory() as scratch:
        store, shards = Path(scratch, "clips.h5"), Path(scratch, "shards")
        big_store(store, clips)
        cut(ClipSet.open(store), shards, -(-clips // SHARDS))
        ways = {
            "one file, in memory": (store, ("train.resident=true",)),
            "one file, streamed": (store, (STREAMED,)),
            "shards": (shards, (STREAMED,)),
            "one file, windows": (store, (STREAMED, *WINDOWS)),
            "shards, windows": (shards, (STREAMED, *WINDOWS)),
        }
        sides = {
            name: Side(ROOT, "streaming_work.py", (size, str(path), str(steps), *given))
            for name, (path, given) in ways.items()
        }
        seen = answers(sides, repeats)
    rows = []
    first = statistics.median(run[0] for run in seen["one file, in memory"])
    for name, runs in seen.items():
        wall, spent, waits = (statistics.median(column) for column in zip(*runs, strict=True))
        row = {"size": size, "from": name, "seconds": wall, "processor seconds": spent}
        rows.append(
            row | {"waits": waits, "clips a second": BATCH / wall, "to memory": wall / first}
        )
    return rows


def mixing(clips: int = 1_000_000, classes: int = 120, batch: int = 256) -> list[dict[str, Any]]:
    """A row for each shuffle of clips that are sorted by class."""
    from skelf.training.shuffle import Windows

    label = np.arange(clips) * classes // clips
    orders = {"full": np.random.default_rng(0).permutation(clips)}
    for neighbours, window in ((16, 1024), (16, 64), (16, 4096), (64, 256), (256, 64)):
        order = Windows(clips, (0, 0, 0), neighbours, window)
        orders[f"windows of {window} x {neighbours}"] = order[0:clips]
    rows = []
    for name, order in orders.items():
        labels = label[order[: clips // batch * batch]].reshape(-1, batch)
        counts = np.stack([np.bincount(row, minlength=classes) for row in labels])
        pairs = (counts * (counts - 1)).sum(1).mean() / (batch * (batch - 1))
        row: dict[str, Any] = {"shuffle": name, "correlation": _correlation(order)}
        rows.append(row | {"one class": pairs, "classes in a batch": (counts > 0).sum(1).mean()})
    return rows


def _correlation(order: np.ndarray) -> float:
    return float(np.corrcoef(order[:-1], order[1:])[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__)
    parser.add_argument(
        "--sizes", nargs="+", choices=list(SIZES), default=["usdrl demo", "usdrl small"]
    )
    parser.add_argument("--clips", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--mixing", action="store_true", help="shuffles alone, no training")
    given = parser.parse_args()
    if given.mixing:
        rows = mixing()
    else:
        todo = (given.clips, given.steps, given.repeats)
        rows = [row for size in given.sizes for row in streaming(size, *todo)]
    for row in rows:
        print(json.dumps({k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}))


if __name__ == "__main__":
    main()

"""Opening sharded sets of unlike sizes: `python -m benchmarks.shards --clips 1000,100000,10000000`.

Each set's table has as many rows as it says; its shards are one small store, named over and over,
since opening reads none of them. The sizes take turns. Beside the time: that of the first clip that
is read, of a split, bytes of the table on disk for each clip, and what memory opening takes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from skelf.data import shards
from skelf.data.clips import ClipSet
from skelf.layouts import KINECT20

EACH = 10_000  # clips of a shard
FRAMES = 2  # of a clip: joints play no part


def made(folder: Path, clips: int, shard: ClipSet) -> Path:
    """A set of so many clips."""
    place, each = folder / f"set_{clips}", min(EACH, clips)
    count = clips // each
    table = shard.take(np.arange(each))
    joints, _ = shards.linked([shard] * count)
    whole = {
        key: np.tile(getattr(table, key), count)
        for key in ("length", "label", "subject", "camera", "setup", "fps")
    }
    start = (np.arange(count)[:, None] * len(shard.joints) + table.start).ravel()
    names = np.char.mod("clip%011d", np.arange(clips))
    halves = {"half": np.tile(np.array([1, 2], np.int8), clips // 2)}
    shards.save_table(
        place, replace(shard, joints=joints, start=start, name=names, splits=halves, **whole)
    )
    return place


def seconds(work: Callable[[], object]) -> float:
    """Of the clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measured(folder: Path, sizes: list[int], repeats: int) -> list[dict[str, float]]:
    """A line for each size."""
    length = np.full(EACH, FRAMES)
    joints = np.random.default_rng(0).standard_normal((EACH * FRAMES, 1, 20, 3)).astype(np.float32)
    ClipSet.build(joints, length, KINECT20, class_names=["a"]).save(folder / "shard.h5")
    shard = ClipSet.open(folder / "shard.h5")
    places = {size: made(folder, size, shard) for size in sizes}
    opened: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(repeats):
        for size, place in places.items():
            opened[size].append(seconds(lambda place=place: ClipSet.open(place)))  # type: ignore[misc]
    lines = []
    for size, place in places.items():
        clips = ClipSet.open(place)
        first = seconds(lambda clips=clips: clips.clip(len(clips) - 1))  # type: ignore[misc]
        split = seconds(lambda clips=clips: clips.split("half"))  # type: ignore[misc]
        table = sum(file.stat().st_size for file in (place / "columns").iterdir())
        lines.append(
            {
                "clips": size,
                "shards": len(clips.joints.parts),  # type: ignore[union-attr]
                "open_ms": round(1000 * median(opened[size]), 2),
                "first_clip_ms": round(1000 * first, 2),
                "split_ms": round(1000 * split, 1),
                "table_bytes_per_clip": round(table / size, 1),
            }
        )
    return lines


def main() -> None:
    """Prints a line of JSON for each size, and the ratios of opening to that of 100,000 clips."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.shards", description=__doc__)
    parser.add_argument("--clips", default="1000,100000", help="sizes")
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--place", type=Path, help="where the sets are made meanwhile")
    given = parser.parse_args()
    sizes = [int(float(size)) for size in given.clips.split(",")]
    with TemporaryDirectory(dir=given.place) as folder:
        lines = measured(Path(folder), sizes, given.repeats)
    base = next((line for line in lines if line["clips"] == 100_000), lines[0])
    for line in lines:
        print(json.dumps(line | {"ratio": round(line["open_ms"] / base["open_ms"], 2)}))


if __name__ == "__main__":
    main()

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
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from skelf.data import shards
from skelf.data.check import TABLE
from skelf.data.clips import ClipSet
from skelf.data.shards import columns, listed, manifest
from skelf.data.shards.manifest import Manifest
from skelf.layouts import KINECT20

EACH = 10_000  # clips of a shard
SPLIT = 10_000_000  # clips, at most, that are split in two here
FRAMES = 2  # of a clip: joints play no part


def made(folder: Path, clips: int, shard: ClipSet) -> Path:
    """A set of so many clips, whose columns are written some rows at a time."""
    place, each = folder / f"set_{clips}", min(EACH, clips)
    table = {key: getattr(shard, key)[:each] for key in TABLE}
    whole, _ = shards.linked([shard] * (clips // each))
    with columns.growing(place) as growing:
        new = {key: growing.column(key, v.dtype, (clips,)) for key, v in table.items()}
        half = growing.column("splits/half", np.dtype(np.int8), (clips,))
        growing.column("segments", np.dtype(np.int64), (0, 4))
        for at, first in enumerate(range(0, clips, each)):
            for key, values in table.items():
                new[key][first : first + each] = values
            new["start"][first : first + each] += at * len(shard.joints)
            half[first : first + each] = 1 + (np.arange(each) % 2)
            growing.let_go()
        listed_shards, written = growing.finish(listed.rows(place, whole.parts))
        said = Manifest(
            shard.skeleton, whole.frame, ("a",), {}, clips, written, listed_shards,
            listed.checksum(whole.parts),
        )  # fmt: skip
        manifest.write(place, said)
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
    names = [f"clip{at:011d}" for at in range(EACH)]
    ClipSet.build(joints, length, KINECT20, class_names=["a"], name=names).save(folder / "shard.h5")
    shard = ClipSet.open(folder / "shard.h5")
    places = {size: made(folder, size, shard) for size in sizes}
    opened: dict[int, list[float]] = {size: [] for size in sizes}
    worked: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(repeats):
        for size, place in places.items():
            began = time.process_time()
            opened[size].append(seconds(lambda place=place: ClipSet.open(place)))  # type: ignore[misc]
            worked[size].append(time.process_time() - began)
    lines = []
    for size, place in places.items():
        clips = ClipSet.open(place)
        first = seconds(lambda clips=clips: clips.clip(len(clips) - 1))  # type: ignore[misc]
        digest = seconds(lambda clips=clips: clips.digest())  # type: ignore[misc]
        some = np.sort(np.random.default_rng(0).choice(size, 1000, replace=False))
        taken = seconds(lambda clips=clips, some=some: clips.take(some))  # type: ignore[misc]
        half = clips if size <= SPLIT else clips.take(np.arange(SPLIT))
        split = seconds(lambda half=half: half.split("half"))  # type: ignore[misc]
        table = sum(file.stat().st_size for file in (place / "columns").iterdir())
        lines.append(
            {
                "clips": size,
                "shards": len(clips.joints.parts),  # type: ignore[union-attr]
                "open_ms": round(1000 * median(opened[size]), 2),
                "open_cpu_ms": round(1000 * median(worked[size]), 2),
                "first_clip_ms": round(1000 * first, 2),
                "digest_ms": round(1000 * digest, 2),
                "take_1000_ms": round(1000 * taken, 2),
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
        print(json.dumps(line | {"ratio": round(line["open_cpu_ms"] / base["open_cpu_ms"], 2)}))


if __name__ == "__main__":
    main()

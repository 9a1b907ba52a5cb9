"""Features of stored clips by two workers of one thread against one: `python -m
benchmarks.features_workers [--clips N] [--repeats N] [--dim D]`.

In turn, one round that does not count first: processes start, load torch and the encoder there.
Where others use the machine two workers do not get two processors. So processor seconds stand
beside: twice their ratio is what an idle machine gives at most.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

import skelf
from skelf.cluster import Crew, gathered
from skelf.data.synthetic.clips import generate
from skelf.inference.bulk.gather import Tally
from skelf.inference.features import features
from skelf.inference.source import places
from skelf.inference.writers.features import write_npz


def measure(clips: int, repeats: int, dim: int) -> dict[str, Any]:
    """Medians of both, their ratios, and the seconds of the first round."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder, gathered(workers=2) as two, gathered() as one:
        home = Path(folder)
        generate(clips=clips).save(home / "clips.h5")
        how = [f"encoder.dim={dim}", "encoder.frames=64", "train.epochs=1", "train.batch_size=16"]
        skelf.pretrain("usdrl", generate(clips=16), out=home / "run", overrides=how)
        crews = {"one": one, "two": two}
        rounds = [
            {name: _once(home, name, crew) for name, crew in crews.items()}
            for _ in range(repeats + 1)
        ]
        same = (home / "one.npz").read_bytes() == (home / "two.npz").read_bytes()

    def taken(name: str, at: int) -> float:
        return statistics.median(each[name][at] for each in rounds[1:])

    row = {f"{name} {what}": taken(name, at)
           for name in crews for at, what in enumerate(("s", "processor s"))}  # fmt: skip
    return row | {
        "clips": clips, "dim": dim, "repeats": repeats, "equal to the bit": same,
        "first round of two s": rounds[0]["two"][0],
        "ratio": statistics.median(each["one"][0] / each["two"][0] for each in rounds[1:]),
        "2 x ratio of processor time": 2 * row["one processor s"] / row["two processor s"],
        "clips a second of two": clips / row["two s"],
    }  # fmt: skip


def _once(home: Path, name: str, crew: Crew) -> tuple[float, float]:
    start, processor = time.perf_counter(), _processor()
    out = home / f"{name}.npz"
    listed = places([home / "clips.h5"])
    with (
        features(listed, home / "run", out, crew=crew, tally=Tally()) as every,
        write_npz(out) as add,
    ):
        for rows in every:
            add(rows)
    return time.perf_counter() - start, _processor() - processor


def _processor() -> float:
    """Seconds of this process and of those that it started, as Linux counts them."""
    total = time.process_time()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=8192)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dim", type=int, default=64)
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))

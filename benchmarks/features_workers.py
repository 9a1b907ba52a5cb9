"""Features of stored clips by two workers of one thread, or more, against one: `python -m
benchmarks.features_workers [--clips N] [--repeats N] [--dim D] [--workers 2,3,4]`.

In turn, one round that does not count first: processes start, load torch and the encoder there.
Where others use the machine two workers do not get two processors. So processor seconds stand
beside.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from contextlib import ExitStack
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


def measure(clips: int, repeats: int, dim: int, workers: str) -> dict[str, Any]:
    """Medians of each number of workers, their ratios, and the seconds of the first round."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    counts = [1, *(int(count) for count in workers.split(","))]
    with TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        generate(clips=clips).save(home / "clips.h5")
        how = [f"encoder.dim={dim}", "encoder.frames=64", "train.epochs=1", "train.batch_size=16"]
        skelf.pretrain("usdrl", generate(clips=16), out=home / "run", overrides=how)
        crews = {count: stack.enter_context(gathered(workers=count)) for count in counts}
        rounds = [
            {count: _once(home, str(count), crew) for count, crew in crews.items()}
            for _ in range(repeats + 1)
        ]
        files = {(home / f"{count}.npz").read_bytes() for count in counts}
    row: dict[str, Any] = {
        "clips": clips, "dim": dim, "repeats": repeats, "equal to the bit": len(files) == 1
    }  # fmt: skip
    for count in counts:
        wall, used = zip(*(each[count] for each in rounds[1:]), strict=True)
        row |= {
            f"{count} s": statistics.median(wall),
            f"{count} processor s": statistics.median(used),
        }
        if count > 1:
            ratios = (each[1][0] / each[count][0] for each in rounds[1:])
            row[f"1 : {count}"] = statistics.median(ratios)
            row[f"first round of {count} s"] = rounds[0][count][0]
    return row


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
    parser.add_argument("--workers", default="2", help="beside one, with commas")
    print(json.dumps(measure(**vars(parser.parse_args())), indent=1))

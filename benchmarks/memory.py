"""Memory of every command at N clips and at ten times as many.

    python -m benchmarks.memory --clips 2000 --files 200
    python -m benchmarks.memory --only pretrain features --times 10

Each command runs as a user starts it. `own` is the highest sum over its processes of what belongs
to them alone (RssAnon and RssShmem of /proc/PID/status, looked at every 10 ms): it cannot be taken
back and is what a machine must have. `mapped` is that of the pages of mapped files (RssFile:
libraries, and of a store what was read lately), which the system takes back when it needs them.
`high` is the kernel's own high-water mark of both, VmHWM of the process that has the most. A clip's
share is what `own` grew by for each clip or file more. Data are made up; the encoder is tiny.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from .sides import ROOT

TICK = 0.01
TRAIN = (
    "encoder.dim=16", "encoder.frames=8", "train.batch_size=64", "train.epochs=1",
    "train.milestones=[]", "train.precision=fp32", "train.devices=cpu", "train.resident=false",
    "data.normalize=none",
)  # fmt: skip
WINDOWS = ("train.shuffle=windows", "train.window=32")
CHUNK = 256  # clips that are made at a time


PRETRAIN = "pretrain usdrl --split half --data @{} --out @{}"
COMMANDS = {
    "import csv": ("files", "data import csv @csv/clips --out @csv.h5"),
    "import ntu": ("files", "data import ntu @ntu --out @ntu.h5"),
    "info": ("clips", "data info @clips.h5"),
    "check": ("clips", "data check @clips.h5"),
    "split": ("clips", "data split @clips.h5 --name more --by random --train 0.5"),
    "join": ("clips", "data join @clips.h5 @other.h5 --out @pool.h5"),
    "shard": ("clips", "data shard @clips.h5 --out @shards --clips-per-shard 500"),
    "export": ("clips", "data export @clips.h5 --out @out.npz"),
    "pretrain": ("clips", " ".join([PRETRAIN.format("clips.h5", "trained"), *TRAIN])),
    "pretrain windows": (
        "clips", " ".join([PRETRAIN.format("clips.h5", "windows"), *TRAIN, *WINDOWS])
    ),
    "pretrain shards": (
        "clips", " ".join([PRETRAIN.format("shards", "sharded"), *TRAIN, *WINDOWS])
    ),
    "features": ("clips", "features @clips.h5 --run @run --out @features.npz"),
    "predict": ("clips", "predict @model @clips.h5 --out @answers.csv"),
    "search index": ("clips", "search index @clips.h5 --run @run --out @index scales=[1]"),
    "search query": ("clips", "search query @index @query.csv"),
    "discover": ("recordings", "discover @recordings.h5 --run @run --out @found"),
    "eval linear": (
        "clips",
        "eval linear --run @run --data @clips.h5 --split half --out @linear.json eval.epochs=2",
    ),
    "eval knn": ("clips", "eval knn --run @run --data @clips.h5 --split half --out @knn.json"),
    "eval retrieval": (
        "clips", "eval retrieval --run @run --data @clips.h5 --split half --out @ranks.json"
    ),
}  # fmt: skip
"""What each is counted by, and its words: `@NAME` is a place."""


class Places(NamedTuple):
    """What the commands of one size read and write.

    Args:
        fixed: the folder with a run, a model and a query, the same for all sizes.
        folder: of this size.
    """

    fixed: Path
    folder: Path

    def filled(self, command: str) -> list[str]:
        """A command's words, with their places."""
        words = []
        for word in command.split():
            name = word.removeprefix("@")
            home = self.fixed if name in ("run", "model", "query.csv") else self.folder
            words.append(str(home / name) if word != name else word)
        return words


class Peak(NamedTuple):
    """MiB of a command's processes, and its seconds."""

    own: float
    mapped: float
    high: float
    seconds: float


def watched(command: list[str], environment: dict[str, str]) -> Peak:
    """Runs a command and looks at its processes.

    Raises:
        RuntimeError: it failed; with its last lines.
    """
    began = time.perf_counter()
    own = mapped = high = 0.0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        while process.poll() is None:
            tables = [table for pid in _tree(process.pid) if (table := _status(pid))]
            own = max(own, sum(t["RssAnon"] + t["RssShmem"] for t in tables))
            mapped = max(mapped, sum(t["RssFile"] for t in tables))
            high = max([high, *(t["VmHWM"] for t in tables)])
            time.sleep(TICK)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)}: {said.read().decode()[-1000:]}")
    return Peak(own / 1024, mapped / 1024, high / 1024, time.perf_counter() - began)


def _tree(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for at in found:
        for task in Path(f"/proc/{at}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def _status(pid: int) -> dict[str, int]:
    """kB by name; {}: it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    table = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in lines)
        if name in ("RssAnon", "RssFile", "RssShmem", "VmHWM")
    }
    return table if len(table) == 4 else {}


def make(places: Places, clips: int, files: int) -> None:
    """Stores of so many clips, and folders of so many files."""
    from skelf.data.synthetic.clips import generate

    from .import_ntu import write_tree

    folder = places.folder
    folder.mkdir(parents=True)
    big_store(folder / "clips.h5", clips)
    big_store(folder / "other.h5", max(clips // 10, 2))
    generate(clips=2, recordings=max(clips // 100, 2), seed=3).save(folder / "recordings.h5")
    write_tree(folder / "ntu", files)
    few = generate(clips=32, seed=1)
    few.take([i % 32 for i in range(files)]).save(folder / "few.h5")
    skelf("data", "export", str(folder / "few.h5"), "--out", str(folder / "csv"), "--to", "csv")


def big_store(path: Path, clips: int) -> None:
    """The same few hundred figures again, under names of their own."""
    from dataclasses import replace

    import numpy as np

    from skelf.data.synthetic.clips import generate

    some = generate(clips=CHUNK, seed=1)
    many = some.take(np.arange(clips) % CHUNK)
    names = np.array([f"clip{i:09d}" for i in range(clips)])
    side = np.random.default_rng(2).choice([1, 1, 1, 2], clips)  # each with clips of all classes
    replace(many, name=names).with_split("half", side).save(path)


def fixed(folder: Path) -> None:
    """A run, a model and a recording to ask for."""
    from skelf import api
    from skelf.data.synthetic.clips import generate

    folder.mkdir(parents=True)
    clips = generate(clips=96, seed=1)
    api.pretrain("usdrl", clips, out=folder / "run", overrides=TRAIN)
    clips.save(folder / "few.h5")
    data = ("--data", str(folder / "few.h5"), "--out", str(folder / "model"))
    skelf("fit", "classifier", "--run", str(folder / "run"), *data)
    name = clips.names[0]
    one = ("--out", str(folder / "query.csv"), "--clip", name)
    skelf("data", "export", str(folder / "few.h5"), *one)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TERM": "dumb"}


def skelf(*arguments: str) -> None:
    command = [sys.executable, "-m", "skelf", *arguments]
    subprocess.run(command, check=True, env=_environment(), stdout=subprocess.DEVNULL)


def measure(
    folder: Path, clips: int, files: int, times: int, only: list[str]
) -> list[dict[str, Any]]:
    """A row a command."""
    fixed(folder / "fixed")
    sizes = {name: Places(folder / "fixed", folder / name) for name in ("once", "more")}
    for name, factor in (("once", 1), ("more", times)):
        make(sizes[name], clips * factor, files * factor)
    rows = []
    for name, (counted, command) in COMMANDS.items():
        if only and name not in only:
            continue
        row: dict[str, Any] = {"command": name, "counted": counted}
        try:
            once, more = (
                watched([sys.executable, "-m", "skelf", *places.filled(command)], _environment())
                for places in sizes.values()
            )
        except RuntimeError as error:
            rows.append(row | {"failed": str(error).strip().splitlines()[-1]})
            print(json.dumps(rows[-1]), flush=True)
            continue
        of = {"clips": clips, "files": files, "recordings": max(clips // 100, 2)}[counted]
        row |= {"N": of, "own": once.own, f"own at {times} N": more.own}
        row |= {"grows": more.own / once.own - 1}
        row |= {"bytes each": (more.own - once.own) * 2**20 / ((times - 1) * of)}
        row |= {"mapped": once.mapped, f"mapped at {times} N": more.mapped}
        row |= {"high": once.high, f"high at {times} N": more.high}
        row |= {"seconds": once.seconds, f"seconds at {times} N": more.seconds}
        rows.append(row)
        print(
            json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}),
            flush=True,
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--only", nargs="+", default=[], choices=list(COMMANDS))
    parser.add_argument("--folder", type=Path, help="where data go; else a temporary one")
    parser.add_argument("--out", type=Path, help="a JSON file of the rows")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (given.folder or Path(scratch)) / "memory"
        rows = measure(folder, given.clips, given.files, given.times, given.only)
    if given.out:
        given.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()

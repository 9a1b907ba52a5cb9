"""How fast an NTU RGB+D tree imports, and that its size does not show in memory.

    python -m benchmarks import
    python -m benchmarks.import_ntu --base 106fba9 --files 2000 --workers 1,2 --repeats 7
    python -m benchmarks.import_ntu --files 500,2000 --workers 1,2

Writes made-up trees of real shape (about 80 frames a file, every eighth with two bodies) and
imports each into a store. Against an earlier commit both import in turn, each side in a process of
its own that reads and saves again and again; medians. Memory is what an importing process holds
for itself; pages of the mapped frames, which the system takes back at will, are told apart.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .fresh import fresh
from .sides import ROOT, base_tree, importing, in_turn
from .timing import Effort, Times, compared

FRAMES = (60, 101)
# files of the tree
SIZES = {"paper": 2000, "small": 500, "tiny": 8}


def imports(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Clips a second into a store, beside an earlier commit; threads are processes here."""
    rows = []
    for size in effort.sizes:
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder, "tree")
            write_tree(tree, SIZES[size])
            base = base_tree(Path(folder))
            measured = against(base, tree, effort.threads, Path(folder), effort.repeats)
            for workers, times in measured.items():
                found = fresh(import_one, str(tree), str(Path(folder, "one.h5")), workers)
                row: dict[str, Any] = {"benchmark": "import", "size": size, "threads": workers}
                row |= {"repeats": effort.repeats} | compared(times, SIZES[size])
                row["skelf memory GiB"] = (found["own_mb"] - found["before_mb"]) / 1024
                rows.append(row)
    return rows


def against(
    base: Path, tree: Path, workers: Sequence[int], scratch: Path, repeats: int
) -> dict[int, dict[str, Times]]:
    """Of each number of workers the times of both sides, all in turn.

    The earlier commit has one worker in every row: a second one of it costs more than it gives.
    """
    sides = {"plain": importing(base, "ntu", tree, 1, scratch / "plain.h5")}
    for count in workers:
        sides[str(count)] = importing(ROOT, "ntu", tree, count, scratch / f"{count}.h5")
    times = in_turn(sides, repeats)
    return {count: {"plain": times["plain"], "skelf": times[str(count)]} for count in workers}


def write_tree(folder: Path, files: int) -> int:
    """Returns the bytes written."""
    from tests.ntu_tree import make, names, ntu_text

    rng = np.random.default_rng(0)
    folder.mkdir()
    texts = [
        ntu_text(make("", "two" if i % 8 == 7 else "one", int(rng.integers(*FRAMES)), rng).frames)
        for i in range(64)  # the same texts again: parsing costs the same
    ]
    total = 0
    for i, name in enumerate(names(files)):
        total += (folder / f"{name}.skeleton").write_bytes(texts[i % len(texts)])
    return total


def held() -> dict[str, int]:
    """MB of this process: its own, and with file pages."""
    status = Path("/proc/self/status").read_text().splitlines()
    table = dict(line.split(":", 1) for line in status)
    return {key: int(table[key].split()[0]) // 1024 for key in ("RssAnon", "VmHWM")}


def import_one(tree: str, store: str, workers: int) -> dict[str, float]:
    """Seconds and peaks of one import; runs in a process of its own."""
    import warnings

    from skelf.data.readers.ntu import NTU, read_ntu
    from skelf.machine import memory

    memory.keep_freed()  # as the command line does
    warnings.simplefilter("ignore")
    peak, done = [held()["RssAnon"]], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak.append(held()["RssAnon"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    began, used = time.perf_counter(), time.process_time()
    clips = read_ntu(tree, None, NTU(workers=workers), scratch=Path(store).parent)
    parsed, spent = time.perf_counter(), time.process_time()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    clips.save(store)
    saved = time.perf_counter()
    done.set()
    watcher.join()
    return {
        "clips": len(clips),
        "frames": clips.frames_total,
        "read_s": parsed - began,
        "save_s": saved - parsed,
        "cpu_s": spent - used + children.ru_utime + children.ru_stime,
        "before_mb": peak[0],
        "own_mb": max(peak),
        "with_pages_mb": held()["VmHWM"],
    }


def beside(commit: str, files: Sequence[int], workers: Sequence[int], repeats: int) -> str:
    """A table in Markdown of both sides, for trees of so many files."""
    lines = [
        f"| files | workers | clips/s at {commit}, one worker | here | ratio | of processor time |",
        "|---|---|---|---|---|---|",
    ]
    for count in files:
        with tempfile.TemporaryDirectory() as folder:
            tree, base = Path(folder, "tree"), base_tree(Path(folder), commit)
            write_tree(tree, count)
            found = against(base, tree, workers, Path(folder), repeats)
        for number, times in found.items():
            row = compared(times, count)
            lines.append(
                f"| {count} | {number} | {count / row['plain s']:.0f} | "
                f"{row['clips a second']:.0f} | **{row['ratio']:.2f}** | "
                f"{row['ratio of processor time']:.2f} |"
            )
        one = found[workers[0]]["skelf"].wall
        for number in workers[1:]:
            lines += [
                "",
                f"{number} workers give {one / found[number]['skelf'].wall:.2f} times one",
            ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", default="500,2000")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--base", metavar="COMMIT", help="What to compare with.")
    parser.add_argument("--repeats", type=int, default=7, help="With --base.")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.base:
        workers = [int(count) for count in given.workers.split(",")]
        print(beside(given.base, [int(n) for n in given.files.split(",")], workers, given.repeats))
        return
    if given.one:
        tree, store, workers = given.one
        print(json.dumps(import_one(tree, store, int(workers))))
        return
    print(
        "| files | text MB | workers | clips/s | with saving | clips/s of processor time | own MB "
        "(before) | with pages MB |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for files in map(int, given.files.split(",")):
            tree = Path(scratch, f"tree{files}")
            size = write_tree(tree, files)
            for workers in given.workers.split(","):
                store = Path(scratch, f"{files}_{workers}.h5")
                command = [sys.executable, "-m", "benchmarks.import_ntu", "--one"]
                out = subprocess.run(
                    [*command, str(tree), str(store), workers],
                    check=True, capture_output=True, text=True,
                ).stdout  # fmt: skip
                row = json.loads(out)
                speed = row["clips"] / row["read_s"]
                both = row["clips"] / (row["read_s"] + row["save_s"])
                print(
                    f"| {files} | {size / 1e6:.0f} | {workers} | {speed:.0f} | {both:.0f} | "
                    f"{row['clips'] / row['cpu_s']:.0f} | "
                    f"{row['own_mb']:.0f} ({row['before_mb']:.0f}) | {row['with_pages_mb']:.0f} |"
                )


if __name__ == "__main__":
    main()

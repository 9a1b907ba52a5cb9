"""How fast an NTU RGB+D tree imports, and that its size does not show in memory.

    python -m benchmarks.import_ntu --files 500,2000 --workers 1,2

Writes made-up trees of real shape (about 80 frames a file, every eighth with two bodies) and
imports each into a store, in a process of its own. Memory is what the importing process holds for
itself; pages of the mapped frames, which the system takes back at will, are told apart.
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
from pathlib import Path
from typing import Any

import numpy as np

from .fresh import fresh
from .timing import Effort

FRAMES = (60, 101)
# files of the tree
SIZES = {"paper": 2000, "small": 500, "tiny": 8}


def imports(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Clips a second into a store; threads are worker processes here. Once a tree and number."""
    rows = []
    for size in effort.sizes:
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder, "tree")
            write_tree(tree, SIZES[size])
            for workers in effort.threads:
                store = Path(folder, f"{workers}.h5")
                found = fresh(import_one, str(tree), str(store), workers)
                both = found["read_s"] + found["save_s"]
                row: dict[str, Any] = {"benchmark": "import", "size": size, "threads": workers}
                row |= {"repeats": 1, "skelf s": both, "clips a second": found["clips"] / both}
                row["skelf processor s"] = found["cpu_s"]
                row["skelf memory GiB"] = (found["own_mb"] - found["before_mb"]) / 1024
                rows.append(row)
    return rows


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", default="500,2000")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
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

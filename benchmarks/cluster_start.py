"""What several local processes cost before they give anything: our pools beside dask's cluster.

    python -m benchmarks.cluster_start --items 8,200,2000 --repeats 5

Each side does the same items (2 ms of processor time each) on two workers, from a fresh process
on, as a command does; the sides take turns; medians of seconds from the import of what it needs to
the last result, and of the processor time of all its processes.

one     this process alone
pool    `skelf.data.pool.ordered`, this process and another one, as importing uses it
crew    `skelf.cluster.gathered(None, 2)`, two spawned processes
dask    dask's LocalCluster of two processes with nannies, the same crew on it
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECONDS = 0.002


def item(number: int) -> int:
    """Takes `SECONDS` of processor time."""
    until = time.thread_time() + SECONDS
    while time.thread_time() < until:
        pass
    return number


def one(items: range) -> int:
    return sum(map(item, items))


def pool(items: range) -> int:
    from skelf.data.pool import ordered

    return sum(ordered(item, items, 2))


def crew(items: range) -> int:
    from skelf.cluster import gathered

    with gathered(None, 2) as crew:
        return sum(done.value or 0 for done in crew.each(item, items))


def dask(items: range) -> int:
    from distributed import LocalCluster

    from skelf.cluster import gathered

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        gathered(cluster.scheduler_address) as crew,
    ):
        return sum(done.value or 0 for done in crew.each(item, items))


SIDES: dict[str, Callable[[range], int]] = {"one": one, "pool": pool, "crew": crew, "dask": dask}


def timed(side: str, items: int) -> tuple[float, float]:
    """Seconds and processor seconds of a side, in a process of its own."""
    command = [sys.executable, __file__, "--side", side, str(items)]  # the package loads torch
    settings = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    out = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, env=settings
    )
    wall, used = json.loads(out.stdout.splitlines()[-1])
    return wall, used


def table(sizes: list[int], repeats: int) -> str:
    """Medians in Markdown; the ratio is dask's seconds over the crew's."""
    lines = [
        "| items | " + " | ".join(f"{side}, s (processor)" for side in SIDES) + " | dask : crew |",
        "|---" * (len(SIDES) + 2) + "|",
    ]
    for size in sizes:
        seen: dict[str, list[tuple[float, float]]] = {side: [] for side in SIDES}
        for _ in range(repeats):
            for side, found in seen.items():
                found.append(timed(side, size))
        medians = {
            side: [statistics.median(column) for column in zip(*found, strict=True)]
            for side, found in seen.items()
        }
        cells = [f"{wall:.2f} ({used:.2f})" for wall, used in medians.values()]
        ratio = medians["dask"][0] / medians["crew"][0]
        lines.append(f"| {size} | {' | '.join(cells)} | **{ratio:.1f}** |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", default="8,200,2000")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        side, items = given.side
        began = time.perf_counter()
        assert SIDES[side](range(int(items))) == sum(range(int(items)))
        wall = time.perf_counter() - began
        both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        print(json.dumps([wall, sum(each.ru_utime + each.ru_stime for each in both)]))
        return
    from .machine import describe

    about = describe()
    print(", ".join(f"{key} {about[key]}" for key in ("date", "processor", "cores", "load")))
    print(f"medians of {given.repeats}\n")
    print(table([int(count) for count in given.items.split(",")], given.repeats))


if __name__ == "__main__":
    main()

"""`python -m benchmarks [NAME ...] [--short] [--out DIR]`: measures, prints, writes both tables."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from skelf.machine.memory import keep_freed

from . import BENCHMARKS, machine
from .timing import Effort

SHORT = Effort(repeats=3, threads=(1,))
COLUMNS = (
    "benchmark", "size", "precision", "threads", "plain s", "skelf s", "ratio",
    "ratio of processor time", "plain share of peak", "skelf share of peak", "clips a second",
    "plain memory GiB", "skelf memory GiB", "gradient cosine",
)  # fmt: skip


def run(
    names: list[str],
    effort: Effort,
    peak_size: int = 2048,
    out: Path | None = None,
    short: bool = False,
) -> dict[str, Any]:
    """The machine's numbers and the rows of each named benchmark, written after each size."""
    about = machine.describe()
    peaks = machine.measure(effort.threads, peak_size)
    # Shares are of one thread's peak by processor time, which counts the time of all threads.
    torch.set_num_threads(1)
    kinds = {False: torch.float32, **({True: torch.bfloat16} if effort.bf16 else {})}
    peak = {half: machine.best(kind, peak_size)["processor"] for half, kind in kinds.items()}
    found: dict[str, Any] = {"about": about, "machine": peaks, "rows": []}
    for name, size in plan(names, effort.sizes, short):
        half = effort.bf16 and BENCHMARKS[name].half
        given = effort._replace(sizes=(size,), bf16=half)
        found["rows"] += BENCHMARKS[name].measure(given, peak[half])
        if out:
            out.mkdir(parents=True, exist_ok=True)
            (out / "benchmarks.json").write_text(json.dumps(found, indent=1))
            (out / "benchmarks.md").write_text(markdown(found))
    return found


def plan(names: list[str], sizes: tuple[str, ...], short: bool) -> list[tuple[str, str]]:
    """What to measure, in turn: benchmark and size. Of named sizes each benchmark has its own."""
    pairs = []
    for name in names:
        benchmark = BENCHMARKS[name]
        usual = benchmark.short if short else benchmark.usual
        pairs += [(name, size) for size in sizes or usual if size in benchmark.known]
    return pairs


def markdown(found: dict[str, Any]) -> str:
    """The page of `run`: the machine, the ratios, where a step's time goes."""
    lines = ["# Benchmarks", ""]
    lines += [f"- {name}: {value}" for name, value in found["about"].items()]
    peaks = [
        {k: v if k in ("threads", "seconds") else v / 1e9 for k, v in row.items()}
        for row in found["machine"]
    ]
    lines += ["", "Peaks in GFLOP/s, the copy in GB/s.", "", *_table(list(peaks[0]), peaks), ""]
    lines += _table(list(COLUMNS), found["rows"])
    parts = [row for row in found["rows"] if "skelf forward s" in row]
    if parts:
        columns = dict.fromkeys(name for row in parts for name in row)
        names = [name for name in columns if name.endswith(" s") and name.count(" ") == 2]
        lines += ["", "Processor time of each part, medians.", ""]
        names = [name for name in names if "processor" not in name]
        extra = ["flops plain", "flops skelf", "peak memory GiB"]
        lines += _table(["benchmark", "size", "threads", *names, *extra], parts)
    live = [row for row in found["rows"] if row["benchmark"] == "live"]
    if live:
        names = [name for name in live[0] if name.endswith(" ms") or name == "plain"]
        lines += ["", "A live frame.", "", *_table(["size", *names], live)]
    return "\n".join(lines) + "\n"


def _table(columns: list[str], rows: list[dict[str, Any]]) -> list[str]:
    def cell(value: Any) -> str:
        return f"{value:.4g}" if isinstance(value, float | int) else str(value)

    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return lines + [
        "| " + " | ".join(cell(row.get(name, "")) for name in columns) + " |" for row in rows
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--short", action="store_true", help="3 repeats on one thread")
    parser.add_argument("--repeats", type=int, help="repeats of each measurement (7)")
    parser.add_argument("--threads", type=int, nargs="+", help="numbers of threads (1 2)")
    known = dict.fromkeys(size for each in BENCHMARKS.values() for size in each.known)
    parser.add_argument(
        "--sizes", nargs="+", choices=list(known), help="sizes, of those that a benchmark has"
    )
    parser.add_argument(
        "--bf16", action="store_true", help="skelf's steps and features in mixed precision"
    )
    parser.add_argument("--out", type=Path, default=Path("benchmarks-out"), help="folder to write")
    given = parser.parse_args()
    unknown = set(given.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"unknown {sorted(unknown)}; known: {', '.join(BENCHMARKS)}")
    effort = SHORT if given.short else Effort()
    if given.repeats:
        effort = effort._replace(repeats=given.repeats)
    if given.sizes:
        effort = effort._replace(sizes=tuple(given.sizes))
    effort = effort._replace(bf16=given.bf16)
    if given.threads:
        effort = effort._replace(threads=tuple(given.threads))
    keep_freed()  # for both sides
    names = given.names or list(BENCHMARKS)
    print(markdown(run(names, effort, out=given.out, short=given.short)))


if __name__ == "__main__":
    main()

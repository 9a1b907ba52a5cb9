"""One method beside the others, task by task and seed by seed, from what `skelf bench` wrote.

    python experiments/paired.py bench_equal "PartWhole (TCN)"

Prints a table in Markdown: each task's mean and standard deviation over seeds, in percent, and for
each other row a paired test over all pairs of task and seed (Wilcoxon's signed ranks, two-sided).
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev

from scipy.stats import wilcoxon

TASKS = {
    "linear": ("linear", "top1", "nw_ucla"),
    "k-NN": ("knn", "top1", "nw_ucla"),
    "retrieval mAP": ("retrieval", "map", "nw_ucla"),
    "5 % labels": ("semi", "top1.5%", "nw_ucla"),
    "5 way 1 shot": ("fewshot", "accuracy.5way1shot.svm", "nw_ucla"),
    "parts missing": ("occlusion", "top1.spatial", "nw_ucla"),
    "frames missing": ("occlusion", "top1.temporal", "nw_ucla"),
    "first 30 %": ("early", "top1.30%", "nw_ucla"),
    "precog mAP@0.5": ("detection", "map_a_voc@0.5", "precog"),
    "cmu86 mAP@0.5": ("detection", "map_a_voc@0.5", "cmu86"),
}
"""What tables call it: the protocol, its metric and the data."""

Figures = dict[str, dict[str, dict[int, float]]]  # row, task, seed: percent


def read(path: Path, tasks: dict[str, tuple[str, str, str]] = TASKS) -> Figures:
    """The figures of all rows, those of the last epoch where a protocol trains."""
    named = {what: task for task, what in tasks.items()}
    figures: Figures = defaultdict(lambda: defaultdict(dict))
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            task = named.get((line["protocol"], line["metric"], line["data"]))
            if task and line["selection"] in ("last", "none"):
                fresh = ", untrained" if line["method"] == "untrained" else ""
                figures[line["row"] + fresh][task][int(line["seed"])] = 100 * float(line["value"])
    return figures


def cell(values: dict[int, float]) -> str:
    """Mean and deviation over seeds."""
    numbers = list(values.values())
    if not numbers:
        return ""
    spread = f" ± {stdev(numbers):.1f}" if len(numbers) > 1 else ""
    return f"{mean(numbers):.1f}{spread}"


def compared(ours: dict[str, dict[int, float]], other: dict[str, dict[int, float]]) -> str:
    """On how many tasks the first is ahead, beyond the larger deviation, and the paired test."""
    tasks = [task for task in TASKS if ours.get(task) and other.get(task)]
    gaps = {task: mean(ours[task].values()) - mean(other[task].values()) for task in tasks}
    wide = {task: max(map(spread, (ours[task], other[task]))) for task in tasks}
    ahead = sum(gaps[task] > wide[task] for task in tasks)
    behind = sum(-gaps[task] > wide[task] for task in tasks)
    pairs = [
        ours[task][seed] - other[task][seed]
        for task in tasks
        for seed in sorted(ours[task].keys() & other[task].keys())
    ]
    test = wilcoxon(pairs).pvalue if any(pairs) else 1.0
    return f"| {ahead} | {behind} | {len(tasks)} | {mean(pairs):+.1f} | {len(pairs)} | {test:.1e} |"


def spread(values: dict[int, float]) -> float:
    """The deviation over seeds; of one seed none is known."""
    return stdev(values.values()) if len(values) > 1 else 0.0


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bench", type=Path, help="the folder of a `skelf bench`")
    parser.add_argument("row", help="the method that the others are held against")
    given = parser.parse_args()
    figures = read(given.bench / "results.csv")
    if given.row not in figures:
        parser.error(f"{given.bench}: no row {given.row!r}; there are {', '.join(figures)}")
    tasks = [task for task in TASKS if any(task in row for row in figures.values())]
    print(f"| method | {' | '.join(tasks)} |\n|{' --- |' * (len(tasks) + 1)}")
    for row, values in figures.items():
        print(f"| {row} | {' | '.join(cell(values.get(task, {})) for task in tasks)} |")
    print(f"\n| {given.row} against | ahead | behind | of | mean gap | pairs | p |")
    print("|" + " --- |" * 7)
    for row, values in figures.items():
        if row != given.row:
            print(f"| {row} {compared(figures[given.row], values)}")


if __name__ == "__main__":
    main()

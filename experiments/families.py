"""The families beside each other, from what `skelf bench` wrote of the suite of all families.

    python -m experiments.families bench_families

Prints two tables in Markdown, in percent: each row's mean and standard deviation over seeds with
its untrained encoder's mean in brackets, and each family's mean over its rows with what it gains.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean

from .paired import TASKS, Figures, cell, read

FEWSHOT = {"5 way 1 shot": ("fewshot", "accuracy.5way1shot.svm", "msr_action3d")}
FAMILIES = {
    "masked": ("SkeletonMAE (patches)", "MAMP (patches)", "S-JEPA (patches)"),
    "rebuilt by a GRU": ("Predict & Cluster (GRU)", "LongT GAN (GRU)"),
    "context": ("Jigsaw (GRU)", "Order (STTR)", "MS2L (GRU)"),
    "contrastive, ST-GCN": (
        "SkeletonCLR (ST-GCN)", "HiCLR (ST-GCN)", "SkeleMixCLR (ST-GCN)", "ActCLR (ST-GCN)",
    ),
    "contrastive, others": ("AimCLR (TCN)", "CMD (GRU)", "ISC (GRU)"),
    "without negatives": ("Barlow Twins (TCN)", "VICReg (TCN)", "BYOL (TCN)", "USDRL (STTR)",
                          "UmURL (fused)"),
    "several at once": ("PCM3 (GRU)", "PartWhole (TCN)"),
}  # fmt: skip
"""Rows of the suite by family, contrast parted by what carries it."""


def rows(figures: Figures, tasks: list[str]) -> list[str]:
    """A line for each row: `mean ± deviation (untrained)`."""
    lines = []
    for row, values in figures.items():
        if row.endswith(", untrained"):
            continue
        fresh = figures.get(f"{row}, untrained", {})
        cells = []
        for task in tasks:
            text = cell(values.get(task, {}))
            untrained = fresh.get(task)
            cells.append(f"{text} ({mean(untrained.values()):.1f})" if untrained else text)
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return lines


def families(figures: Figures, tasks: list[str]) -> list[str]:
    """A line for each family: the mean of its rows' means, and in brackets what they gain."""
    lines = []
    for family, names in FAMILIES.items():
        cells = []
        for task in tasks:
            there = [name for name in names if figures.get(name, {}).get(task)]
            means = [mean(figures[name][task].values()) for name in there]
            gains = [
                trained - mean(fresh.values())
                for name, trained in zip(there, means, strict=True)
                if (fresh := figures.get(f"{name}, untrained", {}).get(task))
            ]
            gain = f" ({mean(gains):+.1f})" if gains else ""
            cells.append(f"{mean(means):.1f}{gain}" if means else "")
        lines.append(f"| {family} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bench", type=Path, help="the folder of a `skelf bench`")
    figures = read(parser.parse_args().bench / "results.csv", TASKS | FEWSHOT)
    tasks = [task for task in TASKS if any(task in row for row in figures.values())]
    for head, table in (("method", rows), ("family", families)):
        print(f"| {head} | {' | '.join(tasks)} |\n|{' --- |' * (len(tasks) + 1)}")
        print("\n".join(table(figures, tasks)), end="\n\n")


if __name__ == "__main__":
    main()

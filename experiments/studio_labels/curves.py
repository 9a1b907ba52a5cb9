"""Tables and pictures of the rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .orders import ORDERS, budgets

METRICS = {"frame_accuracy": "Frame accuracy", "map@0.5": "mAP@0.5"}
SHOWN = (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.16, 0.2, 0.24, 0.3, 0.4, 0.5)
NEARLY = 0.9
Row = dict[str, Any]


class Curve(NamedTuple):
    """One order's values.

    Args:
        labels: `(B,)` budgets that each seed has.
        values: `(S, B)`, of each seed, means of its draws.
    """

    labels: np.ndarray
    values: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """`(B,)` over seeds."""
        return np.asarray(self.values.mean(axis=0))


def curve(rows: list[Row], order: str, metric: str) -> Curve:
    """The curve of an order, at the budgets that all its seeds have."""
    own = [row for row in rows if row["order"] == order]
    seeds = sorted({row["seed"] for row in own})
    marks = sorted({row["budget"] for row in own})
    found: list[np.ndarray] = []
    for seed in seeds:
        at = [[r[metric] for r in own if (r["seed"], r["budget"]) == (seed, n)] for n in marks]
        found.append(np.array([np.mean(values) if values else np.nan for values in at]))
    values = np.array(found).reshape(len(seeds), len(marks))
    whole = np.isfinite(values).all(axis=0)
    return Curve(np.array(marks)[whole], values[:, whole])


def needed(labels: np.ndarray, values: np.ndarray, wanted: float) -> float:
    """Labels at which a curve is first as high, linear between its points; NaN: it is never."""
    above = np.flatnonzero(values >= wanted)
    if not len(above):
        return float("nan")
    at = int(above[0])
    if at == 0:
        return float(labels[0])
    share = (wanted - values[at - 1]) / (values[at] - values[at - 1])
    return float(labels[at - 1] + share * (labels[at] - labels[at - 1]))


def shares(rows: list[Row], order: str, metric: str) -> tuple[float, list[float]]:
    """The share of labels that an order needs for nine tenths of all, and that of each seed.

    Each seed's curve is compared with its own figure of all labels, the mean with their mean.
    """
    own, full = curve(rows, order, metric), curve(rows, "random", metric)
    total = rows[0]["of"]
    of_seeds = [
        needed(own.labels, values, NEARLY * every) / total
        for values, every in zip(own.values, full.values[:, -1], strict=True)
    ]
    return needed(own.labels, own.mean, NEARLY * full.mean[-1]) / total, of_seeds


def show(rows: list[Row], say: Callable[[str], None] = print) -> None:
    """Tables: the curves, and how many labels give nine tenths of all."""
    total = rows[0]["of"]
    marks = sorted({max(2, round(share * total)) for share in SHOWN} & {*budgets(total)})
    for metric, title in METRICS.items():
        full = curve(rows, "random", metric).values[:, -1]
        say(f"\n{title}, in percent; all {total} labels: {cell(full)}\n")
        say(f"| labels | {' | '.join(map(str, marks))} | share for 90 % | of each seed |")
        say(f"|---|{'---|' * (len(marks) + 2)}")
        for order in ORDERS:
            labels, values = curve(rows, order, metric)
            there = {n: cell(values[:, at]) for at, n in enumerate(labels.tolist())}
            mean, of_seeds = shares(rows, order, metric)
            cells = " | ".join(there.get(count, "") for count in marks)
            each = ", ".join(enough(share, order) for share in of_seeds)
            say(f"| {order} | {cells} | {enough(mean, order)} | {each} |")
    accepted = curve(rows, "ours", "accepted")
    told = zip(accepted.labels.tolist(), accepted.mean.tolist(), strict=True)
    said = ", ".join(f"{share:.0f} of {count}" for count, share in told if count in marks)
    say(f"\nThe page had suggested of the labels before they were given: {said}.")


def cell(values: np.ndarray) -> str:
    """Mean and deviation of seeds.

    >>> cell(np.array([0.5, 0.52]))
    '51.0 ± 1.4'
    """
    deviation = f" ± {100 * values.std(ddof=1):.1f}" if len(values) > 1 else ""
    return f"{100 * values.mean():.1f}{deviation}"


def enough(share: float, order: str) -> str:
    """A share in words."""
    return f"not by {ORDERS[order].most:.0%}" if np.isnan(share) else f"{share:.0%}"


def draw(rows: list[Row], name: str, file: Path) -> None:
    """Both metrics' curves as one picture."""
    from matplotlib.figure import Figure

    total = rows[0]["of"]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, (metric, title) in zip(figure.subplots(1, 2), METRICS.items(), strict=True):
        full = curve(rows, "random", metric).mean[-1]
        for order, how in ORDERS.items():
            labels, values = curve(rows, order, metric)
            near = labels <= 0.5 * total
            at, values = 100 * labels[near] / total, 100 * values[:, near]
            (line,) = axes.plot(at, values.mean(axis=0), how.style, label=order, ms=4)
            low, high = values.min(axis=0), values.max(axis=0)
            axes.fill_between(at, low, high, color=line.get_color(), alpha=0.12, lw=0)
        axes.axhline(100 * NEARLY * full, color="grey", lw=0.8)
        axes.axvline(12, color="grey", lw=0.8)
        axes.set(xlabel=f"labels, percent of {total}", title=f"{name}: {title}, percent")
    axes.legend(frameon=False)
    figure.savefig(file)

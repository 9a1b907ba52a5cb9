"""Figures for pages: pure functions from numbers to a piece of HTML with one inline SVG.

Matplotlib draws them through `Figure` objects, so no global state is touched. Text stays text, and
every colour is a CSS variable with a fallback (`var(--c0, #0072b2)`), so that one picture is crisp
at any size and follows the page's light or dark theme. Colours are those of `svg`, chosen for
colour-blind readers too; classes and series differ in marker or dash as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    PercentFormatter,
)
from numpy.typing import ArrayLike

from ..errors import InputError
from . import svg
from .embedding import project

__all__ = ["YAxis", "changes", "class_legend", "confusion", "curves", "embedding", "project"]


class YAxis(NamedTuple):
    """The vertical axis of curves.

    Args:
        label: what it measures, with its unit.
        percent: values are in [0, 1] and are shown as percentages.
        zero: with `percent`, it starts at 0.
        log: logarithmic; points at or below zero are left out.
    """

    label: str
    percent: bool = False
    zero: bool = True
    log: bool = False


def curves(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str,
    axis: YAxis,
    *,
    xlabel: str = "epoch",
    bands: Mapping[str, Sequence[float]] | None = None,
    note: str = "",
) -> str:
    """Lines over a common axis, such as loss terms over epochs.

    Args:
        series: name -> `(x, y)`; points that are not finite are left out, a series of one point is
            drawn as a dot.
        title: stands above the figure.
        axis: the vertical axis.
        xlabel: the horizontal axis with its unit.
        bands: name -> a deviation for each point of that series, shaded around its line.
        note: stands beneath it.

    Returns:
        A `<figure>`; where nothing is left to draw it says so.
    """
    around = bands or {}
    lines = {
        name: _finite(x, y, around.get(name), positive=axis.log) for name, (x, y) in series.items()
    }
    lines = {name: line for name, line in lines.items() if len(line[0])}
    if not lines:
        return svg.empty(title)
    with svg.style():
        figure = Figure(figsize=(4.4, 2.6), layout="constrained")
        ax = figure.add_subplot()
        _frame(ax)
        for k, (x, y, band) in enumerate(lines.values()):
            colour, dash = svg.SERIES[k % len(svg.SERIES)], svg.DASHES[k % len(svg.DASHES)]
            ax.plot(x, y, color=colour, linestyle=dash, linewidth=1.6)
            if band.any():
                low = np.maximum(y - band, y.min() / 2) if axis.log else y - band
                ax.fill_between(x, low, y + band, color=colour, alpha=0.14, linewidth=0)
            if len(x) <= 12:
                ax.plot(x, y, color=colour, linestyle="none", marker="o", markersize=3)
        ax.set_xlabel(svg.clean(xlabel))
        ax.set_ylabel(svg.clean(axis.label), labelpad=6)
        if axis.log:
            ax.set_yscale("log")
            _log_ticks(ax)
        if axis.percent:
            ax.set_ylim(bottom=0 if axis.zero else None)
            ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        if all(np.all(x == np.round(x)) for x, _, _ in lines.values()):
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10]))
        drawing = svg.render(figure, f"{title}: {axis.label} over {xlabel}")
    entries = [(svg.line_swatch(k), name) for k, name in enumerate(lines)]
    return svg.figure(title, drawing, svg.legend(entries) if len(entries) > 1 else "", note)


def embedding(
    points: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    title: str,
    *,
    note: str = "",
    legend: bool = True,
) -> str:
    """A map of clips, one mark each, coloured by class.

    Args:
        points: `(N, 2)`, as `project` gives them; the axes have no unit and carry no ticks.
        labels: `(N,)` class of each point, 0-based; -1 (unknown) is drawn grey.
        class_names: names for the legend.
        title: stands above the figure.
        note: stands beneath it.
        legend: name the classes beneath it; several maps can share `class_legend` instead.

    Raises:
        InputError: the shapes do not fit, or a label has no name.
    """
    points, labels = np.asarray(points, dtype=float), np.asarray(labels, dtype=int)
    if points.shape != (len(labels), 2):
        raise InputError(
            f"embedding needs points (N, 2) and labels (N,), got {points.shape}, {labels.shape}"
        )
    if len(labels) and not -1 <= labels.min() <= labels.max() < len(class_names):
        raise InputError(
            f"label {labels.max()} has no name; {len(class_names)} class names were given"
        )
    if not len(labels):
        return svg.empty(title)
    present = [int(k) for k in np.unique(labels)]
    with svg.style():
        figure = Figure(figsize=(4.0, 3.6), layout="constrained")
        ax = figure.add_subplot()
        _frame(ax, grid=False)
        size = float(np.clip(7000 / len(labels), 8, 28))
        for k in present:
            at = points[labels == k]
            colour = svg.SERIES[k % len(svg.SERIES)] if k >= 0 else svg.LINE
            marker = svg.MARKERS[svg.marker(k)] if k >= 0 else "."
            ax.scatter(at[:, 0], at[:, 1], s=size, c=colour, marker=marker, alpha=0.8, linewidths=0)
        ax.set(xticks=[], yticks=[], xlabel="first axis (no unit)", ylabel="second axis (no unit)")
        drawing = svg.render(figure, f"{title}: {len(labels)} clips of {len(present)} classes")
    return svg.figure(title, drawing, class_legend(present, class_names) if legend else "", note)


def class_legend(classes: Sequence[int], class_names: Sequence[str]) -> str:
    """Colour, mark and name of classes as `embedding` draws them; -1 is unknown."""
    return svg.legend(
        [(svg.mark_swatch(k), class_names[k] if k >= 0 else "unknown") for k in classes]
    )


def confusion(matrix: ArrayLike, class_names: Sequence[str], title: str, *, note: str = "") -> str:
    """A confusion matrix: a row is a true class, a column what was predicted, the number in a cell
    a count of clips.

    The colour is the count's share of its row, and so is the percentage at the right (the class's
    recall). Beyond 30 classes only colours are drawn.

    Args:
        matrix: `(K, K)` counts, rows the truth.
        class_names: `K` names.
        title: stands above the figure.
        note: stands beneath it.

    Raises:
        InputError: not square, negative or not finite, or the number of names differs.
    """
    counts = np.asarray(matrix, dtype=float)
    classes = len(class_names)
    if counts.shape != (classes, classes):
        raise InputError(
            f"confusion needs a ({classes}, {classes}) matrix for its names, got {counts.shape}"
        )
    if not np.all(np.isfinite(counts)) or np.any(counts < 0):
        raise InputError("confusion matrix holds counts that are negative or not finite")
    if not classes:
        return svg.empty(title)
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    with svg.style():
        figure = Figure(figsize=(4.8, 4.4), layout="constrained")
        ax = figure.add_subplot()
        ax.set(xlim=(0, classes), ylim=(classes, 0), aspect="equal")
        ax.set(xlabel="predicted action", ylabel="true action")
        ax.tick_params(length=0)
        if classes <= 30:
            _cells(ax, counts, share)
            _class_ticks(ax, [svg.clean(name, 18) for name in class_names], share)
        else:
            blue = np.zeros((classes, classes, 4))
            blue[..., :3] = [int(svg.PALETTE[0][k : k + 2], 16) / 255 for k in (1, 3, 5)]
            blue[..., 3] = share
            ax.imshow(blue, extent=(0, classes, classes, 0), interpolation="nearest")
        recall = share.diagonal()[total[:, 0] > 0]
        drawing = svg.render(
            figure, f"{title}: mean recall {recall.mean() if len(recall) else 0:.1%}"
        )
    return svg.figure(title, drawing, "", note)


def changes(
    before: ArrayLike,
    after: ArrayLike,
    names: Sequence[str],
    title: str,
    *,
    sides: tuple[str, str],
    note: str = "",
) -> str:
    """What changed for each class: an open dot before, a filled one after, a line between them.

    Classes stand in the order of their change, the largest gain on top; blue gained, orange lost.

    Args:
        before: `(K,)` shares in [0, 1]; a class that is not finite on both sides is left out.
        after: `(K,)` shares in [0, 1].
        names: `K` class names.
        title: stands above the figure.
        sides: what was measured before and after, for the legend.
        note: stands beneath it.

    Raises:
        InputError: the lengths differ.
    """
    old, new = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if not old.shape == new.shape == (len(names),):
        raise InputError(
            f"changes needs one value a class ({len(names)}), got {old.shape} and {new.shape}"
        )
    measured = np.flatnonzero(np.isfinite(old) & np.isfinite(new))
    if not len(measured):
        return svg.empty(title)
    order = measured[np.argsort((new - old)[measured], kind="stable")]
    old, new, at = old[order], new[order], np.arange(len(order))
    with svg.style():
        figure = Figure(figsize=(4.8, 0.9 + 0.21 * len(order)), layout="constrained")
        ax = figure.add_subplot()
        _frame(ax, grid=False)
        ax.grid(axis="x", color=svg.LINE, linewidth=0.5)
        ax.set_axisbelow(True)
        colour = [svg.SERIES[0] if gain else svg.SERIES[1] for gain in new >= old]
        ax.hlines(at, old, new, colors=colour, linewidth=2)
        for y, a, b, c in zip(at, old, new, colour, strict=True):
            ax.plot(a, y, "o", markersize=4.5, markerfacecolor="none", markeredgecolor=c)
            ax.plot(b, y, "o", markersize=4.5, color=c)
            points = round(100 * (b - a))
            change = f"{points:+d}".replace("-", "−") if points else "0"
            ax.annotate(
                change, (max(a, b), y), (6, 0), textcoords="offset points", va="center",
                fontsize=7.5, color=c,
            )  # fmt: skip
        ax.set_yticks(at, [svg.clean(names[k], 24) for k in order])
        ax.tick_params(axis="y", length=0)
        ax.set(xlim=(-0.02, 1.1), ylim=(-0.7, len(at) - 0.3))
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
        ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
        ax.set_xlabel("recall (share of the class's clips that was found)")
        drawing = svg.render(figure, f"{title}: recall of {len(at)} classes, before and after")
    legend = svg.legend([(svg.dot_swatch(True), sides[0]), (svg.dot_swatch(False), sides[1])])
    return svg.figure(title, drawing, legend, note)


def _finite(
    x: ArrayLike, y: ArrayLike, band: ArrayLike | None, positive: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    xs, ys = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    around = np.zeros_like(ys) if band is None else np.asarray(band, dtype=float)
    if not xs.shape == ys.shape == around.shape or xs.ndim != 1:
        raise InputError(f"a curve needs as many x as y, got {xs.shape} and {ys.shape}")
    drawn = np.isfinite(xs) & np.isfinite(ys) & ((ys > 0) | (not positive))
    return xs[drawn], ys[drawn], np.nan_to_num(around[drawn])


def _log_ticks(ax: Axes) -> None:
    """Plain numbers; within one decade at even steps, since no power of ten may lie there."""
    low, high = ax.get_ylim()
    decades = np.log10(high / low)
    if decades < 1:
        ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    elif decades < 3:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _frame(ax: Axes, grid: bool = True) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if grid:
        ax.grid(axis="y", color=svg.LINE, linewidth=0.5)
        ax.set_axisbelow(True)


def _cells(ax: Axes, counts: np.ndarray, share: np.ndarray) -> None:
    classes = len(counts)
    filled = [(r, c) for r in range(classes) for c in range(classes) if counts[r, c] > 0]
    colour = to_rgb(svg.SERIES[0])
    ax.add_collection(
        PatchCollection(
            [Rectangle((c + 0.03, r + 0.03), 0.94, 0.94) for r, c in filled],
            facecolors=[(*colour, 0.12 + 0.88 * share[r, c]) for r, c in filled],
            linewidths=0,
        )
    )
    size = float(np.clip(92 / classes, 3.5, 9))
    for r, c in filled:
        ax.text(
            c + 0.5, r + 0.53, f"{counts[r, c]:.0f}", ha="center", va="center", fontsize=size,
            color=svg.ON if share[r, c] > 0.45 else svg.INK,
        )  # fmt: skip


def _class_ticks(ax: Axes, names: Sequence[str], share: np.ndarray) -> None:
    centres, size = np.arange(len(names)) + 0.5, float(np.clip(96 / len(names), 4, 8.5))
    ax.set_xticks(centres, names, rotation=50, ha="right", rotation_mode="anchor", fontsize=size)
    ax.set_yticks(centres, names, fontsize=size)
    recall = ax.secondary_yaxis("right")
    recall.set_yticks(centres, [f"{100 * v:.0f} %" for v in share.diagonal()], fontsize=size)
    recall.tick_params(length=0)
    recall.set_ylabel("recall")
    for spine in recall.spines.values():
        spine.set_visible(False)

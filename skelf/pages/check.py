"""The page of `skelf data check`: findings, doubtful clips as moving figures, and what the set
looks like: classes, lengths, bones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from ..data.clips import ClipSet
from ..data.motion.axes import UPS, Up
from ..data.quality.finding import name_of
from ..data.quality.inspect import Quality
from ..data.quality.rules import clear_up
from . import html, svg
from .bodies import bridged
from .html import Section
from .player import player

SHOWN = 8  # doubtful clips on a page, at most two of one finding
AROUND = 24  # frames shown before and after the one in question
TALLEST = 40  # classes beyond are drawn without their names
COLUMNS = {
    "severity": "",
    "what": "finding",
    "count": "clips",
    "first": "first of them",
    "remedy": "what to do",
}


def page(clips: ClipSet, quality: Quality) -> str:
    """The whole page as HTML.

    Args:
        clips: the set that was inspected.
        quality: what `inspect` returned for it.
    """
    lead = (
        f"{len(clips):,} clips, {clips.frames_total:,} frames, every checksum holds. "
        f"Warnings: {quality.warnings}; notes: {len(quality.findings) - quality.warnings}."
    )
    sections = [Section("Findings", _findings(clips, quality))]
    if worst := _worst(clips, quality):
        about = "The worst clips of each finding, around the frame in question."
        sections.append(Section("To look at", worst, about))
    if quality.sides:
        sections.append(Section("Splits", _sides(quality)))
    drawn = [figure for figure in (classes(clips, quality), lengths(clips)) if figure]
    sections.append(Section("Classes and lengths", html.grid(*drawn)))
    if np.isfinite(quality.measures["bones"]).any():
        sections.append(Section("Bones", html.grid(bones(clips, quality))))
    synthetic = clips.attributes.get("synthetic") == "true"
    return html.page(
        f"{clips.attributes.get('title') or clips.path or 'clips'}: data check",
        sections,
        lead=lead,
        notice="Synthetic: computed figures, nobody was recorded." if synthetic else "",
        footer=f"skelf data check of {clips.path or 'clips in memory'}",
    )


def classes(clips: ClipSet, quality: Quality) -> str:
    """Bars of clips (or segments) by class; with one split its sides are stacked."""
    every = quality.classes["all"]
    if not every.any():
        return ""
    sides = quality.classes
    if len(quality.sides) == 1:
        name = quality.sides[0]["split"]
        parts = {side: sides[f"{name} {side}"] for side in ("train", "test")}
        parts["unused"] = every - sum(parts.values())
        parts = {key: counted for key, counted in parts.items() if counted.any()}
        title = f"Clips of each class, split {name}"
    else:
        parts, title = {"all": every}, "Clips of each class"
    size = len(every)
    with svg.style():
        figure = Figure(
            figsize=(4.6, float(np.clip(0.5 + 0.17 * size, 1.4, 7))), layout="constrained"
        )
        ax = _axes(figure, "x")
        left = np.zeros(size)
        for k, counted in enumerate(parts.values()):
            ax.barh(np.arange(size), counted, left=left, color=svg.SERIES[k], height=0.75)
            left += counted
        ax.set_ylim(size - 0.4, -0.6)
        ax.set_xlabel("clips and segments" if len(clips.segments) else "clips")
        if size <= TALLEST:
            ax.set_yticks(np.arange(size), [svg.clean(n, 24) for n in clips.class_names])
        else:
            ax.set_ylabel("class")
        ax.tick_params(axis="y", length=0)
        drawing = svg.render(figure, f"{title}: {every.min()} to {every.max()}")
    legend = svg.legend([(_swatch(k), key) for k, key in enumerate(parts)])
    return svg.figure(title, drawing, legend if len(parts) > 1 else "")


def lengths(clips: ClipSet) -> str:
    """A histogram of the clips' lengths in seconds, on a logarithmic axis."""
    seconds = clips.length / clips.fps.astype(np.float64)
    low, high = float(seconds.min()), float(seconds.max())
    edges = np.geomspace(low, max(high, low * 1.01), 31)
    edges[0], edges[-1] = edges[0] * 0.999, edges[-1] * 1.001  # rounding must lose nobody
    with svg.style():
        figure = Figure(figsize=(4.4, 2.6), layout="constrained")
        ax = _axes(figure, "y")
        counted, _ = np.histogram(seconds, edges)
        ax.bar(edges[:-1], counted, np.diff(edges), align="edge", color=svg.SERIES[0], linewidth=0)
        ax.set(xscale="log", xlabel="length (s)", ylabel="clips")
        ticks = [t for t in _steps(low, high) if edges[0] <= t <= edges[-1]] or [low]
        ax.xaxis.set_major_locator(FixedLocator(ticks))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
        ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        drawing = svg.render(figure, f"lengths: {low:.3g} to {high:.3g} s")
    note = f"{low:.3g} to {high:.3g} s, median {np.median(seconds):.3g} s"
    return svg.figure("Lengths of the clips", drawing, "", note)


def bones(clips: ClipSet, quality: Quality) -> str:
    """For each bone the median length of the clips, with the range of 9 in 10 clips."""
    names, edges = clips.skeleton.names, clips.skeleton.edges
    table = quality.measures["bones"]
    measured = np.flatnonzero(np.isfinite(table).any(axis=0))
    low, middle, high = np.nanpercentile(table[:, measured], [5, 50, 95], axis=0)
    at = np.arange(len(measured))
    with svg.style():
        figure = Figure(figsize=(5.2, 0.7 + 0.17 * len(measured)), layout="constrained")
        ax = _axes(figure, "x")
        ax.hlines(at, low, high, color=svg.SERIES[0], linewidth=1.4)
        ax.plot(middle, at, color=svg.SERIES[0], linestyle="none", marker="o", markersize=3.5)
        ax.set_ylim(len(at) - 0.4, -0.6)
        ax.set_xlim(left=0)
        ax.set_xlabel("length (unit of the source)")
        ax.set_yticks(
            at, [svg.clean(f"{names[edges[k][1]]} to {names[edges[k][0]]}", 34) for k in measured]
        )
        ax.tick_params(axis="y", length=0)
        drawing = svg.render(figure, f"median length of {len(measured)} bones")
    note = "Dot: median of all clips; line: 9 of 10 clips. Left and right should be alike."
    return svg.figure("Bones", drawing, "", note)


def _findings(clips: ClipSet, quality: Quality) -> str:
    if not quality.findings:
        return html.listing(["Nothing doubtful was found."])
    rows = []
    for finding in quality.findings:
        row = finding.to_dict(clips, 6)
        first = ", ".join(row["clips"]) + (", ..." if row["count"] > 6 else "")
        rows.append(row | {"first": first, "count": row["count"] or None})
    return html.table(rows, COLUMNS)


def _worst(clips: ClipSet, quality: Quality) -> str:
    """Moving figures: the first clip of every finding, then the second, up to `SHOWN`."""
    chosen: dict[int, tuple[str, int | None]] = {}
    for rank in range(2):
        for finding in quality.findings:
            if rank < len(finding.clips) and len(chosen) < SHOWN:
                frame = None if finding.frames is None else int(finding.frames[rank])
                chosen.setdefault(int(finding.clips[rank]), (finding.code, frame))
    chosen = {k: why for k, why in chosen.items() if quality.measures["present"][k] > 0}
    if not chosen:
        return ""
    cut, captions, rates = [], [], []
    for index, (code, frame) in chosen.items():
        joints = clips.clip(index)[..., : clips.coordinates]
        first = 0 if frame is None else max(0, frame - AROUND)
        last = first + 8 * AROUND if frame is None else frame + AROUND
        cut.append(bridged(joints[first:last], clips.skeleton))
        where = "" if frame is None else f", frame {frame}"
        captions.append(f"{code}: {name_of(clips, index)}{where}")
        rates.append(float(clips.fps[index]))
    return player(cut, clips.skeleton, captions, rates, up=_up(clips, quality))


def _up(clips: ClipSet, quality: Quality) -> Up | Literal[""]:
    clear = clear_up(quality.measures)
    fitting = [up for up in UPS if up == clear and (clips.coordinates == 3 or "z" not in up)]
    return fitting[0] if fitting else ""


def _sides(quality: Quality) -> str:
    keys = [key for key in ("subject", "camera", "setup") if f"train {key}" in quality.sides[0]]
    rows = []
    for row in quality.sides:
        apart = ", ".join(row["separated by"]) or "nothing known"
        values = {
            f"{side} {key}": _some(row[f"{side} {key}"])
            for key in keys
            for side in ("train", "test")
        }
        rows.append(row | values | {"apart": apart})
    named = {f"{side} {key}": f"{side} {key}s" for key in keys for side in ("train", "test")}
    heads = {"split": "split", "train": "train", "test": "test", "apart": "kept apart by"}
    return html.table(rows, heads | named)


def _some(values: Sequence[int]) -> str:
    texts = [str(value) for value in values]
    return ", ".join(texts if len(texts) <= 12 else [*texts[:10], "...", texts[-1]])


def _steps(low: float, high: float) -> list[float]:
    """1, 2, 5 of every decade from below `low` to above `high`."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    return [factor * 10.0**decade for decade in decades for factor in (1, 2, 5)]


def _axes(figure: Figure, grid: str) -> Axes:
    ax = figure.add_subplot()
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.grid(axis="x" if grid == "x" else "y", color=svg.LINE, linewidth=0.5)
    ax.set_axisbelow(True)
    return ax


def _swatch(k: int) -> str:
    """A square in the colour of series `k`, for a legend."""
    return (
        f'<svg viewBox="0 0 12 12" class="swatch" aria-hidden="true">'
        f'<path d="M1 1h10v10H1z" style="fill: var(--c{k}, {svg.PALETTE[k]})"/></svg>'
    )

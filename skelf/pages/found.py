"""What a model says happens in a recording, over time: one row a class, the paler the less sure."""

from __future__ import annotations

from collections.abc import Sequence

from ..inference.segments import Segment
from . import svg
from .bars import AXIS, HALO, RIGHT, SOFT, Box, Clock, bar, grid

_ROW, _NAME, _BAR = 38, 19, 13  # pixels
_ROWS = 24
"""Classes that are drawn; the others share a row."""
MOST = 500
"""Segments that are drawn, the surest of them."""


def found(segments: Sequence[Segment], frames: int, fps: float, *, title: str = "") -> str:
    """The segments of one recording over its seconds.

    Args:
        segments: of it.
        frames: its length.
        fps: frames a second.
        title: stands above.

    Returns:
        A `<figure>`.
    """
    drawn = sorted(segments, key=lambda s: -s.score)[:MOST]
    clock = Clock(frames, fps)
    seconds: dict[str, float] = {}
    for segment in segments:
        seconds[segment.label] = seconds.get(segment.label, 0) + segment.end - segment.start
    first = {s.label: s.start for s in sorted(segments, key=lambda s: -s.start)}
    names = sorted(seconds, key=lambda name: (-seconds[name], name))
    alone = sorted(names if len(names) <= _ROWS else names[: _ROWS - 1], key=lambda n: first[n])
    labelled = [(name, [name]) for name in alone]
    if rest := [name for name in names if name not in alone]:
        labelled.append((f"{len(rest)} other classes", rest))
    height = max(1, len(labelled)) * _ROW
    parts = [grid(clock, height, _ROW)]
    for number, (name, labels) in enumerate(labelled):
        mine = [s for s in drawn if s.label in labels]
        share = sum(seconds[label] for label in labels)
        parts += _row(name, mine, number * _ROW, clock, share)
    summary = f"{len(segments):,} segment{'s' * (len(segments) != 1)}."
    if len(drawn) < len(segments):
        summary += f" Drawn: the {len(drawn):,} that are surest."
    drawing = (
        f'<svg style="width:100%;height:{height + AXIS}px" font-size="13" role="img" '
        f'aria-label="{svg.escape(f"{title}: {summary}")}">{"".join(parts)}</svg>'
    )
    return svg.figure(title, drawing, "", summary)


def _row(
    name: str, segments: Sequence[Segment], top: int, clock: Clock, seconds: float
) -> list[str]:
    parts = [
        f'<text x="0" y="{top + 14}" style="fill:currentColor;{HALO}">'
        f"{svg.escape(svg.clean(name, 40))}</text>"
        f'<text x="100%" y="{top + 14}" text-anchor="end" font-size="12" '
        f'style="fill:{SOFT};{HALO}">{seconds:,.1f} s</text>'
    ]
    for s in reversed(segments):  # the surest comes last, to lie on top
        left, right = clock.at(s.start_frame), clock.at(s.end_frame)
        who = f", person {s.person}" if s.person >= 0 else ""
        tip = f"{svg.clean(s.label, 60)}, {clock.span(s.start_frame, s.end_frame)}, "
        tip += f"score {s.score:.2f}{who}"
        opacity = 0.3 + 0.7 * min(max(s.score, 0.0), 1.0)
        parts.append(bar(Box(left, right, top + _NAME, _BAR), RIGHT, opacity=opacity, tip=tip))
    return parts

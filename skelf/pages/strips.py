"""What a recording consists of: coloured bars one after the other, in rows of equal time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import svg
from .bars import Clock

_BAR, _ROW, _AXIS = 22, 28, 20  # pixels: of a bar, of a row, of the axis beneath
_NAMED = 3.2
"""Percent of the width from which a bar holds its name on a phone."""
_ROWS_OF = (10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_A_ROW = 40
"""Bars of a row, about."""
OTHER = "var(--line, #d0d4d9)"


class Bar(NamedTuple):
    """A stretch of a recording.

    Args:
        start: seconds.
        end: exclusive.
        label: 0 and up; below: none.
        name: stands in it where there is room.
        tip: is told when it is pointed at.
    """

    start: float
    end: float
    label: int
    name: str
    tip: str = ""


def colour(label: int) -> str:
    """Of a label; grey where it is none."""
    number = label % len(svg.PALETTE)
    return f"var(--c{number}, {svg.PALETTE[number]})" if label >= 0 else OTHER


def strip(title: str, bars: Sequence[Bar], seconds: float) -> str:
    """The bars of one recording as a `<figure>`; a long one has several rows.

    Args:
        title: stands above.
        bars: in order.
        seconds: of the recording.
    """
    wanted = seconds * _A_ROW / max(1, len(bars))
    row = next((float(r) for r in _ROWS_OF if r >= wanted), float(_ROWS_OF[-1]))
    row = min(row, max(seconds, 1e-6))
    count = max(1, -(-round(seconds * 1000) // round(row * 1000)))
    parts = []
    for bar in bars:
        for number in range(int(bar.start / row), min(count - 1, int(bar.end / row)) + 1):
            parts.append(_drawn(bar, number, row))
    parts += _axis(row, count)
    drawing = (
        f'<svg style="width:100%;height:{count * _ROW + _AXIS}px" font-size="12" role="img" '
        f'aria-label="{svg.escape(title)}">{"".join(parts)}</svg>'
    )
    return svg.figure(title, drawing, "")


def swatch(label: int) -> str:
    """The colour of a label, for a legend or a heading; HTML."""
    return f'<i class="dot" style="background:{colour(label)}"></i>'


def _drawn(bar: Bar, number: int, row: float) -> str:
    """The part of a bar that is in a row."""
    start, end = max(bar.start, number * row), min(bar.end, (number + 1) * row)
    if end <= start:
        return ""
    left, wide = 100 * (start / row - number), 100 * (end - start) / row
    y = number * _ROW
    # A halo in the card's colour, so that a name can be read on any colour.
    halo = "stroke:var(--card, #fff);stroke-width:3px;paint-order:stroke"
    name = ""
    if wide >= _NAMED and bar.name:
        name = (
            f'<text x="{left + wide / 2:.2f}%" y="{y + 16}" text-anchor="middle" '
            f'style="fill:currentColor;{halo}">{svg.escape(bar.name)}</text>'
        )
    return (
        f'<g><title>{svg.escape(bar.tip or bar.name)}</title><rect x="{left:.2f}%" '
        f'width="{wide:.2f}%" y="{y}" height="{_BAR}" rx="2" '
        f'style="fill:{colour(bar.label)};stroke:var(--card, #fff)"/>{name}</g>'
    )


def _axis(row: float, count: int) -> list[str]:
    """Seconds beneath the rows; of several rows the moment that each begins at stands in it."""
    bottom = count * _ROW
    if count > 1:
        return [
            f'<text x="0" y="{bottom + 14}" style="fill:var(--soft, #5b6570)">'
            f"a row is {row:g} s</text>"
        ]
    return [
        f'<text x="{x:.2f}%" y="{bottom + 14}" '
        f'text-anchor="{"start" if x < 3 else "end" if x > 92 else "middle"}" '
        f'style="fill:var(--soft, #5b6570)">{label}</text>'
        for x, label in Clock(max(1, round(row * 1000)), 1000.0).ticks()
    ]

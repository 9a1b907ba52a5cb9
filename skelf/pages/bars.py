"""Bars over the time of a recording: its axis, its rows, what stands in them.

It is laid out in percent of the page's width with text of a fixed size, so that it fills a screen
and can be read on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from . import svg

RIGHT = f"var(--c0, {svg.PALETTE[0]})"
WRONG = f"var(--c1, {svg.PALETTE[1]})"
CARD = "var(--card, #ffffff)"
SOFT = "var(--soft, #5b6570)"
LINE = "var(--line, #d0d4d9)"
HALO = f"stroke:{CARD};stroke-width:4px;paint-order:stroke"
"""Around words, so that the lines of the axis do not run through them."""

AXIS = 24
"""Pixels of the axis."""
_MARKED, _THIN = 3.5, 1.0
"""Percent of the width: bars from here on hold a mark on a phone; below this they are widened."""
_SECONDS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)


class Recording(NamedTuple):
    """A recording that is drawn.

    Args:
        frames: its length.
        fps: frames a second; 0 where unknown, the axis then counts frames.
        class_names: names of the labels; a label without one is called by its number.
    """

    frames: int
    fps: float
    class_names: Sequence[str]


class Clock(NamedTuple):
    """The time of a recording across the page."""

    frames: int
    fps: float

    def at(self, frame: float) -> float:
        """Percent of the width."""
        return 100 * min(max(frame / self.frames, 0.0), 1.0)

    def span(self, start: int, end: int) -> str:
        """In words."""
        if self.fps > 0:
            return f"{start / self.fps:.1f} to {end / self.fps:.1f} s"
        return f"frames {start} to {end}"

    def ticks(self) -> list[tuple[float, str]]:
        """Percent of the width and what stands there: few enough for a phone."""
        steps: list[float] = [n * 10**power for power in range(10) for n in (1, 2, 5)]
        rate, unit, most = 1.0, "frames", 4
        if self.fps > 0:
            rate, unit, most = self.fps, "s", 6
            # Whole seconds would be too few for a short recording.
            steps = ([0.1, 0.2, 0.5] if self.frames < 3 * rate else [*_SECONDS]) + steps
        length = self.frames / rate
        step = next(s for s in steps if length <= most * s)
        times = [n * step for n in range(int(length / step + 1e-6) + 1)]
        return [
            (self.at(t * rate), f"{t:.1f}".removesuffix(".0") if t else f"0 {unit}") for t in times
        ]


def grid(clock: Clock, bottom: int, row: int) -> str:
    """Lines between rows of so many pixels, and the axis beneath."""
    lines = [
        f'<line x1="0" x2="100%" y1="{y}" y2="{y}" style="stroke:{LINE}"/>'
        for y in range(0, bottom + 1, row)
    ]
    for x, label in clock.ticks():
        anchor = "start" if x < 3 else "end" if x > 92 else "middle"
        lines.append(
            f'<line x1="{x:.2f}%" x2="{x:.2f}%" y1="0" y2="{bottom + 4}" style="stroke:{LINE}"/>'
            f'<text x="{x:.2f}%" y="{bottom + 19}" text-anchor="{anchor}" font-size="12" '
            f'style="fill:{SOFT}">{label}</text>'
        )
    return "".join(lines)


class Box(NamedTuple):
    """Where a bar is."""

    left: float  # percent of the width
    right: float
    y: int  # pixels
    height: int


def bar(
    box: Box, colour: str, *, hollow: bool = False, opacity: float = 1.0, mark: str = "",
    tip: str = "",
) -> str:  # fmt: skip
    """A bar; its mark stands in it where a phone has room."""
    left, right, y, height = box
    # A rim parts what overlaps, and shows what would be too narrow to be seen.
    rim = colour if right - left < _THIN else CARD
    style = f"fill:{colour};opacity:{opacity:.2f};stroke:{rim}"
    if hollow:
        style = f"fill:{CARD};stroke:{colour};stroke-width:1.5px;stroke-dasharray:3 2"
    sign = ""
    if mark and right - left >= _MARKED:
        sign = (
            f'<text x="{(left + right) / 2:.2f}%" y="{y + height / 2 + 3.8:.1f}" font-size="11" '
            f'text-anchor="middle" style="fill:{colour if hollow else CARD}">{mark}</text>'
        )
    told = f"<title>{svg.escape(tip)}</title>" if tip else ""
    return (
        f'<g>{told}<rect x="{left:.2f}%" width="{right - left:.2f}%" y="{y}" height="{height}" '
        f'rx="2" style="{style}"/>{sign}</g>'
    )

"""Pages that people look at: one HTML file that holds its pictures, its data and its script, and
loads nothing.

`page` joins sections; `table`, `facts`, `grid`, `listing`, `folded`, `player.player` and the
figures of `plots` are what sections are made of. Every function takes plain text and escapes it;
only `Section.body` (made by these functions) is taken as HTML.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple, TypeGuard

import numpy as np

from ..errors import InputError
from ..files import write_text
from ..metrics.interval import Range, clearly_best
from .svg import escape

# The browser itself refuses whatever would reach the network.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


_BESIDE = 3  # columns that a phone can show beside one another


class Section(NamedTuple):
    """A part of a page.

    Args:
        title: its heading.
        body: HTML, as the functions of this module and of `plots` return it.
        text: a paragraph that stands before the body.
    """

    title: str
    body: str
    text: str = ""


class Spread(NamedTuple):
    """A share in [0, 1] for a cell of a table: one number, or several that were averaged.

    Args:
        mean: what is shown, and what a bar or the best of a column goes by.
        deviation: stands behind it after a ±; None where it was measured once.
        below: a word on it in small beneath, such as the same number of the untrained encoder.
        interval: the lowest and highest that it may well be; stands in small beneath.
        clips: on how many clips it was measured; stands behind the interval.
        floor: what guessing gives: never the best, but what is best lies above it.
    """

    mean: float
    deviation: float | None = None
    below: str = ""
    interval: tuple[float, float] | None = None
    clips: int | None = None
    floor: bool = False

    def __str__(self) -> str:
        if self.deviation is None:
            return _value(float(self.mean))
        return f"{100 * self.mean:.1f} ± {100 * self.deviation:.1f} %"

    @property
    def trust(self) -> str:
        """The interval and the number of clips in words; "" where neither is known."""
        parts = []
        if self.interval is not None:
            low, high = self.interval
            parts.append(f"{100 * low:.1f}–{100 * high:.1f} %")
        if self.clips is not None:
            parts.append(f"{self.clips:,} clip{'s' * (self.clips != 1)}")
        return ", ".join(parts)

    @property
    def range(self) -> Range:
        """The number with all that it may be off: by its clips and by its seeds."""
        low, high = self.interval or (self.mean, self.mean)
        off = self.deviation or 0.0
        return Range(self.mean, min(low, self.mean - off), max(high, self.mean + off))


Share = float | np.floating | Spread


def page(
    title: str, sections: Sequence[Section], *, lead: str = "", notice: str = "", footer: str = ""
) -> str:
    """A whole page.

    Args:
        title: heading and window title.
        sections: its parts, in order.
        lead: what the page is, in a sentence or two, beneath the title.
        notice: what a reader must know first, such as that the data is synthetic; stands in a box
            at the top.
        footer: how the page was made.

    Returns:
        HTML5 with its style and script inside; the same arguments give the same text.
    """
    body = "\n".join(
        f"<section>\n<h2>{escape(s.title)}</h2>\n{_paragraph(s.text)}{s.body}\n</section>"
        for s in sections
    )
    script = f"<script>\n{_asset('player.js')}</script>\n" if 'class="player"' in body else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_asset('page.css')}</style>\n</head>\n<body>\n"
        f"<header>\n<h1>{escape(title)}</h1>\n"
        f"{_paragraph(lead, 'lead')}{_paragraph(notice, 'notice')}</header>\n"
        f"<main>\n{body}\n</main>\n<footer>{_paragraph(footer)}</footer>\n{script}</body>\n</html>\n"
    )


def write(path: str | Path, text: str) -> Path:
    """Writes a page whole or not at all: a temporary file beside it takes its place at the end.

    Raises:
        InputError: the folder cannot be made or written.
    """
    path = Path(path)
    try:
        write_text(path, text)
    except OSError as error:
        raise InputError(
            f"{path}: cannot write the page: {error.strerror}; choose another --out"
        ) from None
    return path


def table(
    rows: Sequence[Mapping[str, object]],
    columns: Mapping[str, str],
    *,
    caption: str = "",
    bars: Sequence[str] = (),
    best: Sequence[str] = (),
    best_down: Sequence[str] = (),
) -> str:
    """A table of results.

    A float or a `Spread` is a share in [0, 1] and is shown as a percentage with one decimal; an
    integer is shown as it is; None, a missing key and NaN are a dash; anything else is text. On a
    phone a row of more than three columns becomes a block with a line for each, so that none is
    cut off.

    Args:
        rows: one mapping a row.
        columns: key -> heading, in order; other keys of the rows are left out.
        caption: stands beneath.
        bars: columns whose floats also get a bar, 100 % as wide as the cell.
        best: columns among which the highest share of a row is set bold, if it is clearly so: its
            interval reaches no other, nor what guessing gives.
        best_down: columns of which the clearly highest share of all rows is set bold.
    """
    tops = {key: _best([row.get(key) for row in rows]) for key in best_down}
    stacked = len(columns) > _BESIDE
    numeric = {k for k in columns if any(_is_number(row.get(k)) for row in rows)}
    head = "".join(
        f'<th scope="col"{_class(_column(k in numeric, k in bars))}>{escape(v)}</th>'
        for k, v in columns.items()
    )
    lines = []
    for number, row in enumerate(rows):
        shares = {k: _share(v) for k, v in row.items() if _is_share(v)}
        top = _best([row.get(key) for key in best])
        across = None if top is None else best[top]
        cells = []
        for key in columns:
            value, classes, style = row.get(key), [], ""
            if key in numeric:
                classes.append("number")
            if key in bars and key in shares:
                classes.append("bar")
                style = f' style="--v:{min(max(shares[key], 0.0), 1.0):.4f}"'
            if key == across or tops.get(key) == number:
                classes.append("best")
            named = f' data-head="{escape(columns[key])}"' if stacked and columns[key] else ""
            cells.append(f"<td{_class(' '.join(classes))}{style}{named}>{_value(value)}</td>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    body = "\n".join(lines)
    beneath = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="scroll"><table{_class("stack" * stacked)}>{beneath}'
        f"<thead><tr>{head}</tr></thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )


def facts(values: Mapping[str, object]) -> str:
    """A short list of names and values: what was run, on what, for how long."""
    items = "".join(
        f"<div><dt>{escape(k)}</dt><dd>{_value(v)}</dd></div>" for k, v in values.items()
    )
    return f'<dl class="facts">{items}</dl>'


def listing(lines: Sequence[str]) -> str:
    """Sentences beneath one another."""
    return f'<ul class="lines">{"".join(f"<li>{escape(line)}</li>" for line in lines)}</ul>'


def folded(title: str, body: str) -> str:
    """What few readers need: a line that opens to show `body`, which is taken as HTML."""
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def grid(*figures: str) -> str:
    """Figures side by side, beneath one another on a phone; one alone stands in the middle."""
    return f'<div class="grid{" one" if len(figures) == 1 else ""}">{"".join(figures)}</div>'


def code(text: str) -> str:
    """Commands or source, as they are."""
    shown = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return f"<pre><code>{html.escape(shown)}</code></pre>"


def _asset(name: str) -> str:
    return (resources.files(__package__) / "assets" / name).read_text(encoding="utf-8")


def _paragraph(text: str, style: str = "") -> str:
    return f"<p{_class(style)}>{escape(text)}</p>\n" if text else ""


def _column(numeric: bool, bar: bool) -> str:
    return " ".join(name for name, on in (("number", numeric), ("wide", bar)) if on)


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""


def _best(values: Sequence[object]) -> int | None:
    """The place of what is clearly the best of some cells; what guessing gives never is."""
    shares = {place: value for place, value in enumerate(values) if _is_share(value)}
    places = list(shares)
    # mypy does not see that what is a share is a number or a Spread.
    spreads = [v if isinstance(v, Spread) else Spread(v) for v in shares.values()]  # type: ignore[arg-type]
    top = clearly_best([spread.range for spread in spreads])
    return None if top is None or spreads[top].floor else places[top]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number, Spread)) and not isinstance(value, bool)


def _is_share(value: object) -> TypeGuard[Share]:
    return isinstance(value, (float, np.floating, Spread)) and math.isfinite(_share(value))


def _share(value: Share) -> float:
    return float(value.mean if isinstance(value, Spread) else value)


def _value(value: object) -> str:
    if isinstance(value, Spread):
        there = math.isfinite(value.mean)
        lines = (value.trust if there else "", value.below)
        small = "".join(f"<small>{escape(line)}</small>" for line in lines if line)
        return f"{value if there else '–'}{small}"
    if _is_share(value):
        return f"{100 * _share(value):.1f} %"
    return "–" if value is None or isinstance(value, (float, np.floating)) else escape(str(value))

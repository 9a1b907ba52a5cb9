"""What all figures share: themed colours, legends, and the step from Matplotlib to HTML.

The first six colours are those of Okabe and Ito ("Color universal design", 2008), safe for
colour-blind readers; four more lie as far from them as light and dark pages allow. In the SVG each
is a CSS variable with a fallback, so that one picture follows the page's light or dark theme.
"""

from __future__ import annotations

import hashlib
import html
import io
import re
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
from matplotlib.figure import Figure

PALETTE = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00",
    "#56b4e9", "#6a2cff", "#5d6b00", "#7a0030", "#000000",
)  # fmt: skip
# Colours that stand for a CSS variable until the SVG is written; no picture uses them otherwise.
INK, LINE, ON = "#010203", "#010204", "#010205"
SERIES = tuple(f"#0102{16 + k:02x}" for k in range(len(PALETTE)))
_VARIABLES = {
    INK: "currentColor",
    LINE: "var(--line, #d0d4d9)",
    ON: "var(--on-c0, #ffffff)",
    **{
        s: f"var(--c{k}, {colour})"
        for k, (s, colour) in enumerate(zip(SERIES, PALETTE, strict=True))
    },
}
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = (
    "solid",
    (0, (5, 2)),
    (0, (1, 1.5)),
    (0, (5, 1.5, 1, 1.5)),
)
MARKERS = ("o", "^", "s", "D", "v", "P")
# The same markers for legends, which are HTML: paths in a box of 12 by 12.
_SHAPES = (
    "M6 2a4 4 0 1 0 .01 0z", "M6 1.5L10.5 10H1.5z", "M2.3 2.3h7.4v7.4H2.3z",
    "M6 1L11 6 6 11 1 6z", "M6 10.5L1.5 2h9z", "M4.5 1.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
)  # fmt: skip
_STYLE: Any = {  # matplotlib has a type of its own for each key
    "svg.fonttype": "none",
    "svg.hashsalt": "skelf",
    "font.size": 8.5,
    "axes.linewidth": 0.7,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.parse_math": False,  # a class may be called "$5 note"
}


def style() -> AbstractContextManager[None]:
    """Matplotlib's settings for our figures, for as long as the context lasts."""
    return matplotlib.rc_context(_STYLE)


def render(figure: Figure, label: str) -> str:
    """The figure as an SVG element: themed colours, no metadata, ids unlike other figures'."""
    out = io.StringIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the reader's browser has the glyph
        figure.savefig(
            out, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = svg.replace("xlink:href", "href")
    used = set(re.findall(r'(?:href="#|url\(#)([\w.-]+)', svg))
    prefix = "f" + hashlib.sha256(svg.encode()).hexdigest()[:6]

    def identity(match: re.Match[str]) -> str:
        return f' id="{prefix}{match[1]}"' if match[1] in used else ""

    svg = re.sub(r' id="([^"]*)"', identity, svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}", svg)
    for sentinel, variable in _VARIABLES.items():
        svg = svg.replace(sentinel, variable)
    view = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg {view[0] if view else ""} role="img" aria-label="{escape(label)}">'
    return head + re.sub(r"\n\s*", "\n", svg[svg.index(">") + 1 :]).strip()


def figure(title: str, svg: str, legend: str, note: str = "") -> str:
    """A drawing with its title, legend and a note; `svg` and `legend` are taken as HTML."""
    small = f'<p class="note">{escape(note)}</p>' if note else ""
    caption = f"<figcaption>{escape(title)}</figcaption>"
    return f'<figure class="plot">{caption}{svg}{legend}{small}</figure>'


def empty(title: str) -> str:
    """The figure of nothing."""
    return figure(title, "", "", "Nothing was recorded.")


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """A list of `(swatch, name)`; it is HTML, so that it wraps on a phone."""
    items = "".join(f"<li>{swatch}{escape(name)}</li>" for swatch, name in entries)
    return f'<ul class="legend">{items}</ul>'


def line_swatch(k: int) -> str:
    """The colour and dash of series `k`, for a legend."""
    dash = DASHES[k % len(DASHES)]
    pattern = ""
    if not isinstance(dash, str):
        pattern = ' stroke-dasharray="' + " ".join(f"{1.6 * d:g}" for d in dash[1]) + '"'
    colour = _VARIABLES[SERIES[k % len(SERIES)]]
    return (
        '<svg viewBox="0 0 22 12" class="swatch wide" aria-hidden="true">'
        f'<path d="M1 6H21" style="stroke: {colour}" stroke-width="2.4"{pattern}/></svg>'
    )


def dot_swatch(open_: bool) -> str:
    """A ring or a dot in the colour of text, for a legend."""
    drawn = "fill: none; stroke: currentColor" if open_ else "fill: currentColor"
    return (
        '<svg viewBox="0 0 12 12" class="swatch" aria-hidden="true">'
        f'<path d="{_SHAPES[0]}" style="{drawn}"/></svg>'
    )


def marker(k: int) -> int:
    """Index in `MARKERS` of class `k`: with its colour it is unlike that of any of 60 classes.

    Neighbours in the legend differ in shape, and so do the pairs of colours that are nearest to a
    colour-blind eye.
    """
    colour = k % len(PALETTE)
    return (colour + (colour >= len(MARKERS)) + k // len(PALETTE)) % len(MARKERS)


def mark_swatch(k: int) -> str:
    """The colour and marker of class `k` (-1: unknown), for a legend."""
    colour = _VARIABLES[SERIES[k % len(SERIES)] if k >= 0 else LINE]
    shape = _SHAPES[marker(k)] if k >= 0 else _SHAPES[0]
    return (
        '<svg viewBox="0 0 12 12" class="swatch" aria-hidden="true">'
        f'<path d="{shape}" style="fill: {colour}"/></svg>'
    )


def clean(text: str, limit: int = 0) -> str:
    """One line without control characters, which no SVG may hold; cut at `limit` characters."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text[: limit - 1] + "…" if 0 < limit < len(text) else text


def escape(text: str) -> str:
    """Text as HTML, quotes included, on one line."""
    return html.escape(clean(text))

"""What a report shows of results: one number a protocol for each setup, and all of them folded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

from ..pages import html
from ..pages.html import Section, Spread
from ..pages.svg import escape
from .found import Found, Row
from .setup import Setup

# Which state of a classifier stands for it in the first table; all are in the second.
_SELECTIONS = ("last", "none", "validated", "best_on_test")
_SAID = {"last": "last epoch", "none": "", "best_on_test": "best on test", "validated": "validated"}

Column = tuple[str, str, str, str]
"""Protocol, metric, selection, and what its settings have unlike others of that protocol."""


def results(found: Found) -> Section | None:
    """A table for each test set with one number a protocol, and all numbers folded beneath."""
    if not found.rows:
        return None
    shown = _by_column(found.rows)
    places = sorted({row.judged_on for row in found.rows})
    body = ""
    for place in places:
        head = f"<h3>{escape(' '.join(filter(None, place)))}</h3>" if any(place) else ""
        body += head + _headline(found, shown, place)
    body += html.folded("All numbers", _all_numbers(found, shown, places))
    said = dict.fromkeys(f"{r.protocol}: {r.definition}" for r in found.rows if r.definition)
    if said:
        body += html.folded("What each number is", html.listing(list(said)))
    text = (
        "Share of the test side, higher is better; ± is the standard deviation over seeds. "
        "Untrained: the same encoder with its first random weights."
    )
    return Section("Results", body, text)


Cells = dict[tuple[Setup, bool, tuple[str, str], Column], dict[Any, float]]


def _by_column(rows: Sequence[Row]) -> Cells:
    """Setup, untrained or not, test set and column -> seeds -> value; what is found twice counts
    once."""
    variants: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        variants[row.protocol, row.judged_on].append(row.settings)
    cells: Cells = defaultdict(dict)
    for row in rows:
        variant = _variant(row, variants[row.protocol, row.judged_on])
        column = (row.protocol, row.metric, row.selection, variant)
        cells[row.setup, row.untrained, row.judged_on, column][row.repeat] = row.value
    return dict(cells)


def _variant(row: Row, others: Sequence[dict[str, Any]]) -> str:
    keys = dict.fromkeys(key for settings in others for key in settings)
    differing = [key for key in keys if len({repr(s.get(key)) for s in others}) > 1]
    return ", ".join(f"{key}={row.settings.get(key)}" for key in differing)


def _headline(found: Found, shown: Cells, place: tuple[str, str]) -> str:
    columns = _headline_columns([key[3] for key in shown if key[2] == place])
    rows = []
    for setup, name in found.names.items():
        row: dict[str, Any] = {"setup": name}
        most = 0
        for column in columns:
            trained = shown.get((setup, False, place, column), {})
            fresh = shown.get((setup, True, place, column), {})
            if trained or fresh:
                below = f"untrained {_spread(fresh)}" if fresh else ""
                row[str(column)] = _spread(trained, below)
            most = max(most, len(trained), len(fresh))
        if most:
            rows.append(row | {"runs": most})
    heads = {str(c): _head(c) for c in columns}
    best = [c for c in columns if c[2] == "best_on_test"]
    return html.table(
        rows, {"setup": "Setup", **heads, "runs": "Seeds"}, best_down=list(heads),
        caption="Best on test: chosen by the test labels, so it flatters." if best else "",
    )  # fmt: skip


def _headline_columns(columns: Sequence[Column]) -> list[Column]:
    """For each protocol and its settings the first metric, and mAP, in one selection."""
    chosen: list[Column] = []
    for protocol, variant in dict.fromkeys((c[0], c[3]) for c in columns):
        own = [c for c in columns if (c[0], c[3]) == (protocol, variant)]
        metrics = list(dict.fromkeys(c[1] for c in own))
        for metric in [metrics[0], *(m for m in metrics[1:] if m == "map")]:
            of_metric = [c for c in own if c[1] == metric]
            chosen.append(min(of_metric, key=lambda c: _rank(c[2])))
    return chosen


def _all_numbers(found: Found, shown: Cells, places: Sequence[tuple[str, str]]) -> str:
    rows = []
    columns = list(dict.fromkeys(key[3] for key in shown))
    for place in places:
        for column in columns:
            for setup, name in found.names.items():
                trained = shown.get((setup, False, place, column), {})
                fresh = shown.get((setup, True, place, column), {})
                if trained or fresh:
                    values = {"trained": _spread(trained), "untrained": _spread(fresh)}
                    place_name = " ".join(filter(None, place))
                    what = {"what": _head(column), "setup": name, "place": place_name}
                    rows.append(what | values | {"n": len(trained) or len(fresh)})
    heads = {"what": "Measure", "setup": "Setup", "trained": "Trained", "untrained": "Untrained"}
    heads |= {"n": "Seeds"} | ({"place": "Test set"} if len(places) > 1 else {})
    return html.table(rows, heads, best=("trained", "untrained"))


def _head(column: Column) -> str:
    protocol, metric, selection, variant = column
    said = ", ".join(filter(None, (_SAID.get(selection, selection), variant)))
    return f"{protocol} {metric}" + (f" ({said})" if said else "")


def _rank(selection: str) -> int:
    return _SELECTIONS.index(selection) if selection in _SELECTIONS else len(_SELECTIONS)


def _spread(values: dict[Any, float], below: str = "") -> Spread:
    several = list(values.values())
    if not several:
        return Spread(float("nan"), None, below)
    return Spread(mean(several), stdev(several) if len(several) > 1 else None, below)

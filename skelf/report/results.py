"""What a report shows of results: one number a protocol for each setup, and all of them folded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import NamedTuple

from ..metrics.interval import FEW, is_accuracy, wilson
from ..pages import html
from ..pages.html import Section, Spread
from ..pages.svg import escape
from .evidence import Evidence, Place, Repeat, Row
from .setup import Setup
from .store import Store

# Which state of a classifier stands for it in the first table; all are in the second.
_SELECTIONS = ("last", "none", "validated", "best_on_test")
_IN_WORDS = {
    "last": "last epoch",
    "none": "",
    "best_on_test": "best on test",
    "validated": "validated",
}
_FLATTERS = "Best on test: chosen by the test labels, so it flatters."


class Column(NamedTuple):
    """What numbers of several setups have in common.

    Args:
        protocol: the protocol.
        metric: what was measured.
        selection: which state of a trained classifier.
        variant: what the protocol's settings have unlike others of it.
    """

    protocol: str
    metric: str
    selection: str
    variant: str

    def head(self) -> str:
        """The column's heading."""
        words = (_IN_WORDS.get(self.selection, self.selection), self.variant)
        details = ", ".join(filter(None, words))
        return f"{self.protocol} {self.metric}" + (f" ({details})" if details else "")


class Cell(NamedTuple):
    """A place in the tables."""

    setup: Setup
    untrained: bool
    place: Place
    column: Column


class Reading(NamedTuple):
    """A number and the clips that it was measured on; None where a row does not say."""

    value: float
    clips: int | None


Readings = dict[Repeat, Reading]
"""Seeds -> what was measured."""

Cells = dict[Cell, Readings]


def results(evidence: Evidence, store: Store | None = None) -> Section | None:
    """A table for each test set with one number a protocol, and all numbers folded beneath.

    What guessing gives stands beside them where the store tells it.
    """
    if not evidence.rows:
        return None
    cells = _cells(evidence.rows)
    places = sorted({row.judged_on for row in evidence.rows})
    body = ""
    for place in places:
        columns = _headline_columns([cell.column for cell in cells if cell.place == place])
        guesses = {
            column: None if store is None else store.chance(place, column.protocol, column.metric)
            for column in columns
        }
        head = f"<h3>{escape(' '.join(filter(None, place)))}</h3>" if any(place) else ""
        table = _by_measure if len(evidence.names) == 1 else _by_setup
        body += head + table(evidence, cells, place, guesses)
    body += html.folded("All numbers", _all_numbers(evidence, cells, places))
    definitions = dict.fromkeys(
        f"{row.protocol}: {row.definition}" for row in evidence.rows if row.definition
    )
    if definitions:
        body += html.folded("What each number is", html.listing(list(definitions)))
    text = (
        "Share of the test side, higher is better; ± is the standard deviation over seeds. Beneath "
        "an accuracy stands its 95 % interval (Wilson), by the number of test clips. Bold is what "
        "lies above all beside it, intervals and all. "
        "Untrained: the same encoder with its first random weights."
    )
    return Section("Results", body, text)


def _cells(rows: Sequence[Row]) -> Cells:
    """The values of each cell; what was read twice counts once."""
    settings: dict[tuple[str, Place], list[dict[str, object]]] = defaultdict(list)
    for row in rows:
        settings[row.protocol, row.judged_on].append(row.settings)
    cells: Cells = defaultdict(dict)
    for row in rows:
        variant = _variant(row, settings[row.protocol, row.judged_on])
        column = Column(row.protocol, row.metric, row.selection, variant)
        cells[Cell(row.setup, row.untrained, row.judged_on, column)][row.repeat] = Reading(
            row.value, row.clips
        )
    return dict(cells)


def _variant(row: Row, others: Sequence[dict[str, object]]) -> str:
    keys = dict.fromkeys(key for settings in others for key in settings)
    differing = [key for key in keys if len({repr(s.get(key)) for s in others}) > 1]
    return ", ".join(f"{key}={row.settings.get(key)}" for key in differing)


def _headline_columns(columns: Sequence[Column]) -> list[Column]:
    """For each protocol and its settings the first metric, and mAP, in one selection."""
    chosen: list[Column] = []
    for protocol, variant in dict.fromkeys((c.protocol, c.variant) for c in columns):
        alike = [c for c in columns if (c.protocol, c.variant) == (protocol, variant)]
        metrics = list(dict.fromkeys(c.metric for c in alike))
        for metric in [metrics[0], *(m for m in metrics[1:] if m == "map")]:
            of_metric = [c for c in alike if c.metric == metric]
            chosen.append(min(of_metric, key=lambda c: _rank(c.selection)))
    return chosen


def _by_measure(
    evidence: Evidence, cells: Cells, place: Place, guesses: Mapping[Column, float | None]
) -> str:
    """A line for each measure: of a page with one setup."""
    (setup,) = evidence.names
    rows = []
    for column, guess in guesses.items():
        trained, fresh = _states(cells, setup, place, column)
        rows.append(
            {
                "measure": column.head(),
                "trained": _spread(column, trained) if trained else None,
                "untrained": _spread(column, fresh) if fresh else None,
                "chance": None if guess is None else Spread(guess, floor=True),
                "seeds": max(len(trained), len(fresh)),
            }
        )
    heads = {"measure": "Measure"}
    shares = {"trained": "Trained", "untrained": "Untrained", "chance": "Chance"}
    heads |= {k: v for k, v in shares.items() if any(row[k] is not None for row in rows)}
    heads |= {"seeds": "Seeds"} if any(row["seeds"] != 1 for row in rows) else {}
    return html.table(
        rows, heads, bars=list(shares), best=list(shares), caption=_caption(guesses, cells)
    )


def _by_setup(
    evidence: Evidence, cells: Cells, place: Place, guesses: Mapping[Column, float | None]
) -> str:
    """A line for each setup."""
    heads = {str(number): column.head() for number, column in enumerate(guesses)}
    rows: list[dict[str, object]] = []
    for setup, name in evidence.names.items():
        row: dict[str, object] = {"setup": name}
        most = 0
        for number, column in enumerate(guesses):
            trained, fresh = _states(cells, setup, place, column)
            if trained or fresh:
                row[str(number)] = _spread(column, trained)._replace(below=_below(column, fresh))
            most = max(most, len(trained), len(fresh))
        if most:
            rows.append(row | {"runs": most})
    if any(guess is not None for guess in guesses.values()):
        chance = {
            str(number): Spread(guess, floor=True)
            for number, guess in enumerate(guesses.values())
            if guess is not None
        }
        rows.append({"setup": "Chance", **chance})
    return html.table(
        rows, {"setup": "Setup", **heads, "runs": "Seeds"}, best_down=list(heads),
        caption=_caption(guesses, cells),
    )  # fmt: skip


def _all_numbers(evidence: Evidence, cells: Cells, places: Sequence[Place]) -> str:
    rows = []
    columns = list(dict.fromkeys(cell.column for cell in cells))
    for place in places:
        for column in columns:
            for setup, name in evidence.names.items():
                trained, fresh = _states(cells, setup, place, column)
                if trained or fresh:
                    rows.append(
                        {
                            "what": column.head(),
                            "setup": name,
                            "place": " ".join(filter(None, place)),
                            "trained": _spread(column, trained),
                            "untrained": _spread(column, fresh),
                            "n": len(trained) or len(fresh),
                        }
                    )
    heads = {"what": "Measure", "setup": "Setup", "trained": "Trained", "untrained": "Untrained"}
    heads |= {"n": "Seeds"} | ({"place": "Test set"} if len(places) > 1 else {})
    return html.table(rows, heads, best=("trained", "untrained"))


def _states(cells: Cells, setup: Setup, place: Place, column: Column) -> tuple[Readings, Readings]:
    """The values of the trained and of the untrained encoder."""
    trained, fresh = (cells.get(Cell(setup, state, place, column), {}) for state in (False, True))
    return trained, fresh


def _caption(columns: Mapping[Column, object], cells: Cells) -> str:
    counts = [
        reading.clips
        for cell, readings in cells.items()
        for reading in readings.values()
        if cell.column in columns and reading.clips is not None
    ]
    few = min(counts, default=FEW)
    return " ".join(
        text
        for text, holds in (
            (_FLATTERS, any(c.selection == "best_on_test" for c in columns)),
            (f"From only {few} test clip{'s' * (few != 1)}: see the intervals.", few < FEW),
        )
        if holds
    )


def _rank(selection: str) -> int:
    return _SELECTIONS.index(selection) if selection in _SELECTIONS else len(_SELECTIONS)


def _spread(column: Column, readings: Readings) -> Spread:
    """Mean and deviation over seeds; of an accuracy also its interval, by the clips of one seed."""
    values = [reading.value for reading in readings.values()]
    if not values:
        return Spread(float("nan"))
    counts = [reading.clips for reading in readings.values() if reading.clips is not None]
    clips = min(counts) if len(counts) == len(values) else None
    average = mean(values)
    return Spread(
        average,
        stdev(values) if len(values) > 1 else None,
        interval=wilson(average, clips) if clips and is_accuracy(column.metric) else None,
        clips=clips,
    )


def _below(column: Column, fresh: Readings) -> str:
    """The untrained encoder's number, as it stands beneath that of the trained one."""
    if not fresh:
        return ""
    spread = _spread(column, fresh)
    return f"untrained {spread}" + (f" ({spread.trust})" if spread.interval else "")

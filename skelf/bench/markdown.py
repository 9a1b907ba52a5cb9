"""Results of a benchmark as Markdown: mean ± deviation over seeds, published numbers beneath."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean, stdev
from typing import NamedTuple

from ..metrics.interval import FEW, Range, clearly_best, is_accuracy, wilson
from ..results.published import Published, pick, published
from .cost import Costs, giga
from .suite import Place, Suite
from .table import Row

_IN_WORDS = {
    "last": "last epoch",
    "best_on_test": "best on test",
    "validated": "validated",
    "none": "",
}


class Line(NamedTuple):
    """A line of a table: what its numbers have in common but for the seed."""

    row: str
    untrained: bool
    stream: str
    pretrained_on: str


class Column(NamedTuple):
    """A column of a table."""

    label: str
    metric: str
    selection: str

    def __str__(self) -> str:
        selection = _IN_WORDS.get(self.selection, self.selection)
        return f"{self.label} {self.metric}" + (f" ({selection})" if selection else "")


_WIDE = 8
"""Most columns of numbers in a table that holds several protocols."""

Values = dict[tuple[Place, Line, Column], list[float]]
Clips = dict[tuple[Place, Column], int]
"""The fewest test clips that a column's numbers were measured on; of earlier versions unknown."""


def markdown(suite: Suite, rows: Sequence[Row], undone: int, costs: Costs | None = None) -> str:
    """The page.

    Args:
        suite: names the places and what is shown.
        rows: as of `table.tidy`.
        undone: cells that have no results yet.
        costs: what pretraining costs, where there is a budget.
    """
    values, clips = gathered(rows), clips_of(rows)
    places = list(dict.fromkeys(place for place, _, _ in values))
    seeds = ", ".join(map(str, suite.seeds))
    text = [
        "# Results",
        f"Of {suite.path.name}; seeds {seeds}. Percent, mean ± standard deviation over seeds (of "
        "the sample, n - 1). Best on test is chosen by the test labels, so it flatters. Untrained: "
        "the same encoder with its first random weights. In brackets: the 95 % interval (Wilson) "
        "of an accuracy, by the number of test clips, which stands in the column's head. Bold is "
        "what lies above all else in its column, intervals and all.",
    ]
    if undone:
        text.append(f"**Not complete: {undone} cells have no results yet.**")
    text += _not_there(suite, [column for _, _, column in values])
    text += _cost(suite, costs or {})
    for place in places:
        text += [f"## {place}", *_tables(suite, values, clips, place)]
        names = {protocol.name for protocol in suite.protocols}
        numbers = [number for number in published(*place) if number.protocol in names]
        text += _published(pick(numbers, suite.published))
    return "\n\n".join(text) + "\n"


def _cost(suite: Suite, costs: Costs) -> list[str]:
    """What each row's pretraining counts, of one stream and seed."""
    if not costs:
        return []
    asked = (
        f"as much as {suite.equal_cost}" if suite.equal_cost else f"{giga(suite.flops or 0)} GFLOPs"
    )
    body = [
        [
            label,
            str(place),
            str(cost.epochs),
            f"{cost.step / 1e6:,.0f}",
            giga(cost.flops),
            "" if label == suite.equal_cost else f"{cost.off:+.1%}",
        ]
        for (label, place), cost in costs.items()
    ]
    heads = ["method", "pretrained on", "epochs", "MFLOPs a clip", "GFLOPs", "off the budget"]
    return [
        f"## Cost\n\nEpochs are such that every pretraining counts {asked}, to the nearest whole "
        "epoch: forward and backward, as `skelf profile` counts; of a run of one stream and seed, "
        "with the row that it starts from.",
        _grid(heads, body),
    ]


def gathered(rows: Iterable[Row]) -> Values:
    """The values of each cell of the tables, one for each seed."""
    values: Values = {}
    for row in rows:
        place = Place(row["data"], row["split"])
        untrained = row["method"] == "untrained"
        line = Line(row["row"], untrained, row["stream"], row["pretrained_on"])
        column = Column(row["label"], row["metric"], row["selection"])
        values.setdefault((place, line, column), []).append(row["value"])
    return values


def clips_of(rows: Iterable[Row]) -> Clips:
    """The fewest test clips of each column."""
    clips: Clips = {}
    for row in rows:
        key = (
            Place(row["data"], row["split"]),
            Column(row["label"], row["metric"], row["selection"]),
        )
        if count := row.get("clips"):
            clips[key] = min(count, clips.get(key, count))
    return clips


def spread(values: Sequence[float], metric: str = "", clips: int | None = None) -> str:
    """`85.2 ± 0.3`, in percent; of an accuracy on so many clips with `(84.7 to 85.7)` behind."""
    deviation = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    interval = ""
    if clips is not None and is_accuracy(metric):
        low, high = wilson(mean(values), clips)
        interval = f" ({100 * low:.1f} to {100 * high:.1f})"
    return f"{100 * mean(values):.1f}{deviation}{interval}"


def _range(values: Sequence[float], metric: str, clips: int | None) -> Range:
    """A number with all that it may be off: by its clips and by its seeds."""
    middle = mean(values)
    low, high = middle, middle
    if clips is not None and is_accuracy(metric):
        low, high = wilson(middle, clips)
    off = stdev(values) if len(values) > 1 else 0.0
    return Range(middle, min(low, middle - off), max(high, middle + off))


def _tables(suite: Suite, values: Values, clips: Clips, place: Place) -> list[str]:
    """One table, or one a protocol with a heading, where one would be too wide to read."""
    columns = _columns(suite, [column for at, _, column in values if at == place])
    if len(columns) <= _WIDE:
        return [_table(values, clips, place, columns)]
    text = []
    for label in dict.fromkeys(column.label for column in columns):
        of_label = [column for column in columns if column.label == label]
        text += [f"### {label}", _table(values, clips, place, of_label)]
    return text


def _table(values: Values, clips: Clips, place: Place, columns: Sequence[Column]) -> str:
    here = {key: seeds for key, seeds in values.items() if key[0] == place and key[2] in columns}
    lines = list(dict.fromkeys(line for _, line, _ in here))
    counts = {len(seeds) for seeds in here.values()}
    elsewhere = any(line.pretrained_on not in ("", str(place)) for line in lines)
    heads = [
        "method",
        "stream",
        *(["pretrained on"] if elsewhere else []),
        *(_head(c, clips.get((place, c))) for c in columns),
    ]
    heads += ["seeds"] if len(counts) > 1 else []
    best = {}
    for column in columns:
        of_column = [line for line in lines if (place, line, column) in values]
        ranges = [
            _range(values[place, line, column], column.metric, clips.get((place, column)))
            for line in of_column
        ]
        top = clearly_best(ranges)
        best[column] = None if top is None else of_column[top]
    body = []
    for line in lines:
        name = f"{line.row}, untrained" if line.untrained else line.row
        cells = [name, line.stream, *([line.pretrained_on] if elsewhere else [])]
        most = 0
        for column in columns:
            seeds = values.get((place, line, column), [])
            most = max(most, len(seeds))
            counted = clips.get((place, column))
            shown = spread(seeds, column.metric, counted) if seeds else ""
            cells.append(f"**{shown}**" if line == best[column] else shown)
        body.append([*cells, *([str(most)] if len(counts) > 1 else [])])
    return _grid(heads, body)


def _head(column: Column, clips: int | None) -> str:
    if clips is None:
        return str(column)
    few = "only " if clips < FEW else ""
    return f"{column}, {few}{clips:,} clip{'s' * (clips != 1)}"


def _not_there(suite: Suite, columns: Sequence[Column]) -> list[str]:
    """A line for each metric that `show` names and no result has."""
    lines = []
    for protocol in suite.protocols:
        has = list(dict.fromkeys(c.metric for c in columns if c.label == protocol.label))
        lines += [
            f"**{protocol.label}: show: there is no {metric!r}; there are {', '.join(has)}.**"
            for metric in protocol.show
            if has and metric not in has
        ]
    return lines


def _columns(suite: Suite, columns: Sequence[Column]) -> list[Column]:
    """The columns that are shown: those that the suite names, or each protocol's first metric."""
    chosen: list[Column] = []
    for protocol in suite.protocols:
        of_protocol = list(dict.fromkeys(c for c in columns if c.label == protocol.label))
        if protocol.show:
            chosen += [c for metric in protocol.show for c in of_protocol if c.metric == metric]
        elif of_protocol:
            first = _stem(of_protocol[0].metric)
            chosen += [column for column in of_protocol if _stem(column.metric) == first]
    return chosen


def _stem(metric: str) -> str:
    """The measure without its condition: `top1` of `top1.spatial` and of `top1.10%`."""
    return metric if "@" in metric else metric.partition(".")[0]


def _published(numbers: Sequence[Published]) -> list[str]:
    """A table of published numbers; one that stands in several sources once."""
    sources: dict[tuple[str, ...], list[str]] = {}
    for number in numbers:
        what = ", ".join(filter(None, (number.condition, number.note)))
        value = f"{100 * number.value:.2f}".removesuffix("0")
        key = (f"{number.protocol} {number.metric}", number.method, number.stream, value, what)
        sources.setdefault(key, []).append(number.source)
    if not sources:
        return []
    body = [[*key, "; ".join(names)] for key, names in sources.items()]
    heads = ["protocol", "method", "stream", "published", "what", "source"]
    return [
        "Published, by the authors' code and data preparation; mostly the best check on the test "
        "set. Ablations are left out unless the suite's `published` names them.",
        _grid(heads, body),
    ]


def _grid(heads: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *body]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)

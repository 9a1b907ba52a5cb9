"""Results of a benchmark as Markdown: mean ± deviation over seeds, published numbers beneath."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean, stdev
from typing import Any, NamedTuple

from ..results.published import Published, published
from .suite import Place, Suite

_SAID = {
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
        said = _SAID.get(self.selection, self.selection)
        return f"{self.label} {self.metric}" + (f" ({said})" if said else "")


_WIDE = 8
"""Most columns of numbers in a table that holds several protocols."""

Values = dict[tuple[Place, Line, Column], list[float]]


def markdown(suite: Suite, rows: Sequence[dict[str, Any]], undone: int) -> str:
    """The page.

    Args:
        suite: names the places and what is shown.
        rows: as of `table.tidy`.
        undone: cells that have no results yet.
    """
    values = gathered(rows)
    places = list(dict.fromkeys(place for place, _, _ in values))
    seeds = ", ".join(map(str, suite.seeds))
    text = [
        "# Results",
        f"Of {suite.path.name}; seeds {seeds}. Percent, mean ± standard deviation over seeds (of "
        "the sample, n - 1). Best on test is chosen by the test labels, so it flatters. Untrained: "
        "the same encoder with its first random weights. The best of a column is bold.",
    ]
    if undone:
        text.append(f"**Not complete: {undone} cells have no results yet.**")
    text += _not_there(suite, [column for _, _, column in values])
    for place in places:
        text += [f"## {place}", *_tables(suite, values, place)]
        names = {one.name for one in suite.protocols}
        found = [one for one in published(*place) if one.protocol in names]
        text += _published([one for one in found if not one.condition.startswith("ablation")])
    return "\n\n".join(text) + "\n"


def gathered(rows: Iterable[dict[str, Any]]) -> Values:
    """The values of each cell of the tables, one for each seed."""
    values: Values = {}
    for row in rows:
        place = Place(row["data"], row["split"])
        untrained = row["method"] == "untrained"
        line = Line(row["row"], untrained, row["stream"], row["pretrained_on"])
        column = Column(row["label"], row["metric"], row["selection"])
        values.setdefault((place, line, column), []).append(row["value"])
    return values


def spread(values: Sequence[float]) -> str:
    """`85.2 ± 0.3`, in percent."""
    deviation = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.1f}{deviation}"


def _tables(suite: Suite, values: Values, place: Place) -> list[str]:
    """One table, or one a protocol with a heading, where one would be too wide to read."""
    columns = _columns(suite, [column for at, _, column in values if at == place])
    if len(columns) <= _WIDE:
        return [_table(values, place, columns)]
    text = []
    for label in dict.fromkeys(column.label for column in columns):
        own = [column for column in columns if column.label == label]
        text += [f"### {label}", _table(values, place, own)]
    return text


def _table(values: Values, place: Place, columns: Sequence[Column]) -> str:
    here = {key: found for key, found in values.items() if key[0] == place and key[2] in columns}
    lines = list(dict.fromkeys(line for _, line, _ in here))
    counts = {len(found) for found in here.values()}
    elsewhere = any(line.pretrained_on not in ("", str(place)) for line in lines)
    heads = ["method", "stream", *(["pretrained on"] if elsewhere else []), *map(str, columns)]
    heads += ["seeds"] if len(counts) > 1 else []
    best = {}
    for column in columns:
        means = [
            mean(values[place, line, column]) for line in lines if (place, line, column) in values
        ]
        best[column] = max(means) if len(set(means)) > 1 else None
    body = []
    for line in lines:
        name = f"{line.row}, untrained" if line.untrained else line.row
        cells = [name, line.stream, *([line.pretrained_on] if elsewhere else [])]
        most = 0
        for column in columns:
            found = values.get((place, line, column), [])
            most = max(most, len(found))
            said = spread(found) if found else ""
            cells.append(f"**{said}**" if found and mean(found) == best[column] else said)
        body.append([*cells, *([str(most)] if len(counts) > 1 else [])])
    return _grid(heads, body)


def _not_there(suite: Suite, found: Sequence[Column]) -> list[str]:
    """A line for each metric that `show` names and no result has."""
    lines = []
    for protocol in suite.protocols:
        has = list(dict.fromkeys(c.metric for c in found if c.label == protocol.label))
        lines += [
            f"**{protocol.label}: show: there is no {metric!r}; there are {', '.join(has)}.**"
            for metric in protocol.show
            if has and metric not in has
        ]
    return lines


def _columns(suite: Suite, found: Sequence[Column]) -> list[Column]:
    """The columns that are shown: those that the suite names, or each protocol's first metric."""
    chosen: list[Column] = []
    for protocol in suite.protocols:
        own = list(dict.fromkeys(column for column in found if column.label == protocol.label))
        if protocol.show:
            chosen += [c for metric in protocol.show for c in own if c.metric == metric]
        elif own:
            chosen += [column for column in own if _stem(column.metric) == _stem(own[0].metric)]
    return chosen


def _stem(metric: str) -> str:
    """The measure without its condition: `top1` of `top1.spatial` and of `top1.10%`."""
    return metric if "@" in metric else metric.partition(".")[0]


def _published(found: Sequence[Published]) -> list[str]:
    """A table of published numbers; one that stands in several sources once."""
    sources: dict[tuple[str, ...], list[str]] = {}
    for one in found:
        said = ", ".join(filter(None, (one.condition, one.note)))
        value = f"{100 * one.value:.2f}".removesuffix("0")
        key = (f"{one.protocol} {one.metric}", one.method, one.stream, value, said)
        sources.setdefault(key, []).append(one.source)
    if not sources:
        return []
    body = [[*key, "; ".join(names)] for key, names in sources.items()]
    heads = ["protocol", "method", "stream", "published", "what", "source"]
    return [
        "Published, by the authors' code and data preparation; mostly the best check on the test "
        "set. Ablations are left out.",
        _grid(heads, body),
    ]


def _grid(heads: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    rows = [heads, ["---"] * len(heads), *body]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)

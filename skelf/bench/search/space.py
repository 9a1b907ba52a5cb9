"""What is searched, as a suite's `[[search]]` tables say, and how a trial's settings are drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import InputError, unknown
from ...settings.values import Value
from ..checks import resolved
from ..suite import Method, Place, Search, Suite

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def searched(suite: Suite) -> list[Method]:
    """The rows that have something to search.

    Raises:
        InputError: no `[[search]]`, or one that names a row that cannot be searched.
    """
    if not suite.search:
        raise InputError(
            f"{suite.path}: nothing to search; write [[search]] with a key, and values or a range"
        )
    fresh = [m for m in suite.methods if m.run is None and m.after is None]
    for table in suite.search:
        for name in table.rows or ():
            if name not in [m.label for m in suite.methods]:
                names = [m.label for m in suite.methods]
                raise InputError(f"{suite.path}: [[search]] rows: {unknown('row', name, names)}")
            if name not in [m.label for m in fresh]:
                raise InputError(
                    f"{suite.path}: [[search]] rows: {name} starts from another row or a run that "
                    "is there; only rows that are pretrained from the start are searched"
                )
    return [method for method in fresh if keys_of(suite, method)]


def keys_of(suite: Suite, method: Method) -> list[Search]:
    """The tables that concern a row."""
    return [table for table in suite.search if table.rows is None or method.label in table.rows]


def check_space(suite: Suite) -> None:
    """Refuses what a method would refuse in its first trial: both ends, and all values of a key.

    Raises:
        InputError: one line for each.
    """
    lines: list[str] = []
    with_budget = suite.equal_cost is not None or suite.flops is not None
    for method, place in places(suite):
        for table in keys_of(suite, method):
            if table.key == "train.epochs" and with_budget:
                lines.append(f"{suite.path}: [[search]] {table.key}: the budget sets it")
            for text in (_text(table.key, value) for value in _ends(table)):
                try:
                    resolved(suite, method, place, more=[text])
                except InputError as error:
                    lines.append(
                        f"{suite.path}: [[search]] {table.key}: {method.label}: {error}; "
                        "`rows` says whose it is"
                    )
    if lines:
        raise InputError("\n".join(dict.fromkeys(lines)))


def places(suite: Suite) -> list[tuple[Method, Place]]:
    """Each row that is searched, where it is pretrained: a search of its own."""
    return [(m, place) for m in searched(suite) for place in suite.pretrained_on(m)]


def distributions(tables: Sequence[Search]) -> dict[str, BaseDistribution]:
    """What optuna draws of: a list as its text, since it takes no lists."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    made: dict[str, BaseDistribution] = {}
    for table in tables:
        if table.values is not None:
            made[table.key] = CategoricalDistribution([_toml(value) for value in table.values])
        elif table.whole:
            low, high = map(int, table.range or ())
            made[table.key] = IntDistribution(low, high, log=table.log)
        else:
            low_, high_ = table.range or (0.0, 0.0)
            made[table.key] = FloatDistribution(low_, high_, log=table.log)
    return made


def settings_of(tables: Sequence[Search], params: dict[str, Value]) -> list[str]:
    """A trial's draws as `section.key=value`, of four digits: nobody reads more of them."""

    def text(table: Search) -> str:
        value = params[table.key]
        if table.values is not None:
            return f"{table.key}={value}"
        return _text(table.key, float(f"{value:.4g}") if isinstance(value, float) else value)

    return [text(table) for table in tables]


def usual(
    suite: Suite, method: Method, place: Place, tables: Sequence[Search]
) -> dict[str, Value] | None:
    """The suite's own settings as a trial's draws; None where one of them is not in the space."""
    config = resolved(suite, method, place).to_dict()
    params: dict[str, Value] = {}
    for table in tables:
        section, _, key = table.key.partition(".")
        value = config[section].get(key)
        if table.values is not None:
            text = _toml(value)
            if text not in [_toml(each) for each in table.values]:
                return None
            params[table.key] = text
        else:
            low, high = table.range or (0.0, 0.0)
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            if not low <= value <= high:
                return None
            params[table.key] = value if table.whole else float(value)
    return params


def _ends(table: Search) -> Sequence[Value]:
    if table.values is not None:
        return table.values
    return [int(end) if table.whole else end for end in table.range or ()]


def _text(key: str, value: Value) -> str:
    return f"{key}={_toml(value)}"


def _toml(value: Value) -> str:
    if isinstance(value, tuple):
        value = list(value)
    return json.dumps(value)

"""The suite with the settings that a search has chosen, as TOML that `skelf bench` runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from pathlib import Path

from ...settings.given import parse_override
from ...settings.values import Value
from ..suite import Method, Place, Suite

Choices = Mapping[tuple[str, Place], Sequence[str]]
"""Label of a row and where it is pretrained -> `section.key=value` that won there."""


def chosen_suite(suite: Suite, choices: Choices, path: Path, header: Iterable[str]) -> str:
    """The text of a suite beside `path`: the same tables, the choices as `settings_on`.

    Args:
        suite: what was searched.
        choices: what came out.
        path: where it will stand: files are named relative to it.
        header: lines of comment above.
    """
    moved = _moved(suite, path)
    head: dict[str, Value] = {
        "seeds": moved.seeds,
        "config": moved.config,
        "published": moved.published,
    }
    head |= {"equal_cost": suite.equal_cost, "flops": suite.flops}
    parts = ["\n".join(f"# {line}" for line in header)]
    parts.append("\n".join(_lines({k: v for k, v in head.items() if v is not None})))
    parts += [_table("data", data) for data in moved.data]
    parts += [_table("method", _with(moved, method, choices)) for method in moved.methods]
    parts += [_table("protocol", protocol) for protocol in moved.protocols]
    return "\n\n".join(parts) + "\n"


def _with(suite: Suite, method: Method, choices: Choices) -> Method:
    on = {key: list(value) for key, value in (method.settings_on or {}).items()}
    for (label, place), settings in choices.items():
        if label == method.label:
            on[str(place)] = [*on.get(str(place), ()), *settings]
    budget = (suite.equal_cost is not None or suite.flops is not None) and method.run is None
    mine = method.settings
    if budget and method.label != suite.equal_cost:  # a row's own gave way to it
        mine = _without_epochs(mine)
        on = {key: list(_without_epochs(value)) for key, value in on.items()}
    named = {key: tuple(value) for key, value in on.items() if value}
    return replace(method, settings=mine, settings_on=named or None)


def _without_epochs(settings: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in settings if parse_override(text)[0] != "train.epochs")


def _moved(suite: Suite, path: Path) -> Suite:
    """The suite as if it stood at `path`: what it names beside itself is named from there."""
    old, new = suite.path.parent.resolve(), path.parent.resolve()

    def beside(name: str | None) -> str | None:
        if name is None or os.path.isabs(name):
            return name
        return Path(os.path.relpath(old / name, new)).as_posix()

    def file(name: str | None) -> str | None:
        """A run; a name of the hub stays."""
        hub = name is not None and name.count("/") == 1 and not name.startswith((".", "/"))
        return name if name and hub and not (old / name).parent.exists() else beside(name)

    def store(name: str | None) -> str | None:
        return beside(name) if name is not None and (old / name).exists() else name

    return replace(
        suite,
        path=path,
        config=beside(suite.config),
        data=tuple(
            replace(d, store=store(d.store or (d.name if (old / d.name).exists() else None)))
            for d in suite.data
        ),
        methods=tuple(
            replace(m, config=beside(m.config), run=file(m.run), init=file(m.init))
            for m in suite.methods
        ),
    )


def _table(name: str, options: Value) -> str:
    """A `[[table]]` with what differs from its defaults."""
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    defaults = {field.name: field.default for field in fields(options)}
    said = {
        key: value
        for key, value in values.items()
        if value is not None and (defaults[key] is MISSING or value != defaults[key])
    }
    return "\n".join([f"[[{name}]]", *_lines(said)])


def _lines(values: Mapping[str, Value]) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in values.items()]


def _toml(value: Value) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{json.dumps(k)} = {_toml(v)}' for k, v in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)

"""What of a suite is done: read from the cells' files, so that a stopped benchmark goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from ..checkpoints import folder as checkpoint
from ..errors import InputError
from ..files import read_json
from .cell import Cell

State = Literal["done", "failed", "open", "spared"]
"""Spared: a pretraining that nothing which is still to be done needs."""


def states(cells: Sequence[Cell], retry: bool) -> dict[str, State]:
    """The state of each cell, in their order.

    Args:
        cells: a plan.
        retry: cells that failed are open again.

    Raises:
        InputError: a cell was finished, or a pretraining begun, with other settings.
    """
    found: dict[str, State] = {cell.key: state_of(cell, retry) for cell in cells}
    needed: set[str] = set()
    for cell in reversed(cells):  # those that need a cell stand behind it
        if cell.kind == "pretrain" and found[cell.key] == "open" and cell.key not in needed:
            found[cell.key] = "spared"
        if found[cell.key] == "open":
            needed |= set(cell.needs)
    return found


def state_of(cell: Cell, retry: bool) -> State:
    """The state of one cell by itself, never spared; see `states`."""
    if not cell.marker.exists():
        return "open"
    stored = read_json(cell.marker)
    if not isinstance(stored, Mapping) or not isinstance(stored.get("settings"), Mapping):
        raise InputError(f"{cell.marker}: damaged; remove it, and the cell is run again")
    there = stored.get("done") is True and _is_there(cell)
    if stored["settings"] != cell.settings:
        if there or (cell.kind == "pretrain" and checkpoint.newest(cell.folder) is not None):
            raise InputError(_changed(cell, stored["settings"]))
        return "open"  # nothing is lost
    if there:
        return "done"
    return "failed" if cell.error.exists() and not retry else "open"


def _is_there(cell: Cell) -> bool:
    if cell.kind == "pretrain":
        return checkpoint.newest(cell.folder) is not None
    return cell.results.exists()


def _changed(cell: Cell, before: Mapping[str, object]) -> str:
    key, old, new = _difference(before, cell.settings)
    return (
        f"{cell.marker}: {cell.title}: was run with {key} {old}, the suite has {new}; name another "
        f"--out, or remove {_holds(cell)} to run it again"
    )


def _holds(cell: Cell) -> Path:
    return cell.folder if cell.kind == "pretrain" else cell.marker


def _difference(before: Mapping[str, object], now: Mapping[str, object]) -> tuple[str, str, str]:
    """The first key that differs, in depth, and both its values."""
    for key in dict.fromkeys([*now, *before]):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            inner = _difference(old, new)
            return f"{key}.{inner[0]}", inner[1], inner[2]
        return key, _shown(old), _shown(new)
    return "settings", "as they were", "others"


def _shown(value: object) -> str:
    text = "none" if value is None else repr(value)
    return text if len(text) < 100 else f"{text[:97]}..."

"""Rows of results as a file: a JSON list, each row with a checksum over what it says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..files import read_json, write_json
from ..settings.values import Value

if TYPE_CHECKING:  # workers of a benchmark import this before numpy may be
    from .archive import Row

CHECKSUM = "checksum"


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Writes rows, whole or not at all; each gets its checksum, so that it may be moved elsewhere.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    write_json(path, [dict(row) | {CHECKSUM: checksum(row)} for row in rows])


def read_rows(path: Path) -> list[Value]:
    """The entries of a list of results, which `verify` has not seen yet.

    Raises:
        InputError: no such file, not JSON, or not a list.
    """
    rows = read_json(path)
    if not isinstance(rows, list):
        raise InputError(f"{path}: not a list of rows, as `skelf eval --out` writes it")
    return rows


def verify(row: Mapping[str, Value]) -> None:
    """Refuses a row that says something else than when it was written.

    A row of an earlier version has no checksum and passes.

    Raises:
        ValueError: it was changed since.
    """
    if CHECKSUM in row and row[CHECKSUM] != checksum(row):
        raise ValueError(
            f"changed since it was written; judge again, or remove its {CHECKSUM} if that was you"
        )


def checksum(row: Mapping[str, Value]) -> str:
    """64 bits of BLAKE2b over a row without its checksum, as hex; the order of keys is free.

    >>> checksum({"value": 0.5, "seed": 0}) == checksum({"seed": 0, "value": 0.5, "checksum": ""})
    True
    >>> checksum({"value": 0.5, "seed": 0}) == checksum({"value": 0.6, "seed": 0})
    False
    """
    rest = {key: value for key, value in row.items() if key != CHECKSUM}
    rest = json.loads(json.dumps(rest))  # keys that are numbers are texts once read again
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=8).hexdigest()

"""Answers and segments as CSV and as JSON, a row each.

`data import ... segments=FILE` reads the CSV of segments back, `labels=FILE` that of answers.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

from ...files import writing
from ..result import Add, Result
from .rows import Cell, columns, rows


@contextmanager
def write_csv(path: Path, kind: str) -> Iterator[Add]:
    """A table with a header, commas between cells; rows go out as files end.

    Args:
        path: the file, or a device.
        kind: classifier or detector.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    with writing(path) as put:
        put(_line(columns(kind)))
        yield lambda result: put("".join(_line(row) for row in rows(result)))


@contextmanager
def write_json(path: Path, kind: str) -> Iterator[Add]:
    """A list of objects, one a line, with the keys of the CSV's header; see `write_csv`."""
    names, before = columns(kind), ["[\n"]
    with writing(path) as put:

        def add(result: Result) -> None:
            for row in rows(result):
                text = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
                put(before.pop() + text if before else f",\n{text}")

        yield add
        put((before.pop() if before else "\n") + "]\n")


def _line(cells: tuple[Cell, ...]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return text.getvalue()


def _cell(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    return ("yes" if cell else "no") if isinstance(cell, bool) else cell

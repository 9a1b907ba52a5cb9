"""Results of a benchmark as tidy rows, one number each, and as CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import read_json, replacing, write_text
from .cell import Cell

COLUMNS = (
    *("row", "label", "protocol", "metric", "selection", "value", "method", "form", "encoder"),
    *("stream", "pretrained_on", "data", "split", "seed", "eval_seed", "definition", "seconds"),
    *("version", "path"),
)
"""Those of the table: `row` and `label` are what the suite calls a method and a protocol."""


def tidy(cells: Iterable[Cell], out: Path) -> list[dict[str, Any]]:
    """The rows of finished cells, in the cells' order.

    Args:
        cells: finished ones.
        out: the benchmark's folder; `path` is relative to it.

    Raises:
        InputError: a file of results is damaged.
    """
    rows: list[dict[str, Any]] = []
    for cell in cells:
        if cell.kind == "pretrain":
            continue
        own = {key: value for key, value in cell.about.items() if key in COLUMNS}
        own["path"] = cell.results.relative_to(out).as_posix()
        read = read_json(cell.results)
        try:
            rows += [{key: {**row, **own}.get(key) for key in COLUMNS} for row in read]
        except TypeError:
            raise InputError(f"{cell.results}: not a list of rows; remove it") from None
    return rows


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """A line for each number; what is not known is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_parquet(path: Path, rows: Sequence[dict[str, Any]]) -> bool:
    """The same as Parquet; False where pyarrow is missing."""
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        return False
    numbers = {"value": "float64", "seconds": "float64", "seed": "int64", "eval_seed": "int64"}
    columns = {
        key: pyarrow.array(
            [row[key] for row in rows], type=pyarrow.type_for_alias(numbers.get(key, "string"))
        )
        for key in COLUMNS
    }
    with replacing(path) as beside:
        parquet.write_table(pyarrow.table(columns), str(beside))
    return True

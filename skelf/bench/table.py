"""Results of a benchmark as tidy rows, one number each, and as CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TypedDict, cast

from ..errors import InputError
from ..files import replacing, write_text
from ..metrics.interval import is_accuracy, wilson
from ..results.rows import read_rows, verify
from ..settings.values import Value
from .cell import Cell


class Row(TypedDict):
    """A number; `row` and `label` are what the suite calls a method and a protocol.

    `low` and `high` are the 95 % interval of an accuracy by its number of `clips`.
    """

    row: str
    label: str
    protocol: str
    metric: str
    selection: str
    value: float
    clips: int | None
    low: float | None
    high: float | None
    method: str
    form: str | None
    encoder: str
    stream: str
    pretrained_on: str
    data: str
    split: str
    seed: int | None
    eval_seed: int | None
    definition: str
    seconds: float
    version: str
    path: str


COLUMNS = tuple(Row.__annotations__)
"""Those of the table."""


def tidy(cells: Iterable[Cell], out: Path) -> list[Row]:
    """The rows of finished cells, in the cells' order.

    Args:
        cells: finished ones.
        out: the benchmark's folder; `path` is relative to it.

    Raises:
        InputError: a file of results is damaged.
    """
    rows: list[Row] = []
    for cell in cells:
        if cell.kind == "pretrain":
            continue
        of_suite = {key: value for key, value in cell.about.items() if key in COLUMNS}
        of_suite["path"] = cell.results.relative_to(out).as_posix()
        for number, row in enumerate(read_rows(cell.results)):
            try:
                verify(row)
                whole = {**row, **_interval(row), **of_suite}
                rows.append(cast(Row, {key: whole.get(key) for key in COLUMNS}))
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(
                    f"{cell.results}: row {number}: {error}; remove the file, and its cell is "
                    "judged again"
                ) from None
    return rows


def _interval(row: Mapping[str, Value]) -> dict[str, float]:
    if not row.get("clips") or not is_accuracy(row["metric"]):
        return {}
    low, high = wilson(row["value"], row["clips"])
    return {"low": low, "high": high}


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """A line for each number; what is not known is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def write_parquet(path: Path, rows: Sequence[Row]) -> bool:
    """The same as Parquet; False where pyarrow is missing."""
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        return False
    numbers = dict.fromkeys(("value", "low", "high", "seconds"), "float64")
    numbers |= dict.fromkeys(("clips", "seed", "eval_seed"), "int64")
    plain: list[dict[str, object]] = [dict(row) for row in rows]
    columns = {
        key: pyarrow.array(
            [row[key] for row in plain], type=pyarrow.type_for_alias(numbers.get(key, "string"))
        )
        for key in COLUMNS
    }
    with replacing(path) as beside:
        parquet.write_table(pyarrow.table(columns), str(beside))
    return True

"""Tables of features: `.npz` that NumPy alone opens, or Parquet; the names beside the numbers.

Of an `.npz`, N rows of D numbers:

    features  (N, D) float32
    names     (N,) str, the clip's or recording's; of a table of frames (R,), see `recording`
    files     (N,) or (R,) str
    persons   (N,) or (R,) int: whose motion it is, -1 of all together
    recording (N,) int: of a table of frames, the place in names, files and persons
    frame     (N,) int: likewise, of the file; seconds (N,) float from the recording's start

Parquet has a column for each: file, name, person, frame, seconds, f0, f1, ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from ...errors import InputError
from ...files import replacing
from ..features import Rows
from .columns import Columns

AddRows = Callable[[Rows], None]
GROUP = 1 << 22
"""Numbers of a row group of Parquet, about: what is in memory at once."""


@contextmanager
def write_npz(path: Path) -> Iterator[AddRows]:
    """An `.npz`, whole or not at all; columns wait on the disk beside it until all are there.

    Raises:
        InputError: there are no rows.
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with Columns(path.parent) as columns:
        last: tuple[str, str, int, int] | None = None  # file, name, person, frame: of the last row
        number = -1

        def add(rows: Rows) -> None:
            nonlocal last, number
            columns.add("features", rows.values)
            if rows.frame is None or rows.seconds is None:
                _name(columns, rows.names, rows.file, rows.person)
                return
            # Of frames a recording is named once; two of one name begin anew.
            now = rows.file, rows.names[0], int(rows.person[0])
            if last is None or last[:3] != now or rows.frame[0] <= last[3]:
                number += 1
                _name(columns, rows.names[:1], rows.file, rows.person[:1])
            last = (*now, int(rows.frame[-1]))
            columns.add("recording", np.full(len(rows.frame), number))
            columns.add("frame", rows.frame)
            columns.add("seconds", rows.seconds)

        yield add
        if not columns.names:
            raise InputError(f"{path}: there are no features to write")
        with replacing(path) as beside, ZipFile(beside, "w", ZIP_STORED) as archive:
            for name in sorted(columns.names, key=lambda name: name == "features"):
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    columns.write(name, file)


def _name(columns: Columns, names: list[str], file: str, person: np.ndarray) -> None:
    columns.add_texts("names", names)
    columns.add_texts("files", [file] * len(names))
    columns.add("persons", person)


@contextmanager
def write_parquet(path: Path) -> Iterator[AddRows]:
    """Parquet, whole or not at all; see `write_npz`.

    Raises:
        InputError: pyarrow is missing, or there are no rows.
        OSError: it cannot be written.
    """
    try:
        pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise InputError(
            f"{path}: Parquet needs pyarrow: pip install 'skelf[parquet]', or name an .npz"
        ) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        beside.touch()
        opened: list[Any] = []  # Any: pyarrow has no types
        waiting: list[Any] = []  # for the same reason

        def flush() -> None:
            if not waiting:
                return
            table = pyarrow.concat_tables(waiting).combine_chunks()
            if not opened:
                opened.append(parquet.ParquetWriter(str(beside), table.schema))
            opened[0].write_table(table)
            waiting.clear()

        def add(rows: Rows) -> None:
            waiting.append(pyarrow.table(_flat(rows)))
            if sum(table.num_rows for table in waiting) * rows.values.shape[1] >= GROUP:
                flush()

        try:
            yield add
            flush()
        finally:
            for writer in opened:
                writer.close()
        if not opened:
            raise InputError(f"{path}: there are no features to write")


def _flat(rows: Rows) -> dict[str, object]:
    columns: dict[str, object] = {
        "file": [rows.file] * len(rows.names),
        "name": rows.names,
        "person": rows.person.astype(np.int32),
    }
    if rows.frame is not None and rows.seconds is not None:
        columns |= {"frame": rows.frame, "seconds": rows.seconds}
    values = np.ascontiguousarray(rows.values.T, np.float32)
    return columns | {f"f{at}": column for at, column in enumerate(values)}

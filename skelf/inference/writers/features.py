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

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from ...errors import InputError
from ...files import replacing
from ..features import Rows

AddRows = Callable[[Rows], None]
_CHUNK = 1 << 24


@contextmanager
def write_npz(path: Path) -> Iterator[AddRows]:
    """An `.npz`, whole or not at all; rows wait on the disk beside it until all are there.

    Raises:
        InputError: there are no rows.
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    columns: dict[str, list[np.ndarray]] = {}
    width, count = 0, 0
    with TemporaryFile(dir=path.parent) as waiting:

        def add(rows: Rows) -> None:
            nonlocal width, count
            width = rows.values.shape[1]
            count += len(rows.values)
            waiting.write(np.ascontiguousarray(rows.values, "<f4").data)
            for key, values in _columns(rows, columns).items():
                columns.setdefault(key, []).append(values)

        yield add
        if not count:
            raise InputError(f"{path}: there are no features to write")
        waiting.flush()
        with replacing(path) as beside, ZipFile(beside, "w", ZIP_STORED) as archive:
            for key, parts in columns.items():
                with archive.open(f"{key}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, np.concatenate(parts), allow_pickle=False)
            with archive.open("features.npy", "w", force_zip64=True) as file:
                _header(file, (count, width))
                waiting.seek(0)
                while block := waiting.read(_CHUNK):
                    file.write(block)


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

        def add(rows: Rows) -> None:
            table = pyarrow.table(_flat(rows))
            if not opened:
                opened.append(parquet.ParquetWriter(str(beside), table.schema))
            opened[0].write_table(table)

        try:
            yield add
        finally:
            for writer in opened:
                writer.close()
        if not opened:
            raise InputError(f"{path}: there are no features to write")


def _columns(rows: Rows, before: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """The columns that a block of rows adds to; of frames a recording is named once."""
    files = np.array([rows.file] * len(rows.names), np.str_)
    named = {"names": np.array(rows.names, np.str_), "files": files, "persons": rows.person}
    if rows.frame is None or rows.seconds is None:
        return named
    first = {key: values[:1] for key, values in named.items()}
    last = {key: before[key][-1] for key in first if key in before}
    same = bool(last) and all(last[key][0] == first[key][0] for key in first)
    same = same and rows.frame[0] > before["frame"][-1][-1]  # two of one name begin anew
    number = len(before.get("names", ())) - 1 + (not same)
    times = {
        "recording": np.full(len(rows.frame), number),
        "frame": rows.frame,
        "seconds": rows.seconds,
    }
    return times if same else first | times


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


def _header(file: IO[bytes], shape: tuple[int, int]) -> None:
    """The head of an `.npy`, whose numbers follow."""
    head = io.BytesIO()
    described = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, described)
    file.write(head.getvalue())

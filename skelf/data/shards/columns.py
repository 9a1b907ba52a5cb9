"""The table of a sharded set: a file for each column, which NumPy maps without reading it.

A file's name has a part of its checksum in it, so that a column that changes gets a new file, and
whoever has the old one open keeps it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...files import blaming, flush, sweep, temporary
from ..paging import let_go
from .manifest import AGAIN, COLUMNS, Column

SHARDS = "/shards"  # no column of a table has such a name
ROWS = 1 << 21  # handled at once


class Growing:
    """Columns that are filled on disk; `growing` gives one.

    Args:
        home: the folder that they are in.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.hidden: dict[str, Path] = {}
        self._values: dict[str, np.ndarray] = {}

    def column(self, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        """A new column, whose rows the caller fills.

        Args:
            name: of it; `splits/NAME` of a split.
            dtype: of its numbers.
            shape: a row for each clip, as a rule.
        """
        self.hidden[name] = path = temporary(self.home / f"{len(self.hidden)}.npy")
        values = np.lib.format.open_memmap(path, "w+", dtype.newbyteorder("<"), shape)
        self._values[name] = values
        return values

    def put(self, name: str, values: np.ndarray) -> None:
        """A new column with these rows, some of which are in memory at a time."""
        column = self.column(name, values.dtype, values.shape)
        for first in range(0, len(values), ROWS):
            column[first : first + ROWS] = values[first : first + ROWS]
            let_go(column)
            let_go(values)

    def let_go(self) -> None:
        """Gives the memory of what was filled back."""
        for values in self._values.values():
            let_go(values)

    def finish(self, shards: np.ndarray) -> tuple[Column, dict[str, Column]]:
        """Gives the files their names.

        Args:
            shards: the list of them, which is written as a column, too.

        Returns:
            The file of that list, and those of the columns.
        """
        self.put(SHARDS, shards)
        made = self.named()
        return made.pop(SHARDS), made

    def named(self) -> dict[str, Column]:
        """Gives the files their names, where the list of shards stays as it is."""
        made = {}
        for name, path in self.hidden.items():
            values = self._values.pop(name)
            kind, shape = kind_of(values), [*values.shape]
            made_of = checksum(values)
            del values
            file = self.home / f"{name.replace('/', '.')}-{made_of[:8]}.npy"
            with blaming(file, path):
                flush(path)
                os.replace(path, file)
            made[name] = Column(file.name, file.stat().st_size, made_of, kind, shape)
        return made


@contextmanager
def growing(folder: Path) -> Iterator[Growing]:
    """Columns of the set in `folder`; those that were not finished go.

    Raises:
        OSError: they cannot be written.
    """
    home = folder / COLUMNS
    home.mkdir(parents=True, exist_ok=True)
    sweep(home)
    made = Growing(home)
    try:
        yield made
    finally:
        for path in made.hidden.values():
            path.unlink(missing_ok=True)


def read(folder: Path, name: str, column: Column) -> np.ndarray:
    """A column, mapped; its size and kind are compared, its content by `verify`.

    Raises:
        InputError: missing, or of another size or kind.
    """
    path = folder / COLUMNS / column.file
    try:
        size = os.stat(path).st_size
        if size == column.bytes:
            values: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
            if (kind_of(values), [*values.shape]) == (column.kind, column.shape):
                return values
            raise ValueError
    except FileNotFoundError:
        raise InputError(f"{path}: the column {name!r} is missing; {AGAIN}") from None
    except PermissionError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    except (ValueError, OSError, EOFError, MemoryError, OverflowError):
        raise InputError(f"{path}: the column {name!r} is damaged; {AGAIN}") from None
    raise InputError(
        f"{path}: the column {name!r} has {size:,} bytes, {column.bytes:,} when it was written; "
        f"{AGAIN}"
    )


def verify(folder: Path, name: str, column: Column) -> None:
    """Compares a column with its checksum.

    Raises:
        InputError: they differ, or it is not there.
    """
    if checksum(read(folder, name, column)) != column.blake2b:
        path = folder / COLUMNS / column.file
        raise InputError(f"{path}: checksum does not match; {AGAIN}")


def kind_of(values: np.ndarray) -> str:
    """The type of its numbers, as a manifest has it."""
    return str(np.lib.format.dtype_to_descr(values.dtype))


def checksum(values: np.ndarray) -> str:
    """Of a column, some rows at a time."""
    hashed = blake2b(f"{values.dtype.str}{values.shape}".encode(), digest_size=16)
    for first in range(0, len(values), ROWS):
        rows = np.ascontiguousarray(values[first : first + ROWS])
        hashed.update(rows.reshape(-1).view(np.uint8).data)
        let_go(values)
    return hashed.hexdigest()

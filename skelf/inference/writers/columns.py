"""Columns of any length that wait on the disk until they are written as `.npy`, one by one."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np

CHUNK = 1 << 16
"""Texts that are handled at once."""


class Columns:
    """Takes rows of several columns; a context manager, in which they lie in nameless files.

    Args:
        folder: where they wait.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, IO[bytes]] = {}
        self._shape: dict[str, tuple[int, ...]] = {}  # of all rows
        self._kind: dict[str, np.dtype] = {}
        self._width: dict[str, int] = {}  # characters of a column of texts

    def __enter__(self) -> Columns:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    @property
    def names(self) -> list[str]:
        """Of the columns, in the order in which they came."""
        return list(self._files)

    def add(self, name: str, rows: np.ndarray) -> None:
        """Appends `(n, ...)`."""
        count = self._shape.get(name, (0,))[0] + len(rows)
        self._shape[name] = (count, *rows.shape[1:])
        self._kind.setdefault(name, rows.dtype)
        self._file(name).write(np.ascontiguousarray(rows, self._kind[name]).data)

    def add_texts(self, name: str, rows: Sequence[str]) -> None:
        """Appends texts; an end of a line within one is a part of it."""
        self._shape[name] = (self._shape.get(name, (0,))[0] + len(rows),)
        self._width[name] = max(self._width.get(name, 1), *map(len, rows))
        self._file(name).writelines(
            len(data).to_bytes(4, "little") + data
            for data in (row.encode("utf-8", "surrogatepass") for row in rows)
        )

    def write(self, name: str, into: IO[bytes]) -> None:
        """Writes a column as an `.npy`."""
        file = self._file(name)
        file.seek(0)
        is_text = name in self._width
        kind = np.dtype(f"<U{self._width[name]}") if is_text else self._kind[name]
        head = io.BytesIO()
        described = {"descr": kind.str, "fortran_order": False, "shape": self._shape[name]}
        np.lib.format.write_array_header_1_0(head, described)
        into.write(head.getvalue())
        if not is_text:
            shutil.copyfileobj(file, into, 1 << 24)
            return
        left = self._shape[name][0]
        while left:
            some = [self._text(file) for _ in range(min(left, CHUNK))]
            into.write(np.array(some, kind).tobytes())
            left -= len(some)

    def _text(self, file: IO[bytes]) -> str:
        length = int.from_bytes(file.read(4), "little")
        return file.read(length).decode("utf-8", "surrogatepass")

    def _file(self, name: str) -> IO[bytes]:
        if name not in self._files:
            self._files[name] = TemporaryFile(dir=self._folder)  # noqa: SIM115, closed at the end
        return self._files[name]

"""Arrays of an `.npz` row by row, for they may be larger than memory; checksums are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple
from zipfile import ZipFile

import numpy as np

from ...errors import InputError
from ..damage import DAMAGED, reason
from .numpy_files import refuse_bomb
from .pickles import unpickled

HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
ROW = 1 << 26  # bytes of one row: no clip has more


class Header(NamedTuple):
    """What the header of an array says."""

    shape: tuple[int, ...]
    fortran: bool
    kind: np.dtype


class Npz:
    """An opened `.npz`. A context manager.

    Args:
        path: the file.

    Raises:
        InputError: no such file, damaged, or one that unpacks to far more than it may hold.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            refuse_bomb(path)
            self._archive = ZipFile(path)
            files = self._archive.namelist()
        except DAMAGED as error:
            raise InputError(
                f"{path}: cut off or damaged ({reason(error)}); copy or write the file again"
            ) from None
        self.names = [file.removesuffix(".npy") for file in files if file.endswith(".npy")]

    def __enter__(self) -> Npz:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._archive.close()

    def header(self, name: str) -> Header:
        """Shape and kind of an array.

        Raises:
            InputError: it is damaged.
        """
        try:
            with self._archive.open(f"{name}.npy") as file:
                return _read_header(file)
        except DAMAGED as error:
            raise self._damaged(name, error) from None

    def array(self, name: str) -> np.ndarray:
        """A whole array of numbers.

        Raises:
            InputError: it is damaged, or one of objects.
        """
        try:
            with self._archive.open(f"{name}.npy") as file:
                array = np.lib.format.read_array(file, allow_pickle=False)
        except DAMAGED as error:
            raise self._damaged(name, error) from None
        return np.asarray(array)

    def rows(self, name: str) -> Iterator[np.ndarray]:
        """The rows along the first dimension, one after the other.

        Raises:
            InputError: it is damaged.
        """
        shape, fortran, kind = self.header(name)
        size = int(np.prod(shape[1:], dtype=np.int64)) * kind.itemsize
        if fortran or kind.hasobject or size > ROW:
            yield from self.array(name)
            return
        try:
            with self._archive.open(f"{name}.npy") as file:
                _read_header(file)
                for _ in range(shape[0]):
                    content = file.read(size)
                    yield np.frombuffer(content, kind).reshape(shape[1:])
                file.read(1)  # the checksum is compared at the end
        except DAMAGED as error:
            raise self._damaged(name, error) from None

    def objects(self, name: str) -> object:
        """The content of an array of objects, through the unpickler that runs nothing.

        Raises:
            InputError: it is damaged, or holds what is not read.
        """
        where = f"{self.path}: {name}"
        try:
            content = self._archive.read(f"{name}.npy")
        except DAMAGED as error:
            raise self._damaged(name, error) from None
        return objects_of(content, where)

    def _damaged(self, name: str, error: BaseException) -> InputError:
        return InputError(
            f"{self.path}: {name}: cut off or damaged ({reason(error)}); copy or write the file "
            "again"
        )


def names_in(path: Path) -> frozenset[str]:
    """Names of the arrays in an `.npz`; none where it is none, or damaged."""
    try:
        with ZipFile(path) as archive:
            return frozenset(name.removesuffix(".npy") for name in archive.namelist())
    except DAMAGED:
        return frozenset()


def objects_of(content: bytes, where: str) -> object:
    """What an `.npy` of objects holds: its only one, or the array of them.

    Args:
        content: the whole file.
        where: starts messages.

    Raises:
        InputError: it is damaged, or holds what is not read.
    """
    file = BytesIO(content)
    try:
        _read_header(file)
    except DAMAGED as error:
        raise InputError(f"{where}: cut off or damaged ({reason(error)})") from None
    array = unpickled(file, len(content), where, objects=True)
    return array.item() if isinstance(array, np.ndarray) and array.shape == () else array


def _read_header(file: IO[bytes]) -> Header:
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"version {version} of the format")
    shape, fortran, kind = HEADERS[version](file)
    if min(shape, default=0) < 0:
        raise ValueError(f"a shape {shape}")
    return Header(shape, fortran, kind)

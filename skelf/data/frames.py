"""Frames of many files as one array that needs no memory: a nameless file on disk, then mapped."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from ..errors import InputError


class Frames:
    """Takes clips one after the other and gives them back as one `(F, M, V, C)` array.

    The file has no name from the start, so that nothing is left behind, not even by a kill; its
    room is free again when the last array over it is gone. A context manager.

    Args:
        shape: `(M, V, C)`.
        folder: where the room is taken; None: the system's folder for temporary files.

    Raises:
        InputError: the folder cannot be written to.
    """

    def __init__(self, shape: tuple[int, int, int], folder: str | Path | None = None) -> None:
        self.shape, self.count = shape, 0
        self._place = folder or "the folder for temporary files (TMPDIR)"
        try:
            self._file = TemporaryFile(dir=folder)  # noqa: SIM115, it lives as long as this
        except OSError as error:
            raise InputError(f"{self._place}: cannot write here: {error.strerror}") from None

    def __enter__(self) -> Frames:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()  # a map keeps what it maps

    def add(self, joints: np.ndarray) -> None:
        """Appends `(T, M, V, C)`.

        Raises:
            OSError: the disk is full.
        """
        assert joints.shape[1:] == self.shape, joints.shape
        try:
            self._file.write(np.ascontiguousarray(joints, "<f4").data)
        except OSError as error:
            raise self._full(error) from None
        self.count += len(joints)

    def array(self) -> np.ndarray:
        """All frames so far, mapped read-only.

        Raises:
            OSError: the disk is full.
        """
        try:
            self._file.flush()
        except OSError as error:
            raise self._full(error) from None
        shape = (self.count, *self.shape)
        if not self.count:
            return np.zeros(shape, np.float32)
        return np.memmap(self._file, "<f4", mode="r", shape=shape)

    def _full(self, error: OSError) -> OSError:
        text = f"{error.strerror} (frames wait here for their store)"
        return OSError(error.errno, text, str(self._place))

"""HDF5 files written so that a full disk is an error and not the end of the process.

HDF5 keeps what it could not write, and where closing fails too it may take the process with it: no
message, and a hidden file that stays. So it writes through a file that never fails; the first error
is kept and raised once HDF5 has let go.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import h5py


class Unfailing:
    """A file as h5py's `fileobj` driver takes it; after an error it drops what it is given.

    Args:
        file: to read and write, without a buffer.
    """

    def __init__(self, file: FileIO) -> None:
        self.file = file
        self.error: OSError | None = None
        self.seek, self.tell, self.read = file.seek, file.tell, file.read

    def check(self) -> None:
        """Raises the first error, if there was one."""
        if self.error is not None:
            raise self.error

    def readinto(self, into: memoryview) -> int:
        """Reads as files do; behind the end zeros, as of what was dropped."""
        count = self.file.readinto(into) or 0
        into[count:] = bytes(len(into) - count)
        return len(into)

    def write(self, content: memoryview) -> int:
        """Writes all of it, or keeps the error."""
        rest = memoryview(content)
        try:
            while self.error is None and len(rest):
                rest = rest[self.file.write(rest) :]
        except OSError as error:
            self.error = error
        return len(content)

    def truncate(self, size: int) -> int:
        """Changes the length, or keeps the error."""
        try:
            if self.error is None:
                self.file.truncate(size)
        except OSError as error:
            self.error = error
        return size

    def flush(self) -> None:
        """There is no buffer."""


@contextmanager
def writable(
    path: Path, mode: str, **options: int | tuple[str, str]
) -> Iterator[tuple[h5py.File, Unfailing]]:
    """An HDF5 file to write, and what to `check` now and then while much is written.

    Args:
        path: the file.
        mode: "x" for a new one, "r+" for one that is there.
        options: further arguments of `h5py.File`.

    Raises:
        OSError: it cannot be written.
    """
    with FileIO(path, "x+" if mode == "x" else mode) as raw:
        unfailing = Unfailing(raw)
        try:
            with h5py.File(unfailing, "w" if mode == "x" else mode, **options) as file:
                yield file, unfailing
        finally:
            unfailing.check()  # also instead of what HDF5 made of it

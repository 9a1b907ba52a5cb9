"""One process at a time in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import InputError


@contextmanager
def locked(folder: Path, file: str, *, busy: str, unwritable: str) -> Iterator[None]:
    """Makes the folder and holds it; the lock ends with the process, killed or not.

    Args:
        folder: is made when missing.
        file: the lock's name in it.
        busy: what to say where another process holds it.
        unwritable: what to say where it cannot be made or written; the reason follows.

    Raises:
        InputError: either of them, behind the folder's path.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / file, blocking=False)
        lock.acquire()
    except Timeout:
        raise InputError(f"{folder}: {busy}") from None
    except OSError as error:
        raise InputError(f"{folder}: {unwritable}: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()

"""One process at a time in a folder, or at a file that is read, changed and written.

A lock is the system's own (`flock`, on Windows `msvcrt`) on a hidden file: it ends with its
process, killed or not, and whoever holds it removes the file. On NFS it holds between machines
where the mount carries locks (version 4, or 3 with `lockd`), and not under `nolock`.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import InputError

PATIENCE = 600.0
"""Seconds that a change waits for the one before it: copying 100 GB takes less."""


class _Held(threading.local):
    """The files that this thread holds: what it calls meanwhile may ask for them again."""

    def __init__(self) -> None:
        self.paths: set[Path] = set()


_held = _Held()


@contextmanager
def locked(folder: Path, file: str, *, busy: str, unwritable: str) -> Iterator[None]:
    """Makes the folder and holds it.

    Args:
        folder: is made when missing.
        file: the lock's name in it.
        busy: what to say where another process holds it.
        unwritable: what to say where it cannot be made or written; the reason follows.

    Raises:
        InputError: either of them, behind the folder's path.
    """
    # Whoever holds it may end it in another thread, as a server does that is closed.
    lock = FileLock(folder / file, blocking=False, thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise InputError(f"{folder}: {busy}") from None
    except OSError as error:
        raise InputError(f"{folder}: {unwritable}: {error.strerror}") from None
    with _released(lock):
        yield


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=6)  # whoever asked for the lock


@contextmanager
def holding(path: Path, wait: float = 0.0, tell: Callable[[str], None] = _warn) -> Iterator[None]:
    """Holds a file that is written, or read, changed and written: no other process does meanwhile.

    Only those that ask are kept away: whoever reads never waits, and needs no lock. A thread that
    holds a file may ask for it again.

    Args:
        path: the file, which need not exist; a link stands for the file that it names.
        wait: seconds to wait for another process; 0: not at all.
        tell: called with a line when it waits; a warning as it is.

    Raises:
        InputError: another process holds it, still, or the folder cannot be written to.
    """
    real = path.resolve()
    is_special = real.exists() and not real.is_file()  # a device, a pipe: nothing lies beside it
    if real in _held.paths or is_special:
        yield
        return
    if not real.parent.is_dir():
        raise InputError(f"{path}: the folder does not exist; create {real.parent}")
    name = real.name if len(os.fsencode(real.name)) <= 200 else "long-name"
    lock = FileLock(real.with_name(f".{name}.lock"), blocking=False)
    try:
        _acquire(lock, path, wait, tell)
    except OSError as error:
        raise InputError(f"{path}: cannot write here: {error.strerror or error}") from None
    _held.paths.add(real)
    try:
        with _released(lock):
            yield
    finally:
        _held.paths.discard(real)


def _acquire(lock: FileLock, path: Path, wait: float, tell: Callable[[str], None]) -> None:
    try:
        lock.acquire()
        return
    except Timeout:
        if not wait:
            raise InputError(
                f"{path}: another process is writing it; wait for it, or choose another file"
            ) from None
    tell(f"{path}: another process is changing it; waiting, for {wait:g} seconds at most")
    try:
        lock.acquire(timeout=wait, blocking=True)
    except Timeout:
        raise InputError(
            f"{path}: another process has been changing it for {wait:g} seconds; nothing was "
            "changed here, try again when it has ended"
        ) from None


@contextmanager
def _released(lock: FileLock) -> Iterator[None]:
    """Ends a lock and removes its file while it is still held.

    Whoever waits at the removed file sees that it has no name any more, and takes a new one.
    """
    try:
        yield
    finally:
        if os.name != "nt":
            with suppress(OSError):
                os.unlink(lock.lock_file)
        lock.release()

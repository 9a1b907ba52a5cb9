"""SHA-256 of a checkpoint's files: a changed byte must not change results without a word.

The list is made while a checkpoint is written, in a second thread, and its file is written last.
README.md is not in it, since model cards are edited by hand; checkpoints of earlier versions have
no list and are read as they are. `sha256sum` gives the same numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ..errors import InputError
from ..files import read_json

CHECKSUMS = "checksums.json"
ALGORITHM = "sha256"  # most processors have instructions for it; the hub lists the same


class Checksums:
    """Sums of files that are complete, while the next one is written; a context manager."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._sums: dict[str, Future[str]] = {}

    def __enter__(self) -> Checksums:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def add(self, path: Path) -> None:
        """Begins with a file."""
        self._sums[path.name] = self._thread.submit(checksum, path)

    def listed(self) -> dict[str, dict[str, str]]:
        """What `checksums.json` holds; waits for the sums."""
        return {ALGORITHM: {name: each.result() for name, each in self._sums.items()}}


def checksum(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, ALGORITHM).hexdigest()


def verify(folder: Path, *names: str) -> None:
    """Compares files of a checkpoint with its list; one without a list is of an earlier version.

    Args:
        folder: the checkpoint.
        names: files to compare; without any, all that are listed.

    Raises:
        InputError: a file or the list is damaged or missing; the message names it.
    """
    path = folder / CHECKSUMS
    if not path.is_file():
        return
    try:
        content = read_json(path)
    except RecursionError:
        content = None
    sums = content.get(ALGORITHM) if isinstance(content, Mapping) else None
    if not isinstance(sums, Mapping):
        raise InputError(f"{path}: damaged, {ALGORITHM!r} lists no files")
    for name in names or sums:
        if name not in sums:
            raise InputError(f"{path}: damaged, it does not list {name}")
        if Path(name).name != name or not (folder / name).is_file():
            raise InputError(f"{folder / name}: missing, although {path.name} lists it")
        try:
            same = checksum(folder / name) == sums[name]
        except OSError as error:
            raise InputError(f"{folder / name}: cannot read: {error.strerror}") from None
        if not same:
            raise InputError(
                f"{folder / name}: damaged: these are not the bytes that were written, by "
                f"{path.name}"
            )

"""Checksums of a checkpoint's files: a changed byte must not change results without a word.

They are made in a second thread from what is being written, and the file that lists them is the
last. README.md is not in it, since model cards are edited by hand; checkpoints of earlier versions
have no list and are read as they are.

A sum guards against damage, not against somebody who changes file and list. So most bytes are only
added up, which costs a tenth of hashing them: a piece's 64-bit words in 4096 columns, block by
block; the sums of the columns are hashed by BLAKE2b. A changed word always changes a sum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import InputError
from ..files import read_json

CHECKSUMS = "checksums.json"
ALGORITHM = "blake2b-of-columns"
Piece = bytes | memoryview | np.ndarray
_COLUMNS, _ROWS = 4096, 128
_BLOCK = 8 * _COLUMNS * _ROWS  # bytes


class Checksums:
    """Sums of files that are being written; a context manager."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)  # one: pieces are summed in their order
        self._sums: dict[str, hashlib.blake2b] = {}
        self._pending: list[Future[None]] = []

    def __enter__(self) -> Checksums:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def add(self, name: str, piece: Piece) -> None:
        """The next piece of a file; its memory must stay as it is until `listed`."""
        total = self._sums.setdefault(name, _empty())
        self._pending.append(self._thread.submit(_add, total, piece))

    def listed(self) -> dict[str, dict[str, str]]:
        """What `checksums.json` holds; waits for the sums."""
        for each in self._pending:
            each.result()
        return {ALGORITHM: {name: total.hexdigest() for name, total in self._sums.items()}}


def checksum(path: Path) -> str:
    """A file's sum; the pieces of a `.safetensors` file are its header and its tensors.

    Raises:
        ValueError: the header gives no pieces.
    """
    total = _empty()
    with path.open("rb") as file:
        size = path.stat().st_size
        for piece in _pieces(file, size) if path.suffix == ".safetensors" else _blocks(file, size):
            _add(total, piece)
    return total.hexdigest()


def _empty() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)


def _add(total: hashlib.blake2b, piece: Piece) -> None:
    for part in _folded(np.frombuffer(piece, np.uint8)):
        total.update(part)


def _folded(data: np.ndarray) -> Iterator[bytes]:
    row, block = 8 * _COLUMNS, _BLOCK
    whole = len(data) // row * row
    for first in range(0, whole, block):
        words = data[first : min(first + block, whole)].view("<u8").reshape(-1, _COLUMNS)
        yield np.add.reduce(words, axis=0).tobytes()
    yield data[whole:].tobytes()


def _pieces(file: BinaryIO, there: int) -> Iterator[Piece]:
    head = file.read(8)
    length = int.from_bytes(head, "little")
    if length > there:
        raise ValueError("the header is longer than the file")
    text = file.read(length)
    yield head + text
    try:
        tensors = {k: v for k, v in json.loads(text).items() if k != "__metadata__"}
        ends = sorted(tensor["data_offsets"] for tensor in tensors.values())
        sizes = [int(end) - int(begin) for begin, end in ends]
    except (AttributeError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(str(error)) from None
    for size in sizes:
        yield from _blocks(file, max(size, 0))
    yield file.read()  # nothing


def _blocks(file: BinaryIO, size: int) -> Iterator[Piece]:
    """A piece of a file, in blocks: its sum is that of all of it at once, see `_folded`."""
    for begin in range(0, size, _BLOCK):
        piece = np.fromfile(file, np.uint8, min(_BLOCK, size - begin))
        if not len(piece):  # the file is shorter than its header says
            return
        yield piece


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
    content = read_json(path)
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
        except ValueError:
            same = False
        if not same:
            raise InputError(
                f"{folder / name}: damaged: these are not the bytes that were written, by "
                f"{path.name}"
            )

"""Arrays and small texts one after the other in a file, written and read in little memory.

A record is the length of a head (8 bytes, little-endian), the head as JSON, the arrays' bytes. The
file ends with a summary in JSON, its length and `END`: without these it is not whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...files import blaming, temporary

END = b"skelfend"
# Any: what JSON holds, as the writer of a record knows it.
Texts = dict[str, Any]
Add = Callable[[Mapping[str, np.ndarray], Texts], None]


class Record(NamedTuple):
    """Arrays and texts by their names."""

    arrays: dict[str, np.ndarray]
    texts: Texts


@contextmanager
def writing(path: Path, summary: Texts) -> Iterator[Add]:
    """Gives what appends a record; the file is there once the block has ended.

    Args:
        path: the file; its folder is made.
        summary: is written last, as it is then.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `files.replacing`: it looks through the folder for each, and here are many.
    beside = temporary(path)
    try:
        with blaming(path, beside):
            with beside.open("wb") as file:

                def add(arrays: Mapping[str, np.ndarray], texts: Texts) -> None:
                    whole = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
                    about = [[key, each.dtype.str, each.shape] for key, each in whole.items()]
                    head = json.dumps({"texts": texts, "arrays": about}).encode()
                    file.write(len(head).to_bytes(8, "little") + head)
                    for each in whole.values():
                        file.write(each.reshape(-1).view(np.uint8).data)

                yield add
                end = json.dumps(summary).encode()
                file.write(b"\0" * 8 + end + len(end).to_bytes(8, "little") + END)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def summary_of(path: Path) -> Texts | None:
    """What a whole file says last; None: there is none, or it is not whole."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 16))
            tail = file.read()
            length = int.from_bytes(tail[:8], "little")
            if tail[8:] != END or length > size - 16:
                return None
            file.seek(size - 16 - length)
            found = json.loads(file.read(length))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def reading(path: Path) -> Iterator[Record]:
    """The records of a whole file, one at a time.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        while length := int.from_bytes(file.read(8), "little"):
            head = json.loads(file.read(length))
            arrays = {}
            for key, kind, shape in head["arrays"]:
                array = np.empty(shape, np.dtype(kind))
                file.readinto(array.reshape(-1).view(np.uint8).data)
                arrays[key] = array
            yield Record(arrays, head["texts"])

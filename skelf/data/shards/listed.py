"""The list of a set's shards: a column, too, so that a long one opens as fast as a short one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np

from ...errors import InputError


class Part(NamedTuple):
    """One store of the set.

    Args:
        path: of the store.
        frames: of all its clips.
        persons: `M` of its joints, at most the set's.
        bytes: of the file.
        blake2b: the store's own checksum of its joints.
    """

    path: Path
    frames: int
    persons: int
    bytes: int
    blake2b: str


class Listed(Sequence[Part]):
    """The shards that a list names, each looked up when it is asked for.

    Args:
        folder: of the set, from which on files are named.
        rows: of the list.
    """

    def __init__(self, folder: Path, rows: np.ndarray) -> None:
        self.folder, self.rows = folder, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> Part: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Part]: ...
    def __getitem__(self, at: int | slice) -> Part | Sequence[Part]:
        """The shard, or some of them."""
        if isinstance(at, slice):
            return Listed(self.folder, self.rows[at])
        file, *numbers = self.rows[at].tolist()
        return Part(self.folder / file, *numbers)


def ends(parts: Sequence[Part]) -> np.ndarray:
    """Where each shard's frames end in those of the set."""
    if isinstance(parts, Listed):
        return np.cumsum(parts.rows["frames"])
    return np.cumsum([part.frames for part in parts])


def rows(folder: Path, parts: Sequence[Part]) -> np.ndarray:
    """The list of some shards for a set in `folder`."""
    files = [named(folder, part.path) for part in parts]
    kind = [
        ("file", f"<U{max(map(len, files))}"),
        ("frames", "<i8"),
        ("persons", "<i8"),
        ("bytes", "<i8"),
        ("blake2b", "<U32"),
    ]
    listed = [(file, *part[1:]) for file, part in zip(files, parts, strict=True)]
    return np.array(listed, kind)


def checksum(parts: Sequence[Part]) -> str:
    """Of all joints, from those of the shards."""
    hashed = blake2b(digest_size=16)
    for part in parts:
        hashed.update(f"{part.blake2b} {part.frames} {part.persons}\n".encode())
    return hashed.hexdigest()


def named(folder: Path, path: Path) -> str:
    """How the list calls a file: from the set's folder on, where that is possible."""
    here, there = folder.resolve(), path.resolve()
    try:
        return Path(os.path.relpath(there, here)).as_posix()
    except ValueError:  # another drive
        return there.as_posix()


def present(part: Part, where: object) -> None:
    """Looks whether a shard is there and as large as it was; reads nothing.

    Raises:
        InputError: it is not.
    """
    try:
        size = os.stat(part.path).st_size
    except OSError:
        raise InputError(
            f"{where}: shard {part.path} is missing; put it back, or make the set again without it"
        ) from None
    if size != part.bytes:
        raise InputError(
            f"{where}: shard {part.path} has {size:,} bytes, {part.bytes:,} when the set was made; "
            "put the old one back, or make the set again"
        )

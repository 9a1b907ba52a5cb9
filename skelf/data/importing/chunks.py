"""A listing cut into chunks, each of which becomes a shard: by the files alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..formats.members import Member
from ..listing import Item
from .signs import files_of, signature

MOST_FILES = 1000
MOST_BYTES = 64 << 20
"""Of the files of a chunk: text of joints takes twice what the joints do, and a worker's time with
them is some seconds."""


class Chunk(NamedTuple):
    """Some items that become a shard.

    Args:
        name: of the shard's file.
        items: of the listing.
        files: how many they are read from.
        sign: by which a finished shard is known again.
    """

    name: str
    items: tuple[Item, ...]
    files: int
    sign: str


def chunks(
    items: Sequence[Item], common: str, *, files: int = MOST_FILES, size: int = MOST_BYTES
) -> Iterator[Chunk]:
    """Cuts a listing: the same files give the same chunks, wherever and by how many.

    Args:
        items: of the listing.
        common: the signature of what is the same for all.
        files: at most in a chunk, unless an item has more.
        size: their bytes, likewise.
    """
    some: list[Item] = []
    stamps: list[tuple[int, int]] = []
    number = full = 0
    for item in items:
        here = [stamp(file) for file in files_of(item)]
        room = sum(own for own, _ in here)
        if some and (len(stamps) + len(here) > files or full + room > size):
            yield _chunk(number, some, stamps, common)
            some, stamps, number, full = [], [], number + 1, 0
        some.append(item)
        stamps += here
        full += room
    if some:
        yield _chunk(number, some, stamps, common)


def stamp(member: Member) -> tuple[int, int]:
    """A file's bytes, and when it changed; a member of a zip has the zip's time."""
    try:
        if member.inside:
            return member.size, _changed(member.file)
        status = os.stat(member.file)
    except OSError:
        return 0, 0  # reading it says what is wrong
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4)
def _changed(file: Path) -> int:
    return os.stat(file).st_mtime_ns


def _chunk(number: int, items: list[Item], stamps: list[tuple[int, int]], common: str) -> Chunk:
    sign = signature(common, items, stamps)
    return Chunk(f"shard-{number:05}.h5", tuple(items), len(stamps), sign)

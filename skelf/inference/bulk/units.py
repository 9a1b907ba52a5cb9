"""What is worked on at once: a file, or some clips of a store; cut by the data alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ...data.clips import ClipSet
from ...data.formats.signs import STORE
from ...data.shards import FILE, is_sharded
from ...errors import InputError
from ...protocols.features import BLOCK
from ..source import Place

FRAMES = 2**17
"""Frames of a unit of recordings, about: 73 minutes at 30 a second."""
By = Literal["clips", "frames"]


class Unit(NamedTuple):
    """A file, or some clips of a store.

    Args:
        place: what is read.
        first: of the clips.
        last: exclusive; 0: all that is read of the file.
        total: clips of the store; 0: the file was not looked into.
        stamp: of the file as it is now, and of the clips: a part of that name holds just these.
    """

    place: Place
    first: int
    last: int
    total: int
    stamp: str

    @property
    def ends(self) -> bool:
        """Whether it is the last one of its file."""
        return self.last == self.total

    def __str__(self) -> str:
        whole = self.last == 0 or self.last - self.first == self.total
        where = "" if whole else f", clips {self.first} to {self.last - 1}"
        return f"{self.place.path}{where}"


def cut(listed: Sequence[Place], by: By) -> list[Unit]:
    """The units of what is read, in its order.

    Args:
        listed: see `source.places`.
        by: "clips": of a store the clips whose batches `protocols.features.extract` composes among
            themselves. "frames": fewer where clips are long.
    """
    units = []
    for place in listed:
        stamp = stamp_of(place.path)
        bounds = _bounds(place, by)
        for first, last in pairwise(bounds):
            digest = blake2b(repr((str(place.path), stamp, first, last)).encode(), digest_size=8)
            units.append(Unit(place, first, last, bounds[-1], digest.hexdigest()))
    return units


def pieces(length: np.ndarray, by: By) -> list[int]:
    """Where units begin among clips of such lengths, and behind the last one.

    >>> pieces(np.full(2500, 30), "clips")
    [0, 1024, 2048, 2500]
    >>> pieces(np.array([100_000, 100_000, 30, 30]), "frames")
    [0, 2, 4]
    """
    count = len(length)
    if by == "clips":
        return [*range(0, count, BLOCK), count]
    cost = np.maximum(length, FRAMES // BLOCK).astype(np.int64)
    group = (np.cumsum(cost) - cost) // FRAMES
    return [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), count]


def stamp_of(path: Path) -> str:
    """What changes with a file: size and time; of a folder those of all files in it."""
    seen = []
    try:
        if is_sharded(path):  # the shards are held to what it says of them
            seen = [_stat(path / FILE)]
        elif path.is_dir():
            for folder, below, files in os.walk(path):
                below.sort()
                seen += [_stat(Path(folder) / name) for name in sorted(files)]
        else:
            seen = [_stat(path)]
    except OSError:
        return ""
    return blake2b(repr(seen).encode(), digest_size=8).hexdigest()


def _stat(path: Path) -> tuple[str, int, int]:
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


def _bounds(place: Place, by: By) -> list[int]:
    if place.format != STORE:
        return [0, 0]
    try:
        clips = ClipSet.open(place.path)
    except (InputError, OSError):
        return [0, 0]  # whoever reads it says why
    return pieces(clips.length, by)

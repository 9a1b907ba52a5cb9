"""A unit's clips, read by whoever works on it and brought to what a model needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...data.check import TABLE
from ...data.clips import ClipSet
from ...errors import InputError
from ..adapt import adapted, bodies_of
from ..needs import Needs
from ..source import Place, Source, each
from .units import Unit, stamp_of


class Reading(NamedTuple):
    """How files are read.

    Args:
        layout: of their joints; None: by their names.
        options: of the format's reader, as `key=value`.
        unit: of their coordinates; None: as the files say.
        up: their upward axis; None: as the bodies stand.
    """

    layout: str | None = None
    options: tuple[str, ...] = ()
    unit: str | None = None
    up: str | None = None


class Block(NamedTuple):
    """What a unit is of.

    Args:
        clips: as they were read.
        whole: the set that they are of: the same, or a store of many.
    """

    clips: ClipSet
    whole: ClipSet


Say = Callable[[str], None]


def block(unit: Unit, how: Reading, say: Say, scratch: Path | None = None) -> Block:
    """Reads a unit.

    The joints of a store are taken as they are: `verified` looks at them once for all its units.

    Raises:
        InputError: it cannot be read.
    """
    if not unit.total:
        found = _read(unit.place, how, say, scratch)
        return Block(found, found)
    whole = _opened(unit.place, how.layout, how.options, stamp_of(unit.place.path))
    if len(whole) != unit.total:
        raise InputError(f"{unit.place.path}: was changed meanwhile; call the same command again")
    some = whole if len(whole) == unit.last - unit.first else part_of(whole, unit.first, unit.last)
    return Block(some, whole)


def fitting(
    given: Block, needs: Needs, how: Reading, say: Say, scratch: Path | None = None
) -> ClipSet:
    """A unit's clips as an encoder takes them, see `adapt.adapted`.

    Of some clips of a store the whole store tells unit and axis.

    Raises:
        InputError: they do not fit.
    """
    bodies = None
    if given.clips is not given.whole and len(given.clips) < len(given.whole):
        bodies = bodies_of(given.whole, needs)
    return adapted(
        given.clips, needs, unit=how.unit, up=how.up, say=say, scratch=scratch, bodies=bodies
    )


def part_of(clips: ClipSet, first: int, last: int) -> ClipSet:
    """Neighbouring clips of a set, without a look at the others; splits stay behind."""
    clip = clips.segments[:, 0]
    segments = clips.segments[(clip >= first) & (clip < last)]
    # Copies: columns may be maps that cannot be written, which torch warns of.
    table: dict[str, Any] = {key: np.array(getattr(clips, key)[first:last]) for key in TABLE}
    return replace(
        clips,
        **table,
        columns={key: np.array(value[first:last]) for key, value in clips.columns.items()},
        splits={},
        segments=segments - np.array([first, 0, 0, 0]),
    )


@lru_cache(maxsize=1)
def _opened(place: Place, layout: str | None, options: tuple[str, ...], stamp: str) -> ClipSet:
    """A store, opened once for the units that a process has of it."""
    found = _read(place, Reading(layout, options), lambda text: None, None)
    # Damage is looked for once, by `verified`, and not by each who reads a part of it.
    return replace(found, stored=found.stored and replace(found.stored, trusted=True))


def _read(place: Place, how: Reading, say: Say, scratch: Path | None) -> ClipSet:
    found: Source = next(
        each([place], layout=how.layout, options=how.options, say=say, scratch=scratch)
    )
    if found.clips is None:
        raise InputError(found.problem)
    return found.clips

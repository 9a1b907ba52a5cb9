"""One person of a clip as the formats of motion capture want it: metres, and gaps where unseen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ..clips import ClipSet

_METRES = {"": 1.0, "m": 1.0, "metre": 1.0, "cm": 0.01, "mm": 0.001}
_METRES |= {"meter": 1.0, "centimetre": 0.01, "millimetre": 0.001}


Notes = dict[str, float]
"""What a user should know of a written file: a text with a place for one number -> the number. Of
several files the largest is said."""


class Person(NamedTuple):
    """One person's joints.

    Args:
        joints: `(T, V, 3)` float64 in metres, NaN where a joint was not seen; `T` is the clip's.
        notes: what a user should know, as `Notes`.
    """

    joints: np.ndarray
    notes: Notes


def one_person(clips: ClipSet, number: int, person: int) -> Person:
    """One person of a clip, in metres; all frames of it, so that times and segments stay true.

    Args:
        clips: with three coordinates; their attribute "unit" says the unit, metres where it is
            not there.
        number: of the clip.
        person: from 0.

    Raises:
        InputError: two coordinates, pixels, or a person who is not there.
    """
    if clips.coordinates != 3:
        raise InputError(
            f"{clips}: {clips.coordinates} coordinates; motion capture has three: lift the poses "
            "first, or export as csv"
        )
    unit = clips.attributes.get("unit", "").lower()
    if unit not in _METRES:
        raise InputError(f"{clips}: its unit is {unit!r}, no length; export as csv")
    joints = np.array(clips.clip(number)[:, person, :, :3], np.float64) * _METRES[unit]
    seen = np.asarray((joints != 0).any(axis=-1))
    here = np.asarray(seen.any(axis=1))
    for joint in {clips.skeleton.root, clips.skeleton.centre}:
        if not seen[:, joint].any():  # bodies that are centred on it: there zero is a place
            seen[:, joint] = here
    if not here.any():
        raise InputError(f"{clips}: person {person + 1} is not in clip {clips.names[number]!r}")
    joints[~seen] = np.nan
    notes: Notes = {} if unit else {"the store does not say its unit: metres taken": 0.0}
    return Person(joints, notes)


def persons_in(clips: ClipSet, number: int) -> list[int]:
    """Who is in a clip, from 0."""
    return np.flatnonzero(clips.clip(number).any(axis=(0, 2, 3))).tolist()

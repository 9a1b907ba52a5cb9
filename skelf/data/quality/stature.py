"""How large the bodies of a set are and which way they stand: what tells one unit from another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..clips import ClipSet
from ..joints.landmarks import body
from ..paging import let_go
from .measures import measure, row_type
from .rules import clear_up

CLIPS = 64
"""Clips that are looked at, evenly over the set."""
FRAMES = 32
"""Frames that are looked at of each, evenly over it."""


class Stature(NamedTuple):
    """The bodies of a set.

    Args:
        size: median of the longest side of the box around a body, in the set's unit; None where
            nobody is in the frames that were looked at.
        up: the axis that clearly points up, as "y" or "-z"; empty where none does.
    """

    size: float | None
    up: str


def stature(clips: ClipSet) -> Stature:
    """Measures some frames of some clips; joints that are not finite do not count.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> bodies = stature(generate(clips=12))
        >>> 1 < bodies.size < 2.5, bodies.up  # metres
        (True, 'y')
    """
    landmarks = body(clips.skeleton)
    chosen = looked_at(clips)
    rows = np.zeros(len(chosen), row_type(clips.skeleton))
    sizes = []
    for row, at in zip(rows, chosen, strict=True):
        clip = clips.clip(int(at))
        sample = np.array(clip[_evenly(len(clip), FRAMES)], np.float64)  # (T, M, V, C)
        sample[~np.isfinite(sample).all(axis=3)] = 0
        sizes.append(_sizes(sample[..., : clips.coordinates]))
        measure(row, sample, landmarks, clips.coordinates, 1.0)
    let_go(clips.joints)
    every = np.concatenate(sizes) if sizes else np.zeros(0)
    size = float(np.median(every)) if len(every) else 0.0
    return Stature(size if size > 0 else None, clear_up(rows))


def looked_at(clips: ClipSet) -> np.ndarray:
    """The clips that `stature` looks at."""
    return _evenly(len(clips), CLIPS)


def _sizes(joints: np.ndarray) -> np.ndarray:
    """The longest side of the box around each body, `(present,)`, of `(T, M, V, D)`."""
    seen = (joints != 0).any(axis=3, keepdims=True)
    present = seen.any(axis=(2, 3))
    high = np.where(seen, joints, -np.inf).max(axis=2)[present]
    low = np.where(seen, joints, np.inf).min(axis=2)[present]
    longest: np.ndarray = (high - low).max(axis=1, initial=0)
    return longest


def _evenly(count: int, most: int) -> np.ndarray:
    """At most so many numbers below `count`, evenly over them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))

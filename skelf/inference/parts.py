"""Recordings in parts that are held out in turn."""

from __future__ import annotations

import numpy as np


def parts_of(groups: np.ndarray, frames: np.ndarray, count: int) -> np.ndarray:
    """The part that each recording is held out in: of about as many frames each.

    Args:
        groups: `(N,)` those of one are in one part.
        frames: `(N,)` of each recording.
        count: of parts, at most as many as groups.

    Examples:
        >>> parts_of(np.array([0, 0, 1, 2]), np.array([5, 5, 9, 4]), 2).tolist()
        [0, 0, 1, 1]
    """
    sizes = np.bincount(groups, frames)
    part, filled = np.zeros(len(sizes), np.int64), np.zeros(count)
    for group in np.argsort(-sizes, kind="stable"):
        part[group] = int(filled.argmin())
        filled[part[group]] += sizes[group]
    return part[groups]

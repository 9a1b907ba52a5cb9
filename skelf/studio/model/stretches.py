"""Recordings cut where their motion changes, so that a person labels stretches and not frames."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ...discover.changes import changes, unit

DIMS = 16
"""Components that boundaries are looked for in."""
PENALTY = 0.25
"""What a boundary must save, in seconds of the mean squared distance: half of `skelf discover`'s,
since too many boundaries only cost a look, and a lacking one mixes two motions."""
SHORTEST = 0.5
"""Seconds of the shortest stretch."""


def cut(features: np.ndarray, rate: float) -> np.ndarray:
    """Where a recording changes.

    Its features are centred, brought to length 1 and reduced by themselves, so that a recording's
    boundaries do not depend on the others and are found once.

    Args:
        features: `(B, F)` of its bins.
        rate: bins a second.

    Returns:
        Ascending int64 bins, from 0 to `B` with both.
    """
    signal = _signal(features.astype(np.float64))
    shortest = max(1, round(SHORTEST * rate))
    inside = changes(signal, PENALTY * rate * unit([signal]), shortest)
    return np.array([0, *inside.tolist(), len(features)], np.int64)


def rows(bounds: list[np.ndarray]) -> np.ndarray:
    """`(S, 3)` recording, first bin, the bin after the last, of each recording's boundaries.

    Examples:
        >>> rows([np.array([0, 2, 5]), np.array([0, 4])]).tolist()
        [[0, 0, 2], [0, 2, 5], [1, 0, 4]]
    """
    found = [(at, a, b) for at, ends in enumerate(bounds) for a, b in pairwise(ends.tolist())]
    return np.array(found, np.int64).reshape(-1, 3)


def _signal(features: np.ndarray) -> np.ndarray:
    centred = features - features.mean(axis=0)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    centred /= np.where(norm > 0, norm, 1)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ axes[:, ::-1][:, :DIMS])

"""Joints over time, a stretch without a gap at a time: no filter reaches over an absence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

Smooth = Callable[[np.ndarray], np.ndarray]
"""Takes and gives `(L, K, C)` float64, `L` frames without a gap."""

AT_ONCE = 1 << 23  # numbers of a recording that are smoothed together: 64 MiB


def runs(seen: np.ndarray) -> list[tuple[int, int]]:
    """First frame and end (exclusive) of each stretch that is true throughout.

    Args:
        seen: `(T,)` bool.

    Examples:
        >>> runs(np.array([True, True, False, True]))
        [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def smoothed(values: np.ndarray, seen: np.ndarray, smooth: Smooth, least: int = 3) -> np.ndarray:
    """Each stretch of each joint through `smooth`; the rest keeps its bits.

    Args:
        values: `(T, K, C)` floats of `K` joints; what was not seen may be NaN.
        seen: `(T, K)` bool.
        smooth: is called with stretches of all joints that come and go together.
        least: frames of the shortest stretch that is smoothed.

    Returns:
        `(T, K, C)`, a copy of the same type.
    """
    made = values.copy()
    for joints in _alike(seen, max(1, AT_ONCE // max(1, len(values) * values.shape[2]))):
        for start, end in runs(seen[:, joints[0]]):
            if end - start >= least:
                stretch = values[start:end, joints].astype(np.float64)
                made[start:end, joints] = smooth(stretch)
    return made


def _alike(seen: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Indices of joints that are seen in the same frames, `most` at a time."""
    columns: dict[bytes, list[int]] = {}
    for joint, column in enumerate(np.packbits(seen, axis=0).T):
        columns.setdefault(column.tobytes(), []).append(joint)
    for joints in columns.values():
        for at in range(0, len(joints), most):
            yield np.array(joints[at : at + most])

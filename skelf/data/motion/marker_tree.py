"""A tree of markers, for files that have no hierarchy: which marker hangs off which."""

from __future__ import annotations

import numpy as np

SAMPLES = 200  # frames from which the tree is found


def spanning_tree(joints: np.ndarray) -> list[int]:
    """Parents of markers: the tree whose links stay shortest, from the most central marker.

    The length of a link is the 0.9 quantile over frames of the distance, so that a hand that
    touches the knee for a while still hangs off its wrist.

    Args:
        joints: `(T, V, 2)` or `(T, V, 3)`, NaN where a marker was not seen.

    Returns:
        `V` parents, -1 for the central marker.
    """
    count = joints.shape[1]
    some = joints[np.linspace(0, len(joints) - 1, min(len(joints), SAMPLES)).astype(np.int64)]
    axes = np.moveaxis(some.astype(np.float64), -1, 0)
    one, other = np.triu_indices(count)
    apart_along = (axis[:, one] - axis[:, other] for axis in axes)  # two axes in an image
    distance = np.sqrt(sum(length * length for length in apart_along))
    distance[~np.isfinite(distance)] = 1e12  # never seen together: the last choice
    apart = np.empty((count, count))
    apart[one, other] = apart[other, one] = np.quantile(distance, 0.9, axis=0)
    root = int(np.median(apart, axis=1).argmin())
    parents = np.full(count, root)
    parents[root] = -1
    nearest = apart[root].copy()
    outside = np.ones(count, bool)
    outside[root] = False
    while outside.any():  # Prim's algorithm
        marker = int(np.where(outside, nearest, np.inf).argmin())
        outside[marker] = False
        closer = outside & (apart[marker] < nearest)
        parents[closer] = marker
        nearest[closer] = apart[marker][closer]
    return [int(parent) for parent in parents]

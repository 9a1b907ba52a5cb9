"""How well moments of change are found: boundaries of a recording against true ones, within a time.

A pure function of one recording or of several.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError

Times = np.ndarray | Sequence[np.ndarray]


def boundary_f1(truth: Times, found: Times, tolerance: float | None = None) -> float:
    """F1 of found boundaries, from counts over all recordings.

    Each true boundary has one found one at most, and the other way round; of all ways to pair them
    one with the most pairs counts.

    Args:
        truth: `(G,)` moments of a recording's true boundaries, or `(G, 2)`, the first and the last
            moment at which each counts as found; or one such array for each recording.
        found: `(P,)` moments in the same unit, likewise.
        tolerance: how far a found boundary may be from a true moment, which counts as well; None
            where the truth has two columns.

    Returns:
        Value in [0, 1]; 1 where there is nothing to find and nothing was found.

    Raises:
        InputError: another number of recordings, a wrong shape, or a tolerance that is missing,
            below 0, or given twice.

    Examples:
        >>> boundary_f1(np.array([10, 20, 30]), np.array([11, 12, 31]), tolerance=1)
        0.6666666666666666
        >>> boundary_f1(np.array([[8, 12], [11, 20]]), np.array([11, 12]))
        1.0
    """
    ranges, moments = (_listed(side, most) for side, most in ((truth, 2), (found, 1)))
    if len(ranges) != len(moments) or not ranges:
        raise InputError(
            f"found: {len(moments)} recordings, truth: {len(ranges)}; both need the same, at least "
            "one"
        )
    right = total = 0
    for true, points in zip(ranges, moments, strict=True):
        bounds = _bounds(true, tolerance)
        right += pairs(bounds, points)
        total += len(bounds) + len(points)
    return 2 * right / total if total else 1.0


def pairs(bounds: np.ndarray, points: np.ndarray) -> int:
    """The most pairs of a range and a point in it, each in one pair at most.

    Args:
        bounds: `(G, 2)` first and last moment.
        points: `(P,)`.
    """
    open_ = sorted(bounds.tolist(), key=lambda pair: (pair[1], pair[0]))
    count = 0
    for point in np.sort(points).tolist():
        # The range that closes first: any other one can wait at least as long for its point.
        at = next((i for i, (low, high) in enumerate(open_) if low <= point <= high), None)
        if at is not None:
            open_.pop(at)
            count += 1
    return count


def _bounds(true: np.ndarray, tolerance: float | None) -> np.ndarray:
    if (tolerance is None) != (true.ndim == 2):
        raise InputError(
            "tolerance: give it with moments of boundaries, or a first and a last moment of each"
        )
    if tolerance is None:
        return true
    if not tolerance >= 0:
        raise InputError(f"tolerance: {tolerance:g} is not 0 or above")
    return np.stack([true - tolerance, true + tolerance], axis=1)


def _listed(times: Times, most: int) -> list[np.ndarray]:
    one = isinstance(times, np.ndarray)
    listed = [np.asarray(side, np.float64) for side in ([times] if one else times)]
    for side in listed:
        if side.ndim not in (1, most) or (side.ndim == 2 and side.shape[1] != 2):
            raise InputError(
                f"boundaries: expected (B,) moments or (B, 2) ranges, got {side.shape}"
            )
    return listed

"""Short gaps of joints, filled from the frames around them."""

from __future__ import annotations

import numpy as np

from ..motion.runs import runs
from .options import Filling


def fill_gaps(
    values: np.ndarray, seen: np.ndarray, longest: int, how: Filling = "pchip"
) -> tuple[np.ndarray, np.ndarray]:
    """Joints with a place in every gap that is short enough and has a frame on either side.

    What is before the first sight of a joint and after its last stays. A longer gap parts the
    joint's time: what lies beyond it has no say.

    Args:
        values: `(T, K, C)` floats of `K` joints.
        seen: `(T, K)` bool.
        longest: frames of the longest gap that is filled.
        how: see `Filling`.

    Returns:
        `(T, K, C)`, and `(T, K)` bool: what was filled.

    Examples:
        >>> x, seen = np.array([0.0, 9, 2, 9, 9, 5])[:, None, None], np.zeros((6, 1), bool)
        >>> seen[[0, 2, 5]] = True
        >>> made, filled = fill_gaps(x, seen, 1, "linear")
        >>> made.ravel().tolist(), np.flatnonzero(filled[:, 0]).tolist()
        ([0.0, 1.0, 2.0, 9.0, 9.0, 5.0], [1])
    """
    made, filled = values.copy(), np.zeros_like(seen)
    for joint in np.flatnonzero(~seen.all(axis=0) & seen.any(axis=0)).tolist():
        known = np.flatnonzero(seen[:, joint])
        for start, end in runs(~seen[: known[-1], joint]):
            if start > known[0] and end - start <= longest:
                filled[start:end, joint] = True
        for start, end in runs(seen[:, joint] | filled[:, joint]):
            here = slice(start, end)
            if filled[here, joint].any():
                made[here, joint] = _filled(values[here, joint], seen[here, joint], how)
    return made, filled


def _filled(values: np.ndarray, seen: np.ndarray, how: Filling) -> np.ndarray:
    """One joint `(T, C)` from a frame in which it is seen to another one."""
    from scipy.interpolate import PchipInterpolator  # not above: it takes a second

    time, made = np.arange(len(seen)), values.copy()
    known, gap = time[seen], time[~seen]
    if how == "pchip":
        made[gap] = PchipInterpolator(known, values[known].astype(np.float64))(gap)
    else:
        for axis in range(values.shape[1]):
            made[gap, axis] = np.interp(gap, known, values[known, axis])
    return made

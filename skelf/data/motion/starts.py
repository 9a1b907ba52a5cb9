"""First frames that are no motion: a T-pose, a calibration, a body at the origin, before the rest.

Programs put them before a recording, for retargeting. Nobody moves from there to the next frame:
the body is elsewhere, or in another pose, at once, while before it is still and after it moves as
bodies do. Who begins by standing still moves off with steps as small as those that follow.
"""

from __future__ import annotations

import numpy as np

LONGEST = 1.0
"""Seconds that such a start may last: it is one frame nearly always."""
AHEAD = 1.0
"""Seconds after it whose steps tell how this body moves."""
FAR = 0.05
"""Mean step of the joints, in body sizes (9 cm), from one frame to the next: arms that drop from a
T-pose move half as far again, somebody who runs a third of it at 60 frames a second."""
TIMES = 3.0
"""How many times as far as the next step, and as nine of ten after it."""
STILL = 0.004
"""Mean step of the joints, in body sizes, up to which a start of several frames stands still."""


def still_start(joints: np.ndarray, fps: float) -> int:
    """How many first frames are no motion; 0 where the recording begins at once.

    Args:
        joints: `(T, V, D)` of one person; NaN where unseen.
        fps: frames a second.

    Examples:
        >>> walk = np.linspace(0, 1, 40)[:, None, None] + np.eye(3)[None]
        >>> still_start(walk, 30), still_start(np.concatenate([walk[:1] - 1, walk]), 30)
        (0, 1)
    """
    count = min(len(joints) - 1, max(1, int(LONGEST * fps)))
    window = joints[: count + 2 + max(3, int(AHEAD * fps))]
    if len(window) < 4:
        return 0
    axes = np.ascontiguousarray(np.moveaxis(window, -1, 0), np.float64)
    size = _body_size(axes)
    if not size > 0:
        return 0
    step = _steps(axes) / size
    for frames in range(1, count + 1):
        far = step[frames - 1]
        after = step[frames : frames + max(3, int(AHEAD * fps))]
        if len(after) < 2:
            break
        if far > FAR and far > TIMES * max(after[0], float(np.quantile(after, 0.9))):
            return frames
        if far > STILL:  # it moves already
            break
    return 0


def _body_size(axes: np.ndarray) -> float:
    """The median diagonal of the box around the joints, over frames in which half are seen.

    Args:
        axes: `(D, T, V)`, which is several times as fast as an axis of three at the end.
    """
    seen = np.isfinite(axes).all(axis=0)
    some = seen.sum(axis=1) * 2 >= axes.shape[2]
    if not some.any():
        return 0.0
    high = np.where(seen, axes, -np.inf).max(axis=2)[:, some]
    low = np.where(seen, axes, np.inf).min(axis=2)[:, some]
    return float(np.median(np.sqrt(np.square(high - low).sum(axis=0))))


def _steps(axes: np.ndarray) -> np.ndarray:
    """The mean way of the joints from each frame to the next; 0 where nobody is seen in both."""
    away = np.sqrt(np.square(axes[:, 1:] - axes[:, :-1]).sum(axis=0))
    seen = np.isfinite(away)
    count = np.maximum(seen.sum(axis=1), 1)
    mean: np.ndarray = np.where(seen, away, 0).sum(axis=1) / count
    return mean

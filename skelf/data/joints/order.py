"""Which of several layouts of as many joints a file has, where it holds no names: by its bodies.

In the right order bones are short, in a wrong one they run to and fro across the body.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...layouts import BODY_25B, OPENPOSE25
from ...skeleton import Skeleton

FEWEST = 4  # bones of a pose that are seen in each layout; a pose with fewer tells nothing
MOST = 0.8  # of `reach`; above it the joints are no body in that order
SURE = 1.15
"""How many times as long the bones of a wrong order are at least.

Measured on OpenPose's poses: 401 whole bodies of BODY_25B have 1.6 to 3.3, 55 upper bodies of
BODY_25 (sign language) have 1.5 to 1.9.
"""


def reach(poses: np.ndarray, layouts: Sequence[Skeleton]) -> np.ndarray:
    """How long bones are in each of several orders, of how far the joints lie apart.

    Args:
        poses: `(N, V, C)` coordinates; a joint that was not seen is NaN or 0 in all of them.
        layouts: of `V` joints.

    Returns:
        One number a layout, the median of the poses: mean length of the bones that are seen,
        divided by the joints' root mean square distance from their middle. NaN where no pose
        shows `FEWEST` bones in each layout. Bodies have 0.25 to 0.65, random places 1 and more.
    """
    x = np.nan_to_num(np.asarray(poses, np.float64))
    seen = np.asarray(x.any(axis=-1))
    count = np.maximum(seen.sum(axis=1), 1)
    middle = x.sum(axis=1) / count[:, None]
    away = ((x - middle[:, None]) ** 2).sum(axis=-1) * seen
    size = np.sqrt(away.sum(axis=1) / count)
    usable: np.ndarray = size > 0
    means: list[np.ndarray] = []
    for layout in layouts:
        child, parent = np.array(layout.edges).T
        both = seen[:, child] & seen[:, parent]
        long = np.linalg.norm(x[:, child] - x[:, parent], axis=-1) * both
        usable = usable & (both.sum(axis=1) >= FEWEST)
        means.append(long.sum(axis=1) / np.maximum(both.sum(axis=1), 1))
    if not usable.any():
        return np.full(len(layouts), np.nan)
    return np.array([np.median(mean[usable] / size[usable]) for mean in means])


def is_body_25b(poses: np.ndarray) -> bool | None:
    """Whether OpenPose's 25 joints are BODY_25B's and not BODY_25's, its default; None: in doubt.

    Joints that are no body in either order, and too few of them, are BODY_25's.

    Args:
        poses: `(N, 25, C)` coordinates without confidence; a joint that was not seen is NaN or 0.

    Examples:
        >>> from skelf.data.synthetic.figure import Figure
        >>> [is_body_25b(Figure.of(s).rest[None]) for s in (BODY_25B, OPENPOSE25)]
        [True, False]
    """
    default, other = reach(poses, (OPENPOSE25, BODY_25B))
    if np.isnan(default) or min(default, other) > MOST:
        return False
    if default > SURE * other:
        return True
    return False if other > SURE * default else None

"""Joints from HumanML3D's vectors: 263 numbers a frame for 22 joints, 251 for KIT-ML's 21.

A frame's vector begins with the root's turn about y to the next frame (half the angle, in radians),
its way in x and z to the next frame in its own axes, its height, and then the other joints' places
beside the root, in the root's axes. What follows (rotations, velocities, foot contacts) repeats it.

Source: sources D8.
"""

from __future__ import annotations

import numpy as np

JOINTS = {263: 22, 251: 21}
"""Numbers of a frame -> joints."""


@np.errstate(all="ignore")  # what is infinite is refused elsewhere
def joints_of(vectors: np.ndarray) -> np.ndarray:
    """Places of the joints, y up; the root starts above the origin and looks along z.

    Args:
        vectors: `(T, 263)` or `(T, 251)`, as they are in `new_joint_vecs`: not normalised.

    Returns:
        `(T, 22, 3)` or `(T, 21, 3)`, float64.

    Examples:
        >>> still = np.zeros((2, 263))
        >>> still[:, 3] = 0.9
        >>> joints_of(still)[1, 0].tolist()
        [0.0, 0.9, 0.0]
    """
    vectors = np.asarray(vectors, np.float64)
    count = JOINTS[vectors.shape[1]]
    # The first frame's way and turn lead to the second.
    steps = np.concatenate([np.zeros((1, 3)), vectors[:-1, :3]])
    angle = -2 * np.cumsum(steps[:, 0])
    way = _turned(np.stack([steps[:, 1], steps[:, 2]], axis=-1), angle)
    root = np.cumsum(way, axis=0)
    beside = vectors[:, 4 : 4 + 3 * (count - 1)].reshape(len(vectors), count - 1, 3)
    plane = _turned(beside[..., [0, 2]], angle[:, None]) + root[:, None]
    others = np.stack([plane[..., 0], beside[..., 1], plane[..., 1]], axis=-1)
    first = np.stack([root[:, 0], vectors[:, 3], root[:, 1]], axis=-1)
    return np.concatenate([first[:, None], others], axis=1)


@np.errstate(all="ignore")
def axis_error(vectors: np.ndarray) -> float:
    """How far axes in the joints' rotations are from length 1: above 0.3 in normalised vectors."""
    count = JOINTS[vectors.shape[1]]
    start = 4 + 3 * (count - 1)
    axes = vectors[:, start : start + 6 * (count - 1)].reshape(-1, 3)
    return float(np.median(np.abs(np.linalg.norm(axes, axis=1) - 1)))


def _turned(plane: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Points `(..., 2)`, x and z, turned about y."""
    x, z = plane[..., 0], plane[..., 1]
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([cosine * x + sine * z, -sine * x + cosine * z], axis=-1)

"""Which axis points up: one type, its name for a direction, and the turn that makes it y."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

Up = Literal["y", "-y", "z", "-z"]
"""The axis that points up; -y is usual in images."""
UPS: tuple[Up, ...] = get_args(Up)


def upright(points: np.ndarray, up: Up) -> np.ndarray:
    """Points turned so that y points up.

    In space it is a turn about x, which keeps left and right. In a plane y changes its sign.

    Args:
        points: `(..., 2)` or `(..., 3)`; a plane has no z.
        up: the axis of `points` that points up.
    """
    if up == "y":
        return points
    if up == "-y":
        return points * np.array([1, -1, -1], points.dtype)[: points.shape[-1]]
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return np.stack([x, z, -y] if up == "z" else [x, -z, y], axis=-1)


def nearest_axis(direction: np.ndarray) -> str:
    """The axis that a direction `(2,)` or `(3,)` is nearest to, with its sign.

    >>> nearest_axis(np.array([0.1, -0.9, 0.2]))
    '-y'
    """
    axis = int(np.abs(direction).argmax())
    return ("-" if direction[axis] < 0 else "") + "xyz"[axis]

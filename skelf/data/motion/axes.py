"""Which axis points up: one type, its name for a direction, and the turn that makes it y."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import DTypeLike

Up = Literal["y", "-y", "z", "-z"]
"""The axis that points up; -y is usual in images."""
_TURNED: dict[Up, tuple[tuple[int, int], ...]] = {
    "y": ((0, 1), (1, 1), (2, 1)),
    "-y": ((0, 1), (1, -1), (2, -1)),
    "z": ((0, 1), (2, 1), (1, -1)),
    "-z": ((0, 1), (2, -1), (1, 1)),
}  # of each upward axis: which axis x, y and z come from, and its sign
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
    return scaled(points, up, 1.0, points.dtype)


def scaled(points: np.ndarray, up: Up, scale: float, kind: DTypeLike = np.float32) -> np.ndarray:
    """Points in space, turned as by `upright` and multiplied in double precision.

    Args:
        points: `(..., 3)`.
        up: the axis of `points` that points up.
        scale: metres in one unit.
        kind: of the result.
    """
    turned = np.empty(points.shape, kind)
    for column, (axis, sign) in enumerate(_TURNED[up]):
        times = np.float64(sign * scale)
        np.multiply(points[..., axis], times, out=turned[..., column], casting="same_kind")
    return turned


def nearest_axis(direction: np.ndarray) -> str:
    """The axis that a direction `(2,)` or `(3,)` is nearest to, with its sign.

    >>> nearest_axis(np.array([0.1, -0.9, 0.2]))
    '-y'
    """
    axis = int(np.abs(direction).argmax())
    return ("-" if direction[axis] < 0 else "") + "xyz"[axis]

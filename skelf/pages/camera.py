"""Where the camera of a moving figure stands: one rule for GIFs and for the player on a page.

Figures have y up. One person is seen from its own front left, whatever way it faced the sensor; two
persons are seen from the side.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..skeleton import Skeleton

TURN = 0.6
"""Radians from the front to the left: shows depth."""


class Box(NamedTuple):
    """The room that a figure takes.

    Args:
        centre: `(D,)`, the middle of the box around all points.
        radius: the farthest point from the centre's vertical line.
        half: half of the height.
    """

    centre: np.ndarray
    radius: float
    half: float


def box(points: np.ndarray) -> Box:
    """The room that points `(N, D)` with y up take; one point at least."""
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    ground = (points - centre)[:, [0, 2] if points.shape[1] == 3 else [0]]
    return Box(centre, float(np.linalg.norm(ground, axis=1).max()), float((high - low)[1] / 2))


def yaw(x: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> float:
    """The turn about y, in radians, that brings a figure before the camera.

    Args:
        x: `(T, M, V, 3)`, y up.
        seen: `(T, M, V)`, joints that are there.
        skeleton: the layout; without left and right joints one person is not turned.
    """
    both = seen[:, :2, skeleton.centre].all(axis=1) if x.shape[1] > 1 else np.zeros(len(x), bool)
    if both.any():
        across = (x[both, 1, skeleton.centre] - x[both, 0, skeleton.centre]).mean(axis=0)
        return math.atan2(across[2], across[0])
    if not skeleton.pairs:
        return 0.0
    left, right = (list(side) for side in zip(*skeleton.pairs, strict=True))
    visible = (seen[:, :, left] & seen[:, :, right])[..., None]
    if not visible.any():
        return 0.0
    # Who faces the viewer has the left side at the viewer's right (+x).
    across = np.where(visible, x[:, :, left] - x[:, :, right], 0).sum(axis=(0, 1, 2))
    return math.atan2(across[2], across[0]) + TURN

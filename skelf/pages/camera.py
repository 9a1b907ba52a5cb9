"""Where the camera of a moving figure stands: one rule for GIFs and for the player on a page.

Figures have y up. One person is seen from its own front left, whatever way it faced the sensor; two
persons are seen from the side.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..skeleton import Skeleton

FAR = 0.35
"""A bone from the root that is longer than this share of the body is none of its bones."""
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


def bodiless(x: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> dict[int, int]:
    """Joints that are of the scene and not of the body, each with the joint that stands in for it.

    BVH files often begin with a joint that stays where the scene has its origin, while the hips
    beneath it walk about. Its bone would be a stalk to the floor, and the figure tiny beside it.
    Such a joint is the layout's root or what follows, has a single child and stays in its place;
    its bone, or that of one that follows, is longer than `FAR` of the body or changes its length,
    as no bone of a body does.

    Args:
        x: `(T, M, V, D)`.
        seen: `(T, M, V)`, joints that are there.
        skeleton: the layout.
    """
    children: list[list[int]] = [[] for _ in skeleton.parents]
    for child, parent in skeleton.edges:
        children[parent].append(child)
    chain = [skeleton.root]
    while len(children[chain[-1]]) == 1:
        chain += children[chain[-1]]
    body = [joint for joint in range(skeleton.joints) if joint not in chain[:-1]]
    if len(body) < 2 or not seen[:, :, body].any():
        return {}
    size = _size(x[:, :, body], seen[:, :, body])
    passed = 0
    for joint, child in pairwise(j for j in chain if seen[:, :, j].any()):
        if not _stays(x, seen, joint, size):
            break
        both = seen[:, :, joint] & seen[:, :, child]
        bone = np.linalg.norm(x[:, :, child] - x[:, :, joint], axis=-1)[both]
        if len(bone) and (bone.max() > FAR * size or np.ptp(bone) > 0.1 * size):
            passed = chain.index(child)
    return dict.fromkeys(chain[:passed], chain[passed])


def _stays(x: np.ndarray, seen: np.ndarray, joint: int, size: float) -> bool:
    places = x[:, :, joint][seen[:, :, joint]]
    return bool(np.ptp(places, axis=0).max() < 0.01 * size)


def _size(x: np.ndarray, seen: np.ndarray) -> float:
    """The longest side of the box around a person, in the median of the frames."""
    there = seen.any(axis=2)
    low = np.where(seen[..., None], x, np.inf)[there].min(axis=1)
    high = np.where(seen[..., None], x, -np.inf)[there].max(axis=1)
    return float(np.median((high - low).max(axis=1)))


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

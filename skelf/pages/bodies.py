"""What a picture needs to know of joints: which are there, where a missing one goes, what is up."""

from __future__ import annotations

import numpy as np

from ..data.clips import ClipSet
from ..data.joints.landmarks import body
from ..data.motion.axes import UPS, Up
from ..data.quality.measures import measure, row_type
from ..data.quality.rules import clear_up
from ..joints.words import HEADS
from ..skeleton import Skeleton


def upwards(joints: np.ndarray, clips: ClipSet, index: int) -> Up:
    """The axis along which the head is above the feet; the usual one where that is unclear."""
    rows = np.zeros(1, row_type(clips.skeleton))
    landmarks = body(clips.skeleton)
    measure(rows[0], joints, landmarks, joints.shape[-1], float(clips.fps[index]))
    usual: Up = "y" if joints.shape[-1] == 3 else "-y"
    clear = clear_up(rows)
    return next((up for up in UPS if up == clear), usual)


def head_of(skeleton: Skeleton) -> int:
    """The joint that is drawn as the head: the neck where a layout has none; -1: neither.

    Examples:
        >>> from skelf.layouts import COCO17, NTU25
        >>> NTU25.names[head_of(NTU25)], COCO17.names[head_of(COCO17)]
        ('Head', 'nose')
    """
    places = {name.lower(): joint for joint, name in enumerate(skeleton.names)}
    return next((places[name] for name in HEADS if name in places), -1)


def present(joints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Which joints `(T, M, V)` are there: those not zero, and a root that is the origin itself.

    Motion that was centred on the root (or the centre) has zeros there for as long as the person is
    in the clip; they are a place, not a gap.
    """
    seen: np.ndarray = (joints != 0).any(axis=3)
    for joint in {skeleton.root, skeleton.centre}:
        origin = ~seen[:, :, joint].any(axis=0)  # (M,)
        seen[:, :, joint] |= origin & seen.any(axis=2)
    return seen


def bridged(joints: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Missing joints at the nearest joint of the body that is there, as the player needs numbers.

    At the end of a limb nothing then shows; inside one its bone leads to the next joint.
    """
    seen = present(joints, skeleton)
    partly = seen.any(axis=2) & ~seen.all(axis=2)
    if not partly.any():
        return joints
    filled = joints.copy()
    near = _nearest(skeleton)
    for frame, person in zip(*np.nonzero(partly), strict=True):
        for joint in np.flatnonzero(~seen[frame, person]):
            order = near[joint]
            filled[frame, person, joint] = joints[
                frame, person, order[int(seen[frame, person, order].argmax())]
            ]
    return filled


def _nearest(skeleton: Skeleton) -> np.ndarray:
    """For each joint all joints, the fewest bones away first."""
    V = skeleton.joints
    away = np.full((V, V), V)
    np.fill_diagonal(away, 0)
    for child, parent in skeleton.edges:
        away[child, parent] = away[parent, child] = 1
    for via in range(V):
        away = np.minimum(away, away[:, [via]] + away[[via]])
    return away.argsort(axis=1, kind="stable")

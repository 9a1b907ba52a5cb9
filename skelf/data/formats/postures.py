"""What bodies themselves tell of an array that says nothing: which way is up, and the unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...skeleton import Skeleton
from ..motion.axes import UPS, Up

SURE, MOST = 0.7, 0.8  # cosine, share of frames: a body that stands or sits along an axis
THIGH = (0.25, 0.65)  # of a person, in metres
UNITS = {1.0: "metres", 0.001: "millimetres", 0.01: "centimetres"}


@np.errstate(all="ignore")  # what is infinite is refused elsewhere
def standing(clips: Sequence[np.ndarray], skeleton: Skeleton) -> Up | None:
    """The axis along which a body stands in most frames, from its feet to its head; or none.

    Args:
        clips: `(T, M, V, C)` each, coordinates alone; a joint of zeros was not seen.
        skeleton: head and feet are found by their names.

    Examples:
        >>> from skelf.layouts import H36M17
        >>> body = np.zeros((1, 1, 17, 3))
        >>> body[..., 3:7, :] = body[..., 10, :] = (1, 1, 0.1)
        >>> body[..., 10, 2] = 1.7
        >>> standing([body], H36M17)
        'z'
    """
    head = _first(skeleton, ("head", "nose", "neck"))
    feet = _named(skeleton, ("ankle", "foot", "heel"))
    if head is None or not feet:
        return None
    found = [clip[:, :, [head, *feet]] for clip in clips]
    ends = np.concatenate([points.reshape(-1, *points.shape[2:]) for points in found])
    body = ends[:, 0] - ends[:, 1:].mean(axis=1)
    size = np.linalg.norm(body, axis=1)
    unseen = np.any(np.all(ends == 0, axis=2), axis=1)
    sure = np.isfinite(size) & (size > 0) & ~unseen
    if not sure.any():
        return None
    directions = body[sure] / size[sure, None]
    for up in UPS:
        axis = "xyz".index(up[-1])
        if axis < directions.shape[1]:
            along = directions[:, axis] * (-1 if up[0] == "-" else 1)
            if (along > SURE).mean() >= MOST:
                return up
    return None


@np.errstate(all="ignore")
def metres(clips: Sequence[np.ndarray], skeleton: Skeleton) -> float:
    """Metres in one unit by the length of a thigh; 0: not known, or no unit of length.

    Args:
        clips: `(T, M, V, 3)` each.
        skeleton: hip and knee are found by their names.
    """
    hips = [j for j in _named(skeleton, ("hip",)) if j != skeleton.root]
    knees = _named(skeleton, ("knee",))
    thighs = [(skeleton.parents[knee], knee) for knee in knees if skeleton.parents[knee] in hips]
    if not thighs:
        return 0.0
    lengths = [
        np.linalg.norm(clip[..., knee, :3] - clip[..., hip, :3], axis=-1).ravel()
        for clip in clips
        for hip, knee in thighs
    ]
    seen = np.concatenate(lengths)
    seen = seen[np.isfinite(seen) & (seen > 0)]
    length = float(np.median(seen)) if len(seen) else 0.0
    return next((unit for unit in UNITS if THIGH[0] <= length * unit <= THIGH[1]), 0.0)


def _named(skeleton: Skeleton, words: Sequence[str]) -> list[int]:
    names = [name.lower() for name in skeleton.names]
    for word in words:
        found = [at for at, name in enumerate(names) if word in name]
        if found:
            return found
    return []


def _first(skeleton: Skeleton, words: Sequence[str]) -> int | None:
    found = _named(skeleton, words)
    return found[0] if found else None

"""Joints that are somewhere for a moment where they cannot be: by their speed, by their bones."""

from __future__ import annotations

import numpy as np

from ...skeleton import Skeleton
from ..motion.runs import runs

BRIEF = 0.2
"""Seconds: a joint that jumps away and stays longer is not taken out, it may be right there."""
STEP = 0.1
"""Least step of a jump in body sizes (some 15 cm): at a high frame rate noise alone is fast."""
SHORT = 0.05
"""Least change of a bone in body sizes (8 cm): neck and hands are short and waver by half."""
FEW = 3
"""Frames of a body below which nothing tells what is usual."""


def outliers(
    x: np.ndarray, seen: np.ndarray, skeleton: Skeleton, fps: float, *, speed: float, bone: float
) -> tuple[np.ndarray, np.ndarray]:
    """Which joints of one person are outliers, by speed and by bone.

    By speed: the path of a joint is cut where it moves faster than `speed` beyond the median of the
    body's joints. A piece of at most `BRIEF` that is shorter than one it was cut off from is out.

    By bone: a bone is off where its length differs from its median by more than `bone` of it, and
    by `SHORT` of the body. The joint is out that most of its bones are off at; where that is
    neither end's case, the one further from the root.

    Args:
        x: `(T, V, D)` coordinates.
        seen: `(T, V)` bool.
        skeleton: the layout.
        fps: frames a second.
        speed: body sizes a second.
        bone: a share.

    Returns:
        Twice `(T, V)` bool; a joint that is both is the first only.
    """
    nothing = np.zeros_like(seen)
    if seen.any(axis=1).sum() < FEW:
        return nothing, nothing
    size = body_size(x, seen)
    fast = _fast(x, seen, size, fps, speed) if size > 0 else nothing
    still = seen & ~fast
    odd = _odd(x, still, skeleton, size, bone) if x.shape[2] == 3 else nothing
    return fast, odd


def body_size(x: np.ndarray, seen: np.ndarray) -> float:
    """The median over frames of the diagonal of the box around a person's joints.

    Of frames in which at least half of the joints are seen that are seen in most.
    """
    count = seen.sum(axis=1)
    rows = np.flatnonzero(2 * count >= count.max())
    place = np.where(seen[rows][..., None], x[rows], np.nan)
    extent = np.nanmax(place, axis=1) - np.nanmin(place, axis=1)
    return float(np.median(np.linalg.norm(extent, axis=1)))


def _fast(x: np.ndarray, seen: np.ndarray, size: float, fps: float, speed: float) -> np.ndarray:
    """By speed, see `outliers`."""
    both = seen[1:] & seen[:-1]  # (T-1, V)
    step = np.where(both[..., None], x[1:] - x[:-1], np.nan)
    some = both.any(axis=1)
    whole = np.zeros((len(step), 1, x.shape[2]), x.dtype)
    whole[some, 0] = np.nanmedian(step[some], axis=1)
    away = np.nan_to_num(np.linalg.norm(step - whole, axis=2))
    cut = away > max(speed / fps, STEP) * size
    out = np.zeros_like(seen)
    for joint in np.flatnonzero(cut.any(axis=0)).tolist():
        for start, end in runs(seen[:, joint]):
            ends = start + 1 + np.flatnonzero(cut[start : end - 1, joint])
            edges = np.array([start, *ends, end])
            length = np.diff(edges)
            beside = np.maximum(np.append(length[1:], 0), np.append(0, length[:-1]))
            for piece in np.flatnonzero((length < beside) & (length <= max(1, BRIEF * fps))):
                out[edges[piece] : edges[piece + 1], joint] = True
    return out


def _odd(
    x: np.ndarray, seen: np.ndarray, skeleton: Skeleton, size: float, bone: float
) -> np.ndarray:
    """By bones, see `outliers`."""
    out = np.zeros_like(seen)
    if not skeleton.edges:
        return out
    child, parent = np.array(skeleton.edges).T
    there = seen[:, child] & seen[:, parent]  # (T, B)
    length = np.where(there, np.linalg.norm(x[:, child] - x[:, parent], axis=2), np.nan)
    measured = there.any(axis=0)
    usual = np.zeros(len(child))
    usual[measured] = np.nanmedian(length[:, measured], axis=0)
    change = np.abs(np.nan_to_num(length - usual))
    off = there & (change > bone * usual) & (change > SHORT * size)
    rows = np.flatnonzero(off.any(axis=1))
    if not len(rows):
        return out
    off, there, found = off[rows], there[rows], np.zeros((len(rows), seen.shape[1]), bool)
    bones, wrong = np.zeros(found.shape, int), np.zeros(found.shape, int)
    for at, ends in enumerate(skeleton.edges):
        for joint in ends:
            bones[:, joint] += there[:, at]
            wrong[:, joint] += off[:, at]
    found |= (bones > 1) & (2 * wrong > bones)
    for at, (outer, inner) in enumerate(skeleton.edges):  # what no joint found so far explains
        found[:, outer] |= off[:, at] & ~found[:, outer] & ~found[:, inner]
    out[rows] = found
    return out

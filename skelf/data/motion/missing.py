"""Joints that were not seen: named rules for what stands in their place."""

from __future__ import annotations

from typing import Literal

import numpy as np

Missing = Literal["keep", "hold", "linear"]
"""keep: zeros. hold: the place last seen, before that the next one. linear: on the line between
the neighbours in time; before the first and after the last sight as in hold."""


def absent(joints: np.ndarray) -> np.ndarray:
    """Which joints of `(..., C)` have a coordinate that is NaN."""
    unseen: np.ndarray = np.isnan(joints[..., 0])
    for axis in range(1, joints.shape[-1]):  # an axis of three is slow to go along
        unseen |= np.isnan(joints[..., axis])
    return unseen


def fill(coordinates: np.ndarray, seen: np.ndarray, rule: Missing) -> np.ndarray:
    """One track's joints with a place for those that were not seen.

    A joint that is never seen stays zero. Joints that were seen keep their bits.

    Args:
        coordinates: `(T, V, C)`.
        seen: `(T, V)` bool.
        rule: see `Missing`.

    Returns:
        `(T, V, C)`, float as given.
    """
    visible = coordinates.copy()
    visible[~seen] = 0
    frames = len(seen)
    if rule == "keep" or not frames or seen.all():
        return visible
    gaps = np.flatnonzero(~seen.all(axis=0) & seen.any(axis=0))  # joints that are seen at times
    seen = seen[:, gaps]
    time = np.arange(frames)[:, None]
    before = np.maximum.accumulate(np.where(seen, time, -1), axis=0)
    after = np.minimum.accumulate(np.where(seen, time, frames)[::-1], axis=0)[::-1]
    now, at = np.nonzero(~seen)
    joint = gaps[at]
    # At the ends the one neighbour stands for both.
    before, after = before[now, at], after[now, at]
    first = np.where(before >= 0, before, after)
    second = np.where(after < frames, after, first)
    filled = visible[first, joint]
    if rule == "linear":
        share = (now - first) / np.maximum(second - first, 1)
        filled = filled + (visible[second, joint] - filled) * share[:, None]
    visible[now, joint] = filled
    return visible


def fill_clip(joints: np.ndarray, seen: np.ndarray, rule: Missing) -> np.ndarray:
    """A clip's joints with a place for those that were not seen, person by person.

    The rule works from a person's first frame to the last; outside nobody is made up.

    Args:
        joints: `(T, M, V, C)`, coordinates alone.
        seen: `(T, M, V)` bool.
        rule: see `Missing`.

    Returns:
        `(T, M, V, C)`, zeros where nothing stands.
    """
    filled = np.zeros_like(joints)
    for person in range(joints.shape[1]):
        present = np.flatnonzero(seen[:, person].any(axis=1))
        if len(present):
            span = slice(present[0], present[-1] + 1)
            filled[span, person] = fill(joints[span, person], seen[span, person], rule)
    return filled


def fill_nan(
    joints: np.ndarray, rule: Missing, ids: np.ndarray | None = None, axes: int | None = None
) -> np.ndarray:
    """Clips of a source that writes NaN where nothing was seen, with a place for these joints.

    All else keeps its bits: zeros of an absent person, and joints at zero.

    Args:
        joints: `(T, M, V, C)`.
        rule: see `Missing`; neighbours in time are those frames in which the body is there.
        ids: `(T, M)` track of each body, -1 nobody; None: each place is one body.
        axes: coordinates of a joint, where a confidence follows them; it becomes 0.

    Returns:
        `(T, M, V, C)` without NaN.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isnan(joints.sum()):  # one pass, and no mask
            return joints
    unseen = np.isnan(joints).any(axis=3)
    if not unseen.any():
        return joints
    filled = np.where(unseen[..., None], 0, joints)
    seen = ~unseen & filled[..., :axes].any(axis=3)
    if ids is None:
        ids = np.where((seen | unseen).any(axis=2), np.arange(joints.shape[1]), -1)
    for track in np.unique(ids[unseen.any(axis=2) & (ids >= 0)]) if rule != "keep" else ():
        frames, places = np.nonzero(ids == track)
        frames, first = np.unique(frames, return_index=True)
        places = places[first]
        alive = np.flatnonzero(seen[frames, places].any(axis=1))
        if not len(alive):
            continue
        frames, places = (at[alive[0] : alive[-1] + 1] for at in (frames, places))
        body = filled[frames, places]
        sure = seen[frames, places]
        target = unseen[frames, places]
        body[..., :axes][target] = fill(body[..., :axes], sure, rule)[target]
        filled[frames, places] = body
    return filled

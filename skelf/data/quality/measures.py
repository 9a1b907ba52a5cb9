"""Numbers that tell a sound clip from a doubtful one: `measure` reads one clip and judges nothing.

Speeds and deviations are in body heights, so that they mean the same in metres, millimetres and
pixels; `rules.py` has the thresholds.
"""

from __future__ import annotations

import numpy as np

from ...skeleton import Skeleton
from ..joints.landmarks import Body
from ..motion.starts import AHEAD, LONGEST, still_start

LEAST_STEPS = 10
"""Steps that a joint must be followed for before it counts as frozen: in fewer, quantised
coordinates stand still by chance."""
ALONE = 3.0
"""A body's step counts as a leap when it is so many times as long as the one before and after: a
person who was mixed up stays where the other one is, whoever runs or jumps speeds up."""
NOBODY = {"height": np.nan, "size": np.nan, "up": np.nan, "front": np.nan, "bones": np.nan}


def row_type(skeleton: Skeleton) -> np.dtype:
    """The columns of a row of measures, for clips of a layout."""
    return np.dtype(
        [
            ("present", "f4"),  # share of frames with anybody
            ("second", "i4"),  # frames in which person 0 is absent and another is there
            ("missing", "f4"),  # share of joints, of those present, that are missing
            ("doubt", "i4"),  # missing joints whose confidence is above 0
            ("repeated", "f4"),  # share of steps in which nothing moves at all
            ("moves", "?"),  # whether anything ever does, in clips of LEAST_STEPS or more
            ("frozen", "i4"),  # joints that never move while others of that person do
            ("frozen_joint", "i4"),  # the first of them
            ("start", "i4"),  # first frames that are no motion
            ("height", "f4"),  # head to foot along the bones, in the source's unit
            ("size", "f4"),  # what speeds are measured in: the height, or the box's diagonal
            ("up", "f4", (3,)),  # unit vector from the feet to the head
            ("front", "f4"),  # cosine between where toes point and where the shoulders say
            ("bones", "f4", (max(1, len(skeleton.edges)),)),  # median length of each bone
            ("bone", "f4"),  # largest deviation of a bone from its median, in heights
            ("bone_frame", "i4"),
            ("bone_joint", "i4"),
            ("jump", "f4"),  # fastest joint, in heights a second, beyond the rest of the body
            ("jump_frame", "i4"),
            ("jump_joint", "i4"),
            ("leap", "f4"),  # fastest lone step of a body (median of its joints), heights a second
            ("leap_frame", "i4"),
        ]
    )


def measure(row: np.void, clip: np.ndarray, body: Body, coordinates: int, fps: float) -> None:
    """Fills a row of `row_type` from one clip.

    Args:
        row: starts as zeros.
        clip: `(T, M, V, C)`.
        body: of the layout.
        coordinates: channels that are coordinates, the first ones.
        fps: frames a second.
    """
    x = clip[..., :coordinates]
    seen = (x != 0).any(axis=3)  # (T, M, V)
    present = seen.any(axis=2)  # (T, M)
    anybody = present.any(axis=1)
    row["present"] = anybody.mean()
    row["second"] = (anybody & ~present[:, 0]).sum()
    if coordinates < clip.shape[3]:
        row["doubt"] = ((clip[..., coordinates] > 0) & ~seen).sum()
    row["moves"] = True
    persons = np.flatnonzero(present.any(axis=0))
    if not len(persons):
        for key, value in NOBODY.items():
            row[key] = value
        return
    if len(persons) < x.shape[1]:
        x, seen, present = x[:, persons], seen[:, persons], present[:, persons]
    row["missing"] = 1 - seen.sum() / (present.sum() * seen.shape[2])
    row["start"] = _start(x, seen, fps)
    size = _figure(row, x, seen, present, body)
    if len(x) > 1:
        _motion(row, x, seen, size, fps)


def _start(x: np.ndarray, seen: np.ndarray, fps: float) -> int:
    """Frames before the motion begins, of the persons who are there from the first on."""
    looked_at = int((LONGEST + AHEAD) * fps) + 8
    window = np.where(seen[:looked_at, ..., None], x[:looked_at], np.nan)
    first = np.flatnonzero(seen[0].any(axis=1))
    return max((still_start(window[:, person], fps) for person in first), default=0)


def _figure(
    row: np.void, x: np.ndarray, seen: np.ndarray, present: np.ndarray, body: Body
) -> np.ndarray:
    """Size, posture and bones; returns the size of each person `(M,)`, NaN where unknown."""
    inner, outer = x[:, :, body.parent], x[:, :, body.child]
    measurable = seen[:, :, body.parent] & seen[:, :, body.child]  # (T, M, B)
    length = np.linalg.norm(outer - inner, axis=3)
    median = _median(length, measurable)  # (M, B)
    row["bones"] = np.nan
    if median.size:
        row["bones"] = _median(median, np.isfinite(median))
    spatial = x.shape[3] == 3
    size = np.full(x.shape[1], np.nan)
    if spatial and body.marked:
        size = _straight(x, seen, body)
    elif spatial and body.height:  # flat bones change with every turn
        size = np.mean([median[:, list(path)].sum(axis=1) for path in body.height], axis=0)
    row["height"] = _middle(size)
    if not (size > 0).all():
        box = np.where(seen[..., None], x, np.nan)[present]  # (present, V, D), no row all NaN
        extent = np.linalg.norm(np.nanmax(box, axis=1) - np.nanmin(box, axis=1), axis=1)
        size = np.where(size > 0, size, np.median(extent) or np.nan)
    row["size"] = _middle(size)
    if spatial and median.size:
        away = np.where(measurable, np.abs(length - median), 0) / size[:, None]
        # A bone must change by much of itself as well, else a long one may count for a bend.
        away = np.where(np.abs(length - median) > 0.5 * median, np.nan_to_num(away), 0)
        row["bone"] = away.max()
        row["bone_frame"] = int(away.max(axis=(1, 2)).argmax())
        row["bone_joint"] = body.child[int(away.max(axis=(0, 1)).argmax())]
    _posture(row, x, seen, body)
    return size


def _straight(x: np.ndarray, seen: np.ndarray, body: Body) -> np.ndarray:
    """The median distance of head and feet of each person `(M,)`; NaN where unknown."""
    if body.head < 0 or not body.feet:
        return np.full(x.shape[1], np.nan)
    feet = list(body.feet)
    there = seen[:, :, feet].all(axis=2) & seen[:, :, body.head]  # (T, M)
    away = np.linalg.norm(x[:, :, feet] - x[:, :, body.head, None], axis=3).mean(axis=2)
    return _median(away, there)


def _posture(row: np.void, x: np.ndarray, seen: np.ndarray, body: Body) -> None:
    """Which way is up, and whether toes and shoulders agree on the front."""
    row["up"], row["front"] = np.nan, np.nan
    if body.head < 0 or not body.feet:
        return
    stands = seen[:, :, [body.head, *body.feet]].all(axis=2)  # (T, M)
    if not stands.any():
        return
    feet = x[:, :, list(body.feet)].mean(axis=2)
    up = (x[:, :, body.head] - feet)[stands].mean(axis=0, dtype=np.float64)
    up /= np.linalg.norm(up) or 1.0
    row["up"][: len(up)], row["up"][len(up) :] = up, 0
    if x.shape[3] < 3 or not body.toes or not body.shoulders:
        return
    heels, toes = (list(side) for side in zip(*body.toes, strict=True))
    there = seen[:, :, [*body.shoulders, *heels, *toes]].all(axis=2)
    left, right = (x[:, :, joint][there] for joint in body.shoulders)
    # With left at +x and up at +y, who stands so faces +z: the rule of right-handed axes.
    front = np.cross(left - right, up)
    step = (x[:, :, toes] - x[:, :, heels]).mean(axis=2)[there]
    step = step - (step @ up)[:, None] * up
    scale = (np.linalg.norm(front, axis=1) * np.linalg.norm(step, axis=1)).sum()
    if scale > 0:
        row["front"] = (front * step).sum() / scale


def _motion(row: np.void, x: np.ndarray, seen: np.ndarray, size: np.ndarray, fps: float) -> None:
    both = seen[1:] & seen[:-1]  # (T-1, M, V)
    step = np.where(both, np.linalg.norm(x[1:] - x[:-1], axis=3), 0)
    still = (step.max(axis=(1, 2)) == 0) & both.any(axis=(1, 2))
    still &= (seen[1:] == seen[:-1]).all(axis=(1, 2))
    row["repeated"] = still.mean()
    moved: np.ndarray = np.any(step > 0, axis=0)  # (M, V)
    row["moves"] = moved.any() or len(step) < LEAST_STEPS
    frozen = ~moved & (both.sum(axis=0) >= LEAST_STEPS) & moved.any(axis=1, keepdims=True)
    row["frozen"] = frozen.sum()
    row["frozen_joint"] = int(frozen.any(axis=0).argmax())
    whole = np.nan_to_num(_median(step.transpose(2, 0, 1), both.transpose(2, 0, 1)))  # (T-1, M)
    speed = fps / size
    around = np.pad(whole, ((1, 1), (0, 0)))
    alone = whole > ALONE * np.maximum(around[:-2], around[2:])
    leaps = np.where(alone, np.nan_to_num(whole * speed), 0)
    row["leap"] = leaps.max()
    row["leap_frame"] = int(leaps.max(axis=1).argmax()) + 1
    beyond = np.nan_to_num((step - whole[..., None]) * speed[:, None])
    row["jump"] = beyond.max()
    frame, _, joint = np.unravel_index(int(beyond.argmax()), beyond.shape)
    row["jump_frame"], row["jump_joint"] = frame + 1, joint


def _median(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The (lower) median over the first axis of the valid values; NaN where there are none."""
    ordered = np.sort(np.where(valid, values, np.nan), axis=0)  # NaN goes last
    middle = np.maximum(valid.sum(axis=0) - 1, 0) // 2
    taken: np.ndarray = np.take_along_axis(ordered, middle[None], axis=0)[0]
    return taken


def _middle(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else np.nan

"""What a body tells of its own unit and axis, where a format says neither, and where both clash.

Legs are what a rig always has in the length of a person's: a thigh and a shank together are 0.4 m
for a child of three and 1.1 m for the tallest. BVH is read in centimetres by custom, but there are
files in inches (Vicon, MotionBuilder), in metres, and in the unit of CMU's recordings, of which
0.45 are an inch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...joints.aliases import meanings
from .axes import Up, upright
from .markers import SAMPLES, spread, standing
from .recorded import Motion

_UNITS = (
    # (length of the legs in it from, below, metres in one, its word)
    (0.42, 1.5, 1.0, "metres"),
    (9.0, 18.0, 0.0254 / 0.45, "CMU's unit (an inch is 0.45)"),
    (18.0, 42.0, 0.0254, "inches"),
    (42.0, 150.0, 0.01, "centimetres"),
    (420.0, 1500.0, 0.001, "millimetres"),
)
_SMALL, _TALL = 0.06, 3.0  # metres between the joints of a hand, of a person who reaches up
_FLOOR = 0.1  # of the body: how far from the floor the lowest joint is where it stands on it


def legs(names: Sequence[str], joints: np.ndarray) -> float:
    """Length of thigh and shank together, the mean of the sides; 0 where names do not tell them.

    Args:
        names: of the joints.
        joints: `(T, V, 3)`, NaN where one was not seen.

    Examples:
        >>> chain = np.array([[[0, 90.0, 0], [0, 50, 0], [0, 8, 0]]])
        >>> legs(["LeftUpLeg", "LeftLeg", "LeftFoot"], chain)
        82.0
    """
    where: dict[tuple[str, str], tuple[int, int]] = {}
    for joint, meaning in enumerate(meanings(names)):
        best = where.get(meaning[:2])
        if best is None or meaning.rank < best[0]:
            where[meaning[:2]] = (meaning.rank, joint)
    some = joints[np.linspace(0, len(joints) - 1, min(len(joints), SAMPLES)).astype(np.int64)]
    found = []
    for side in ("left", "right"):
        ends = [where.get((side, part)) for part in ("hip", "knee", "ankle")]
        if None in ends:
            continue
        hip, knee, ankle = (some[:, end[1]] for end in ends if end is not None)
        both = np.linalg.norm(hip - knee, axis=1) + np.linalg.norm(knee - ankle, axis=1)
        both = both[np.isfinite(both)]
        if len(both):
            found.append(float(np.median(both)))
    return float(np.mean(found)) if found else 0.0


def unit(names: Sequence[str], joints: np.ndarray, custom: float) -> tuple[float, list[str]]:
    """Metres in one unit: the custom where legs have a length in it, else what fits them.

    Args:
        names: of the joints.
        joints: `(T, V, 3)`.
        custom: metres in one unit by custom, one of those above.

    Returns:
        It, and a note where it is not the custom or where the legs fit none.
    """
    length = legs(names, joints)
    word = next(word for _, _, metres, word in _UNITS if metres == custom)
    for low, high, metres, name in _UNITS:
        if low <= length < high:
            if metres == custom:
                return custom, []
            return metres, [
                f"its legs are {length:.3g} long: {name} taken ({length * metres:.2g} m), as in "
                f"{word} they would be {length * custom:.2g} m; else give scale={custom:g}"
            ]
    if not length:
        return _without_legs(joints, custom)
    return custom, [
        f"its legs are {length:.3g} long, in no usual unit of a person: {word} taken "
        f"({length * custom:.2g} m); else give scale=METRES"
    ]


def _without_legs(joints: np.ndarray, custom: float) -> tuple[float, list[str]]:
    """The custom, unless that makes an insect of what is as large as a person in metres."""
    size = spread(joints, 3)
    if size * custom >= _SMALL or not _SMALL < size < _TALL:
        return custom, []
    return 1.0, [f"its joints are {size:.3g} apart: metres taken; else give scale={custom:g}"]


def up(
    names: Sequence[str], joints: np.ndarray, custom: Up = "y", rest: np.ndarray | None = None
) -> tuple[Up, list[str]]:
    """The upward axis where a file does not say it: the custom, unless bodies tell another one.

    A body that stands along another axis was written in other axes if its rest pose stands along
    that one as well, or if it stands on the plane that would be the floor; else it lies.

    Args:
        names: of the joints or markers.
        joints: `(T, V, 3)`, NaN where one was not seen.
        custom: the format's axis.
        rest: `(V, 3)` places of the joints with all rotations zero, where the format has them.

    Returns:
        It, and a note where bodies do not stand along the custom axis.

    Examples:
        >>> up(["Head", "RHeel"], np.array([[[0.3, 0.1, 1.7], [0.3, 0.0, 0.0]]]))[0]
        'z'
    """
    seen = standing(names, joints, named=True)
    if seen is None or seen == custom:
        return custom, []
    resting = rest is not None and standing(names, rest[None], named=True) == seen
    if resting or _on_floor(joints, seen):
        return seen, [f"{seen} is up, as the bodies stand; else give up={custom}, as is usual"]
    return custom, [f"{custom} taken as up, so the bodies lie; if {seen} is up, give up={seen}"]


def _on_floor(joints: np.ndarray, axis: Up) -> bool:
    """Whether the lowest joints are near zero of the axis, which is where programs have a floor."""
    some = joints[np.linspace(0, len(joints) - 1, min(len(joints), SAMPLES)).astype(np.int64)]
    height = upright(some, axis)[..., 1]
    height = height[~np.isnan(height).all(axis=1)]
    if not len(height):
        return False
    lowest, highest = np.nanmin(height, axis=1), np.nanmax(height, axis=1)
    return bool(np.median(np.abs(lowest)) < _FLOOR * np.median(highest - lowest))


def stood(loaded: Motion | tuple[Motion, ...], given: Up | None) -> Motion | tuple[Motion, ...]:
    """One file's persons with the upward axis that they tell, and a note where it is another one.

    Args:
        loaded: with the format's axis by custom.
        given: the axis that the user says; then nothing is changed.
    """
    motions = loaded if isinstance(loaded, tuple) else (loaded,)
    for motion in motions if given is None else ():
        axis, notes = up(motion.names, motion.joints, motion.up)
        if notes:  # persons of one recording have one axis
            turned = [replace(each, up=axis, notes=(*each.notes, *notes)) for each in motions]
            return tuple(turned) if isinstance(loaded, tuple) else turned[0]
    return loaded

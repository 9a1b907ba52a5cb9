"""What joints in SMPL's order say of themselves: whether it is that order, their unit, their axes.

Files of joints say none of it. Left and right of a body are as long as each other, which nearly
every other order of joints breaks; legs are about as long for everybody; heads are above feet.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import InputError
from .axes import UPS, Up, nearest_axis

SAMPLES = 200  # frames that are looked at
ALIKE = 1.25
"""Factor between a bone and its counterpart; estimates waver by a tenth."""
CLEAR = 0.8
"""Length of the mean way from the feet to the head along an axis: bent by 37 degrees."""
LEG = (0.5, 1.3)
"""Metres from hip to ankle: a child of three, and the tallest."""
UNITS = {"metres": 1.0, "centimetres": 0.01, "millimetres": 0.001}
SIDES = (((1, 4), (2, 5)), ((4, 7), (5, 8)), ((16, 18), (17, 19)), ((18, 20), (19, 21)))
"""Thigh, shank, upper arm, forearm: left and right."""
_COCO = ((11, 13), (13, 15)), ((12, 14), (14, 16))
_HEAD, _FEET = {17: 0}, {17: (15, 16)}  # of COCO; else SMPL's


def refuse_order(file: Path, joints: np.ndarray) -> None:
    """Raises InputError where joints `(T, V, 3)` cannot stand in SMPL's order."""
    some = _some(joints)
    left, right = (np.array([_bone(some, *side[at]) for side in SIDES]) for at in (0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        sides = np.abs(np.log(left / right)) <= np.log(ALIKE)
        both = (left + right) / 2
        limbs = np.abs(np.log(both[[0, 2]] / both[[1, 3]])) <= np.log(2)
    hips = max(_bone(some, 0, 1), _bone(some, 0, 2))
    if not sides.all() or not limbs.all() or not hips < both[0] / 2 + 1e-12:
        raise InputError(
            f"{file}: {joints.shape[1]} joints that are not in SMPL's order (left and right bones "
            "differ); name the layout of this data with the format arrays (--layout)"
        )


def unit(file: Path, joints: np.ndarray, scale: float | None) -> tuple[float, list[str]]:
    """Metres in one unit of joints, by the length of the legs, and a note.

    Raises:
        InputError: a length that no unit makes a leg's.
    """
    if scale is not None:
        return scale, []
    some = _some(joints)
    legs = _COCO if joints.shape[1] == 17 else (SIDES[0][:1] + SIDES[1][:1],) * 2
    length = float(np.nanmean([sum(_bone(some, *bone) for bone in leg) for leg in legs]))
    for name, metres in UNITS.items():
        if LEG[0] <= length * metres <= LEG[1]:
            return metres, [f"{name}, by the length of the legs"]
    raise InputError(f"{file}: legs of {length:.4g} units, in no usual unit; give scale=METRES")


def up(file: Path, joints: np.ndarray, custom: Up | None, whose: str) -> tuple[Up, list[str]]:
    """The axis up of joints: by custom, where the bodies do not contradict it, else by them.

    Args:
        file: for the message.
        joints: `(T, V, 3)`.
        custom: the format's axis; None: it has none.
        whose: custom that is.

    Raises:
        InputError: bodies that stand along another axis, or lie where there is no custom.
    """
    some = _some(joints)
    feet = some[:, list(_FEET.get(some.shape[1], (7, 8)))].mean(axis=1)
    ways = some[:, _HEAD.get(some.shape[1], 15)] - feet
    ways = ways[np.isfinite(ways).all(axis=1)]
    way = ways.mean(axis=0) / max(float(np.linalg.norm(ways, axis=1).mean()), 1e-12) if len(
        ways
    ) else np.zeros(3)  # fmt: skip
    axis, clear = nearest_axis(way), np.abs(way).max() >= CLEAR
    stand = next((name for name in UPS if name == axis), None)
    if custom is not None and (not clear or axis == custom):
        return custom, [f"{custom} up, as {whose} has it"]
    if custom is not None:
        raise InputError(
            f"{file}: {whose} has {custom} up, but the body stands along {axis}: was it turned, or "
            f"does it lie? give up={stand or 'AXIS'} or up={custom}"
        )
    if clear and stand is not None:
        return stand, [f"{stand} up, by how the body stands"]
    raise InputError(f"{file}: it does not say which axis is up, and nobody stands; give up=AXIS")


def _some(joints: np.ndarray) -> np.ndarray:
    return joints[np.linspace(0, len(joints) - 1, min(len(joints), SAMPLES)).astype(np.int64)]


def _bone(joints: np.ndarray, one: int, other: int) -> float:
    """The median length of a bone; NaN where it is never seen."""
    length = np.linalg.norm(joints[:, one] - joints[:, other], axis=1)
    length = length[np.isfinite(length)]
    return float(np.median(length)) if len(length) else float("nan")

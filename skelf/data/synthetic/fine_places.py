"""Where the points of faces, fingers and marker sets lie on the synthetic figure.

Metres on the right side, as in `figure.py`, with the segment that each belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import cos, pi, sin

from ...joints.aliases import are_bones, are_markers, meanings
from ...joints.words import plain

Place = tuple[str, tuple[float, float, float]]
"""A segment ("" for the trunk), and x, y, z."""

# Joint of a rig by what it means -> its place in `figure.py`, where the name says another one: a
# rig's "LeftHand" is the wrist.
RIG = {
    "clavicle": "collar", "shoulder": "shoulder", "elbow": "elbow", "wrist": "wrist",
    "hand": "hand", "hip": "hip", "knee": "knee", "ankle": "ankle", "foot": "foot", "toe": "toe",
}  # fmt: skip
_SPINE = ("hips", "spine", "lower_back", "spine1", "spine_mid", "spine3", "chest", "neck", "head")
_HIPS, _HEAD = (0.95, 1.64)

_MARKERS: dict[str, Place] = {
    "fhd": ("", (0.07, 1.68, -0.08)), "bhd": ("", (0.07, 1.66, 0.08)),
    "headtop": ("", (0.0, 1.75, 0.0)), "headfront": ("", (0.0, 1.68, -0.11)),
    "headside": ("", (0.09, 1.66, 0.0)),
    "c7": ("", (0.0, 1.46, 0.06)), "backtop": ("", (0.0, 1.46, 0.06)),
    "t10": ("", (0.0, 1.25, 0.09)), "rbak": ("", (0.08, 1.32, 0.09)),
    "back": ("", (0.08, 1.24, 0.09)),
    "clav": ("", (0.0, 1.40, -0.06)), "strn": ("", (0.0, 1.22, -0.10)),
    "chest": ("", (0.0, 1.36, -0.08)),
    "sho": ("", (0.18, 1.44, 0.0)), "shouldertop": ("", (0.18, 1.44, 0.0)),
    "shoulderback": ("", (0.14, 1.42, 0.07)),
    "upa": ("arm", (0.23, 1.27, -0.01)), "uarmhigh": ("arm", (0.24, 1.30, 0.02)),
    "elb": ("arm", (0.26, 1.13, 0.03)), "elbowout": ("arm", (0.26, 1.13, 0.03)),
    "frm": ("fore", (0.26, 1.00, 0.0)),
    "wra": ("fore", (0.22, 0.88, -0.06)), "wristin": ("fore", (0.22, 0.88, -0.06)),
    "wrb": ("fore", (0.26, 0.87, 0.02)), "wristout": ("fore", (0.26, 0.87, 0.02)),
    "fin": ("fore", (0.26, 0.79, -0.04)), "handout": ("fore", (0.26, 0.79, -0.04)),
    "asi": ("", (0.12, 1.00, -0.08)), "waistfront": ("", (0.12, 1.00, -0.08)),
    "psi": ("", (0.05, 1.01, 0.09)), "waistback": ("", (0.05, 1.01, 0.09)),
    "thi": ("thigh", (0.17, 0.72, 0.0)), "thigh": ("thigh", (0.17, 0.72, 0.0)),
    "kne": ("thigh", (0.16, 0.50, 0.0)), "kneeout": ("thigh", (0.16, 0.50, 0.0)),
    "tib": ("shank", (0.16, 0.30, 0.0)), "shin": ("shank", (0.16, 0.30, 0.0)),
    "ank": ("shank", (0.15, 0.09, 0.03)), "ankleout": ("shank", (0.15, 0.09, 0.03)),
    "hee": ("shank", (0.11, 0.03, 0.08)), "heel": ("shank", (0.11, 0.03, 0.08)),
    "toe": ("shank", (0.12, 0.03, -0.13)), "toetip": ("shank", (0.12, 0.03, -0.18)),
    "toeout": ("shank", (0.16, 0.03, -0.10)), "toein": ("shank", (0.08, 0.03, -0.13)),
}  # fmt: skip

_PALM = (0.243, 0.845, -0.022)
# Points of an eye from its outer corner over the upper lid, x and y.
_EYE = (
    *((0.050, 0.0), (0.041, 0.007), (0.029, 0.007), (0.018, 0.0)),
    *((0.029, -0.006), (0.041, -0.006)),
)


def fine_places(names: Sequence[str], sided: Sequence[bool]) -> dict[int, Place]:
    """Joint -> its place on the right side; of those alone that names alone do not place.

    Args:
        names: of the joints.
        sided: whether a joint has a counterpart.
    """
    found: dict[int, Place] = {}
    marks = are_markers(names)
    for joint, name in enumerate(names):
        word = plain(name)
        point = re.fullmatch(r"face(\d{1,2})", word)
        if point and int(point[1]) < 68:
            found[joint] = "", face(int(point[1]))
        elif sided[joint] and (place := _PALM if word.endswith("handroot") else finger(word)):
            found[joint] = "fore", place
        elif marks:
            bare = re.sub(r"^[lr]|left|right|(?<=waist)[lr]", "", word) if sided[joint] else word
            if bare in _MARKERS:
                found[joint] = _MARKERS[bare]
    return found


def rig_places(names: Sequence[str], sided: Sequence[bool]) -> dict[int, str]:
    """Joint of a rig's limbs -> its place in `figure.py`; empty where names are those of joints."""
    if not are_bones(names):
        return {}
    parts = [m.part for m in meanings(names)]
    return {j: RIG[part] for j, part in enumerate(parts) if sided[j] and part in RIG}


def spine_places(names: Sequence[str], sided: Sequence[bool]) -> dict[int, Place]:
    """The joints of a rig's or a body model's spine, evenly from the hips to the head.

    A chest between hips and neck alone (OpenPose's MPI) is the middle of the trunk.
    """
    parts = [m.part for m in meanings(names)]
    middle = [j for j, part in enumerate(parts) if not sided[j] and part in _SPINE]
    have = {parts[joint] for joint in middle}
    if have == {"chest", "neck", "head"}:
        return {parts.index("chest"): ("", (0.0, 1.17, 0.0))}
    if not are_bones(names) and not {"spine1", "spine3"} <= have:
        return {}
    step = (_HEAD - _HIPS) / max(1, len(middle) - 1)
    return {joint: ("", (0.0, _HIPS + step * k, 0.0)) for k, joint in enumerate(middle)}


def finger(word: str) -> tuple[float, float, float] | None:
    """The place of a numbered joint of a finger, counted from the palm, as "left_thumb2"."""
    match = re.search(r"(thumb|index|fore|middle|ring|pinky|little)(?:finger)?(\d)$", word)
    if not match:
        return None
    k = min(int(match[2]), 4) - 1
    if match[1] == "thumb":
        return 0.235 - 0.006 * k, 0.83 - 0.022 * k, -0.06 - 0.014 * k
    row = {"index": 0, "fore": 0, "middle": 1, "ring": 2, "pinky": 3, "little": 3}[match[1]]
    length = (0.027, 0.030, 0.028, 0.022)[row]
    return 0.25, 0.785 - length * k + 0.004 * (row == 3), -0.06 + 0.02 * row


def face(k: int) -> tuple[float, float, float]:
    """The place of one of the 68 points of a face, which looks along -z; a left one mirrored."""
    x, y, z = 0.0, 0.0, 0.0
    if k < 17:  # jaw
        turn = pi * k / 16
        x, y, z = 0.072 * cos(turn), 0.01 - 0.085 * sin(turn), -0.01 - 0.07 * sin(turn)
    elif k < 27:  # brows
        at = k - 17 if k < 22 else 26 - k
        x, y, z = 0.058 - 0.011 * at, 0.052 + 0.006 * sin(pi * at / 4), -0.075 - 0.004 * at
    elif k < 31:  # bridge of the nose, down to its tip
        y, z = 0.036 - 0.012 * (k - 27), -0.088 - 0.005 * (k - 27)
    elif k < 36:  # nostrils
        x, y, z = 0.008 * (33 - k), -0.012, -0.092 + 0.003 * abs(k - 33)
    elif k < 48:  # eyes: the left one is counted from its inner corner
        (x, y), z = _EYE[k - 36 if k < 42 else (3, 2, 1, 0, 5, 4)[k - 42]], -0.075
        y += 0.033
    elif k < 60:  # outer lips
        turn = pi * (k - 48) / 6
        x, y, z = 0.026 * cos(turn), -0.04 + 0.011 * sin(turn), -0.08 - 0.008 * abs(sin(turn))
    else:
        turn = pi * (k - 60) / 4
        x, y, z = 0.019 * cos(turn), -0.04 + 0.004 * sin(turn), -0.08 - 0.006 * abs(sin(turn))
    return round(abs(x), 6), 1.60 + y, z

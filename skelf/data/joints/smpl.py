"""Joints of the body models SMPL, SMPL-H and SMPL-X: one body, to which hands and a face are added.

Source: the papers of the models (Loper et al. 2015, Romero et al. 2017, Pavlakos et al. 2019).
"""

from __future__ import annotations

from typing import NamedTuple

_BODY = """
    pelvis left_hip<pelvis right_hip<pelvis spine1<pelvis left_knee<left_hip right_knee<right_hip
    spine2<spine1 left_ankle<left_knee right_ankle<right_knee spine3<spine2
    left_foot<left_ankle right_foot<right_ankle neck<spine3 left_collar<spine3 right_collar<spine3
    head<neck left_shoulder<left_collar right_shoulder<right_collar left_elbow<left_shoulder
    right_elbow<right_shoulder left_wrist<left_elbow right_wrist<right_elbow
"""
_FACE = "jaw<head left_eye_smplhf<head right_eye_smplhf<head"
_HANDS = " ".join(
    f"{side}_{finger}1<{side}_wrist {side}_{finger}2<{side}_{finger}1 "
    f"{side}_{finger}3<{side}_{finger}2"
    for side in ("left", "right")
    for finger in ("index", "middle", "pinky", "ring", "thumb")
)


class Family(NamedTuple):
    """One body model's joints.

    Args:
        name: of the model; "" where any model has these joints.
        names: of the joints, in the model's order.
        parents: of each, -1 for the pelvis.
        site: where the model comes from.
    """

    name: str
    names: tuple[str, ...]
    parents: tuple[int, ...]
    site: str = ""


def _family(name: str, words: str, site: str = "") -> Family:
    pairs = [word.partition("<")[::2] for word in words.split()]
    names = tuple(joint for joint, _ in pairs)
    return Family(name, names, tuple(names.index(up) if up else -1 for _, up in pairs), site)


FAMILIES = {
    22: _family("", _BODY),
    24: _family(
        "SMPL", f"{_BODY} left_hand<left_wrist right_hand<right_wrist", "smpl.is.tue.mpg.de"
    ),
    52: _family("SMPL-H", f"{_BODY} {_HANDS}", "mano.is.tue.mpg.de"),
    55: _family("SMPL-X", f"{_BODY} {_FACE} {_HANDS}", "smpl-x.is.tue.mpg.de"),
}
"""By the number of joints; 22 are the body, with which all of them begin."""
FIRST = {45: 24, 73: 52, 127: 55, 144: 55}
"""Joints that the models' own code gives, and how many of them come first and are the model's; the
rest are points of the skin."""

"""Joints of the body models SMPL, SMPL-H and SMPL-X, and of HumanML3D, which keeps SMPL's first.

Source: the list of joint names that comes with SMPL-X's code; the tree is the models' own.
"""

from __future__ import annotations

from dataclasses import replace

from ._tree import LEFT_RIGHT, tree

_BODY = """
    pelvis left_hip<pelvis right_hip<pelvis spine1<pelvis left_knee<left_hip right_knee<right_hip
    spine2<spine1 left_ankle<left_knee right_ankle<right_knee spine3<spine2
    left_foot<left_ankle right_foot<right_ankle neck<spine3
    left_collar<spine3 right_collar<spine3 head<neck
    left_shoulder<left_collar right_shoulder<right_collar
    left_elbow<left_shoulder right_elbow<right_shoulder
    left_wrist<left_elbow right_wrist<right_elbow
"""
_FACE = "jaw<head left_eye_smplhf<head right_eye_smplhf<head"
_LIMBS = {
    "left_arm": "left_collar",
    "right_arm": "right_collar",
    "left_leg": "left_hip",
    "right_leg": "right_hip",
}
_FINGERS = ("index", "middle", "pinky", "ring", "thumb")


def _hand(side: str) -> str:
    """The three joints of each finger; the tips are no joints."""
    return " ".join(
        f"{side}_{finger}1<{side}_wrist "
        f"{side}_{finger}2<{side}_{finger}1 {side}_{finger}3<{side}_{finger}2"
        for finger in _FINGERS
    )


SMPL22 = tree("smpl22", _BODY, sides=LEFT_RIGHT, limbs=_LIMBS, centre="pelvis")
SMPL24 = tree(
    "smpl24",
    _BODY + "left_hand<left_wrist right_hand<right_wrist",
    sides=LEFT_RIGHT,
    limbs=_LIMBS,
    centre="pelvis",
)
SMPLX = tree(
    "smplx",
    f"{_BODY} {_FACE} {_hand('left')} {_hand('right')}",
    sides=LEFT_RIGHT,
    limbs=_LIMBS
    | {
        f"{side}_hand": " ".join(f"{side}_{finger}1" for finger in _FINGERS)
        for side in ("left", "right")
    },
    centre="pelvis",
)
HUMANML3D22 = replace(SMPL22, name="humanml3d22")

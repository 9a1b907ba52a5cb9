"""Keypoints of COCO and of COCO-WholeBody."""

from __future__ import annotations

from ..skeleton import Skeleton
from ._whole_body import (
    FACE,
    HAND,
    face_pairs,
    face_parents,
    hand_names,
    hand_pairs,
    hand_parents,
)

# COCO has neither neck nor hip centre: limbs hang off the nose, as in pyskl's and MMPose's graphs.
COCO17 = Skeleton(
    name="coco17",
    names=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear",
        "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
        "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    ),
    parents=(-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
    pairs=((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)),
    parts={
        "trunk": (0, 1, 2, 3, 4),
        "left_arm": (5, 7, 9),
        "right_arm": (6, 8, 10),
        "left_leg": (11, 13, 15),
        "right_leg": (12, 14, 16),
    },
    centre=0,
)  # fmt: skip

# COCO-WholeBody's order, named as MMPose names it: body, feet, face, left and right hand.
_TOES = ("big_toe", "small_toe", "heel")
_BODY = (*COCO17.names, *(f"{side}_{toe}" for side in ("left", "right") for toe in _TOES))
_FACE, _LEFT, _RIGHT = len(_BODY), len(_BODY) + FACE, len(_BODY) + FACE + HAND

WHOLEBODY133 = Skeleton(
    name="wholebody133",
    names=(
        *_BODY,
        *(f"face-{k}" for k in range(FACE)),
        *hand_names("left_"),
        *hand_names("right_"),
    ),
    parents=(
        *COCO17.parents,
        *(15, 17, 15, 16, 20, 16),
        *face_parents(0, _FACE),
        *hand_parents(9, _LEFT),
        *hand_parents(10, _RIGHT),
    ),
    pairs=(
        *COCO17.pairs,
        *((17, 20), (18, 21), (19, 22)),
        *face_pairs(_FACE),
        *hand_pairs(_LEFT, _RIGHT),
    ),
    parts={
        **COCO17.parts,
        "left_leg": (*COCO17.parts["left_leg"], 17, 18, 19),
        "right_leg": (*COCO17.parts["right_leg"], 20, 21, 22),
        "face": tuple(range(_FACE, _LEFT)),
        "left_hand": tuple(range(_LEFT, _RIGHT)),
        "right_hand": tuple(range(_RIGHT, _RIGHT + HAND)),
    },
    centre=0,
)

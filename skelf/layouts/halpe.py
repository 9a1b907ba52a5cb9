"""Keypoints of Halpe-FullBody, with 26 joints (body and feet) and with 136."""

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

# Halpe with 26 joints, of AlphaPose's body-and-feet models.
HALPE26 = Skeleton(
    name="halpe26",
    names=(
        "Nose", "LEye", "REye", "LEar", "REar",
        "LShoulder", "RShoulder", "LElbow", "RElbow", "LWrist", "RWrist",
        "LHip", "RHip", "LKnee", "RKnee", "LAnkle", "RAnkle", "Head", "Neck", "Hip",
        "LBigToe", "RBigToe", "LSmallToe", "RSmallToe", "LHeel", "RHeel",
    ),
    parents=(
        18, 0, 0, 1, 2, 18, 18, 5, 6, 7, 8, 19, 19, 11, 12, 13, 14, 18, 19, -1,
        15, 16, 20, 21, 15, 16,
    ),
    pairs=(
        (1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16),
        (20, 21), (22, 23), (24, 25),
    ),
    parts={
        "trunk": (0, 1, 2, 3, 4, 17, 18, 19),
        "left_arm": (5, 7, 9),
        "right_arm": (6, 8, 10),
        "left_leg": (11, 13, 15, 20, 22, 24),
        "right_leg": (12, 14, 16, 21, 23, 25),
    },
    centre=19,
)  # fmt: skip

# Source: Halpe-FullBody's "Keypoints format": face and hands behind the 26. It numbers these
# alone; they are called as COCO-WholeBody's, in Halpe's spelling.
_NAMES = ("Thumb", "Forefinger", "MiddleFinger", "RingFinger", "PinkyFinger")
_FACE, _LEFT, _RIGHT = 26, 26 + FACE, 26 + FACE + HAND

HALPE136 = Skeleton(
    name="halpe136",
    names=(
        *HALPE26.names,
        *(f"Face{k}" for k in range(FACE)),
        *hand_names("L", _NAMES, "HandRoot"),
        *hand_names("R", _NAMES, "HandRoot"),
    ),
    parents=(
        *HALPE26.parents,
        *face_parents(0, _FACE),
        *hand_parents(9, _LEFT),
        *hand_parents(10, _RIGHT),
    ),
    pairs=(*HALPE26.pairs, *face_pairs(_FACE), *hand_pairs(_LEFT, _RIGHT)),
    parts={
        **HALPE26.parts,
        "face": tuple(range(_FACE, _LEFT)),
        "left_hand": tuple(range(_LEFT, _RIGHT)),
        "right_hand": tuple(range(_RIGHT, _RIGHT + HAND)),
    },
    centre=HALPE26.centre,
)

"""Joints of depth cameras: Kinect 1, Kinect 2 (NTU), Azure Kinect and OpenNI (SBU)."""

from __future__ import annotations

from ..skeleton import Skeleton
from ._tree import LEFT_RIGHT, tree

# Parents follow 2s-AGCN's bone pairs, as every method's bone stream: hand tips hang off thumbs.
NTU25 = Skeleton(
    name="ntu25",
    names=(
        "SpineBase", "SpineMid", "Neck", "Head",
        "ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft",
        "ShoulderRight", "ElbowRight", "WristRight", "HandRight",
        "HipLeft", "KneeLeft", "AnkleLeft", "FootLeft",
        "HipRight", "KneeRight", "AnkleRight", "FootRight",
        "SpineShoulder", "HandTipLeft", "ThumbLeft", "HandTipRight", "ThumbRight",
    ),
    parents=(
        1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, -1, 22, 7, 24, 11,
    ),
    pairs=(
        (4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19),
        (21, 23), (22, 24),
    ),
    parts={
        "trunk": (0, 1, 2, 3, 20),
        "left_arm": (4, 5, 6, 7, 21, 22),
        "right_arm": (8, 9, 10, 11, 23, 24),
        "left_leg": (12, 13, 14, 15),
        "right_leg": (16, 17, 18, 19),
    },
    centre=1,
)  # fmt: skip

KINECT20 = Skeleton(
    name="kinect20",
    names=(
        "HipCenter", "Spine", "ShoulderCenter", "Head",
        "ShoulderLeft", "ElbowLeft", "WristLeft", "HandLeft",
        "ShoulderRight", "ElbowRight", "WristRight", "HandRight",
        "HipLeft", "KneeLeft", "AnkleLeft", "FootLeft",
        "HipRight", "KneeRight", "AnkleRight", "FootRight",
    ),
    parents=(-1, 0, 1, 2, 2, 4, 5, 6, 2, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18),
    pairs=((4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19)),
    parts={
        "trunk": (0, 1, 2, 3),
        "left_arm": (4, 5, 6, 7),
        "right_arm": (8, 9, 10, 11),
        "left_leg": (12, 13, 14, 15),
        "right_leg": (16, 17, 18, 19),
    },
    centre=0,
)  # fmt: skip

SBU15 = Skeleton(
    name="sbu15",
    names=(
        "Head", "Neck", "Torso",
        "ShoulderLeft", "ElbowLeft", "HandLeft", "ShoulderRight", "ElbowRight", "HandRight",
        "HipLeft", "KneeLeft", "FootLeft", "HipRight", "KneeRight", "FootRight",
    ),
    parents=(1, 2, -1, 1, 3, 4, 1, 6, 7, 2, 9, 10, 2, 12, 13),
    pairs=((3, 6), (4, 7), (5, 8), (9, 12), (10, 13), (11, 14)),
    parts={
        "trunk": (0, 1, 2),
        "left_arm": (3, 4, 5),
        "right_arm": (6, 7, 8),
        "left_leg": (9, 10, 11),
        "right_leg": (12, 13, 14),
    },
    centre=2,
)  # fmt: skip

# Source: Microsoft's "Azure Kinect body tracking joints", spelt as the SDK's enumeration has them
# (the page itself writes SPINE_NAVAL).
AZURE32 = tree(
    "azure32",
    """
    PELVIS SPINE_NAVEL<PELVIS SPINE_CHEST<SPINE_NAVEL NECK<SPINE_CHEST
    CLAVICLE_LEFT<SPINE_CHEST SHOULDER_LEFT<CLAVICLE_LEFT ELBOW_LEFT<SHOULDER_LEFT
    WRIST_LEFT<ELBOW_LEFT HAND_LEFT<WRIST_LEFT HANDTIP_LEFT<HAND_LEFT THUMB_LEFT<WRIST_LEFT
    CLAVICLE_RIGHT<SPINE_CHEST SHOULDER_RIGHT<CLAVICLE_RIGHT ELBOW_RIGHT<SHOULDER_RIGHT
    WRIST_RIGHT<ELBOW_RIGHT HAND_RIGHT<WRIST_RIGHT HANDTIP_RIGHT<HAND_RIGHT THUMB_RIGHT<WRIST_RIGHT
    HIP_LEFT<PELVIS KNEE_LEFT<HIP_LEFT ANKLE_LEFT<KNEE_LEFT FOOT_LEFT<ANKLE_LEFT
    HIP_RIGHT<PELVIS KNEE_RIGHT<HIP_RIGHT ANKLE_RIGHT<KNEE_RIGHT FOOT_RIGHT<ANKLE_RIGHT
    HEAD<NECK NOSE<HEAD EYE_LEFT<HEAD EAR_LEFT<HEAD EYE_RIGHT<HEAD EAR_RIGHT<HEAD
    """,
    sides=LEFT_RIGHT,
    limbs={
        "left_arm": "CLAVICLE_LEFT",
        "right_arm": "CLAVICLE_RIGHT",
        "left_leg": "HIP_LEFT",
        "right_leg": "HIP_RIGHT",
    },
    centre="PELVIS",
)

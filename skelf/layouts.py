"""The built-in joint layouts; a user's own is a TOML file (`Skeleton.from_toml`)."""

from __future__ import annotations

from .errors import InputError, unknown
from .skeleton import Skeleton

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

H36M17 = Skeleton(
    name="h36m17",
    names=(
        "Hip", "RHip", "RKnee", "RFoot", "LHip", "LKnee", "LFoot",
        "Spine", "Thorax", "Neck", "Head",
        "LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist",
    ),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
    pairs=((4, 1), (5, 2), (6, 3), (11, 14), (12, 15), (13, 16)),
    parts={
        "trunk": (0, 7, 8, 9, 10),
        "left_arm": (11, 12, 13),
        "right_arm": (14, 15, 16),
        "left_leg": (4, 5, 6),
        "right_leg": (1, 2, 3),
    },
    centre=0,
)  # fmt: skip

OPENPOSE18 = Skeleton(
    name="openpose18",
    names=(
        "Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist",
        "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "REye", "LEye", "REar", "LEar",
    ),
    parents=(1, -1, 1, 2, 3, 1, 5, 6, 2, 8, 9, 5, 11, 12, 0, 0, 14, 15),
    pairs=((5, 2), (6, 3), (7, 4), (11, 8), (12, 9), (13, 10), (15, 14), (17, 16)),
    parts={
        "trunk": (0, 1, 14, 15, 16, 17),
        "left_arm": (5, 6, 7),
        "right_arm": (2, 3, 4),
        "left_leg": (11, 12, 13),
        "right_leg": (8, 9, 10),
    },
    centre=1,
)  # fmt: skip

# BODY_25, OpenPose's default: OPENPOSE18 with the hips' middle and the feet.
OPENPOSE25 = Skeleton(
    name="openpose25",
    names=(
        "Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist",
        "MidHip", "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle",
        "REye", "LEye", "REar", "LEar",
        "LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel",
    ),
    parents=(
        1, 8, 1, 2, 3, 1, 5, 6, -1, 8, 9, 10, 8, 12, 13, 0, 0, 15, 16, 14, 19, 14, 11, 22, 11,
    ),
    pairs=(
        (5, 2), (6, 3), (7, 4), (12, 9), (13, 10), (14, 11), (16, 15), (18, 17),
        (19, 22), (20, 23), (21, 24),
    ),
    parts={
        "trunk": (0, 1, 8, 15, 16, 17, 18),
        "left_arm": (5, 6, 7),
        "right_arm": (2, 3, 4),
        "left_leg": (12, 13, 14, 19, 20, 21),
        "right_leg": (9, 10, 11, 22, 23, 24),
    },
    centre=8,
)  # fmt: skip

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

# MediaPipe Pose (BlazePose) has neither neck nor hip centre: limbs hang off the nose, as in COCO17.
MEDIAPIPE33 = Skeleton(
    name="mediapipe33",
    names=(
        "nose", "left_eye_inner", "left_eye", "left_eye_outer",
        "right_eye_inner", "right_eye", "right_eye_outer", "left_ear", "right_ear",
        "mouth_left", "mouth_right", "left_shoulder", "right_shoulder",
        "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky",
        "left_index", "right_index", "left_thumb", "right_thumb",
        "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
        "left_heel", "right_heel", "left_foot_index", "right_foot_index",
    ),
    parents=(
        -1, 0, 0, 0, 0, 0, 0, 3, 6, 0, 0, 0, 0, 11, 12, 13, 14, 15, 16, 15, 16, 15, 16,
        11, 12, 23, 24, 25, 26, 27, 28, 29, 30,
    ),
    pairs=(
        (1, 4), (2, 5), (3, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16), (17, 18),
        (19, 20), (21, 22), (23, 24), (25, 26), (27, 28), (29, 30), (31, 32),
    ),
    parts={
        "trunk": (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
        "left_arm": (11, 13, 15, 17, 19, 21),
        "right_arm": (12, 14, 16, 18, 20, 22),
        "left_leg": (23, 25, 27, 29, 31),
        "right_leg": (24, 26, 28, 30, 32),
    },
    centre=0,
)  # fmt: skip

BUILT_IN = (NTU25, KINECT20, SBU15, COCO17, H36M17, OPENPOSE18, OPENPOSE25, HALPE26, MEDIAPIPE33)
LAYOUTS = {s.name: s for s in BUILT_IN}


def layout(name: str) -> Skeleton:
    """The layout of a built-in name (any case) or of a TOML file.

    Raises:
        InputError: neither a known name nor a readable `.toml` file.

    Examples:
        >>> layout("NTU25").joints
        25
        >>> layout("kinect20").names[layout("kinect20").root]
        'HipCenter'
    """
    if name.lower() in LAYOUTS:
        return LAYOUTS[name.lower()]
    if name.endswith(".toml"):
        return Skeleton.from_toml(name)
    raise InputError(f"{unknown('layout', name, LAYOUTS)}; or the path of a .toml file")

"""Keypoints of OpenPose's body models: COCO, BODY_25, BODY_25B and MPI."""

from __future__ import annotations

from ..skeleton import Skeleton
from ._tree import L_R, tree

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

_LIMBS = {
    "left_arm": "LShoulder",
    "right_arm": "RShoulder",
    "left_leg": "LHip",
    "right_leg": "RHip",
}

# BODY_25B, of the single-network models: COCO's order first, no hips' middle. Bones along the
# body: those that its fields link, the hips off the shoulders as they have no middle.
BODY_25B = tree(
    "body_25b",
    """
    Nose<UpperNeck LEye<Nose REye<Nose LEar<LEye REar<REye
    LShoulder<UpperNeck RShoulder<UpperNeck LElbow<LShoulder RElbow<RShoulder
    LWrist<LElbow RWrist<RElbow LHip<LShoulder RHip<RShoulder LKnee<LHip RKnee<RHip
    LAnkle<LKnee RAnkle<RKnee UpperNeck HeadTop<UpperNeck
    LBigToe<LAnkle LSmallToe<LBigToe LHeel<LAnkle RBigToe<RAnkle RSmallToe<RBigToe RHeel<RAnkle
    """,
    sides=L_R,
    limbs=_LIMBS,
    centre="UpperNeck",
)

# MPI (MPII's joints but the pelvis and with a chest): "Head" is the top of it.
MPI15 = tree(
    "mpi15",
    """
    Head<Neck Neck<Chest RShoulder<Neck RElbow<RShoulder RWrist<RElbow
    LShoulder<Neck LElbow<LShoulder LWrist<LElbow RHip<Chest RKnee<RHip RAnkle<RKnee
    LHip<Chest LKnee<LHip LAnkle<LKnee Chest
    """,
    sides=L_R,
    limbs=_LIMBS,
    centre="Chest",
)

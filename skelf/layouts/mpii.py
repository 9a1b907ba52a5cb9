"""Joints of the MPII Human Pose dataset."""

from __future__ import annotations

from ._tree import LEFT_RIGHT, tree

# Order of the annotations' ids, spelt as MMPose does. The shoulders hang off the thorax between.
MPII16 = tree(
    "mpii16",
    """
    right_ankle<right_knee right_knee<right_hip right_hip<pelvis
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee
    pelvis thorax<pelvis upper_neck<thorax head_top<upper_neck
    right_wrist<right_elbow right_elbow<right_shoulder right_shoulder<thorax
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    """,
    sides=LEFT_RIGHT,
    limbs={
        "left_arm": "left_shoulder",
        "right_arm": "right_shoulder",
        "left_leg": "left_hip",
        "right_leg": "right_hip",
    },
    centre="pelvis",
)

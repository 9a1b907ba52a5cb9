"""Segments of motion capture software: Xsens MVN and OptiTrack Motive."""

from __future__ import annotations

from ._tree import L_R, LEFT_RIGHT, tree

# A segment lies where it starts: LeftUpperArm is the shoulder. Order of MVN's segments.
XSENS23 = tree(
    "xsens23",
    """
    Pelvis L5<Pelvis L3<L5 T12<L3 T8<T12 Neck<T8 Head<Neck
    RightShoulder<T8 RightUpperArm<RightShoulder RightForeArm<RightUpperArm RightHand<RightForeArm
    LeftShoulder<T8 LeftUpperArm<LeftShoulder LeftForeArm<LeftUpperArm LeftHand<LeftForeArm
    RightUpperLeg<Pelvis RightLowerLeg<RightUpperLeg RightFoot<RightLowerLeg RightToe<RightFoot
    LeftUpperLeg<Pelvis LeftLowerLeg<LeftUpperLeg LeftFoot<LeftLowerLeg LeftToe<LeftFoot
    """,
    sides=LEFT_RIGHT,
    limbs={
        "left_arm": "LeftShoulder",
        "right_arm": "RightShoulder",
        "left_leg": "LeftUpperLeg",
        "right_leg": "RightUpperLeg",
    },
    centre="Pelvis",
)

# The bones that Motive solves, each where it starts, in the order in which it streams them.
MOTIVE21 = tree(
    "motive21",
    """
    Hip Ab<Hip Chest<Ab Neck<Chest Head<Neck
    LShoulder<Chest LUArm<LShoulder LFArm<LUArm LHand<LFArm
    RShoulder<Chest RUArm<RShoulder RFArm<RUArm RHand<RFArm
    LThigh<Hip LShin<LThigh LFoot<LShin RThigh<Hip RShin<RThigh RFoot<RShin
    LToe<LFoot RToe<RFoot
    """,
    sides=L_R,
    limbs={
        "left_arm": "LShoulder",
        "right_arm": "RShoulder",
        "left_leg": "LThigh",
        "right_leg": "RThigh",
    },
    centre="Hip",
)

"""Markers on the skin: Vicon's Plug-in Gait and the sets of OptiTrack Motive.

A marker has no parent: their trees run along the skin from the back, so bones are no body lengths.
"""

from __future__ import annotations

from ._tree import L_R, tree

# Source: Vicon's Plug-in Gait, full body. RBAK is on the right alone, to tell the sides apart.
PLUG_IN_GAIT = tree(
    "plug_in_gait",
    """
    LFHD<LBHD RFHD<RBHD LBHD<C7 RBHD<C7 C7<T10 T10 CLAV<C7 STRN<CLAV RBAK<C7
    LSHO<C7 LUPA<LSHO LELB<LUPA LFRM<LELB LWRA<LFRM LWRB<LFRM LFIN<LWRA
    RSHO<C7 RUPA<RSHO RELB<RUPA RFRM<RELB RWRA<RFRM RWRB<RFRM RFIN<RWRA
    LASI<LPSI RASI<RPSI LPSI<T10 RPSI<T10
    LTHI<LASI LKNE<LTHI LTIB<LKNE LANK<LTIB LHEE<LANK LTOE<LANK
    RTHI<RASI RKNE<RTHI RTIB<RKNE RANK<RTIB RHEE<RANK RTOE<RANK
    """,
    sides=L_R,
    limbs={"left_arm": "LSHO", "right_arm": "RSHO", "left_leg": "LTHI", "right_leg": "RTHI"},
    centre="T10",
)

# Motive's baseline set, in the order in which it streams it (37 markers; from Motive 3 on 41 with
# heels and tips of toes).
_MOTIVE = """
    WaistLFront<WaistLBack WaistRFront<WaistRBack WaistLBack<BackLeft WaistRBack<BackRight
    BackTop Chest<BackTop BackLeft<BackTop BackRight<BackTop
    HeadTop<BackTop HeadFront<HeadTop HeadSide<HeadTop
    LShoulderBack<BackTop LShoulderTop<LShoulderBack LElbowOut<LUArmHigh LUArmHigh<LShoulderTop
    LHandOut<LWristOut LWristOut<LElbowOut LWristIn<LElbowOut
    RShoulderBack<BackTop RShoulderTop<RShoulderBack RElbowOut<RUArmHigh RUArmHigh<RShoulderTop
    RHandOut<RWristOut RWristOut<RElbowOut RWristIn<RElbowOut
    LKneeOut<LThigh LThigh<WaistLFront LAnkleOut<LShin LShin<LKneeOut
    LToeOut<LAnkleOut LToeIn<LAnkleOut
    RKneeOut<RThigh RThigh<WaistRFront RAnkleOut<RShin RShin<RKneeOut
    RToeOut<RAnkleOut RToeIn<RAnkleOut
"""
_SIDES = {**L_R, "(?<=Waist)L": "R", "Left": "Right"}
_LIMBS = {
    "left_arm": "LShoulderBack",
    "right_arm": "RShoulderBack",
    "left_leg": "LThigh",
    "right_leg": "RThigh",
}
MOTIVE37 = tree("motive37", _MOTIVE, sides=_SIDES, limbs=_LIMBS, centre="BackTop")
MOTIVE41 = tree(
    "motive41",
    _MOTIVE + "LHeel<LAnkleOut RHeel<RAnkleOut LToeTip<LToeIn RToeTip<RToeIn",
    sides=_SIDES,
    limbs=_LIMBS,
    centre="BackTop",
)

"""Marker sets, rigs and body models by one table of names: maps, the check, and `facing`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from skelf.data.clips import ClipSet
from skelf.data.joints.body_axes import shoulders, spine
from skelf.data.joints.landmarks import body
from skelf.data.joints.mapping import lengths, mapped
from skelf.data.joints.names import pairs, skeleton
from skelf.data.joints.origins import origins
from skelf.data.motion.marker_tree import spanning_tree
from skelf.data.normalize import normalize
from skelf.data.quality.inspect import inspect
from skelf.data.readers import READERS
from skelf.errors import InputError
from skelf.joints.aliases import places
from skelf.layouts import KINECT20, NTU25
from skelf.skeleton import Skeleton

# A figure that stands, left at +x, y up, looking along +z; metres.
SIDES = {
    "FHD": (0.08, 1.70, 0.07), "BHD": (0.07, 1.69, -0.08), "SHO": (0.19, 1.43, 0.0),
    "ELB": (0.23, 1.13, 0.0), "WRA": (0.24, 0.88, 0.04), "WRB": (0.24, 0.88, -0.02),
    "FIN": (0.25, 0.80, 0.03), "ASI": (0.12, 1.00, 0.08), "PSI": (0.05, 1.01, -0.09),
    "THI": (0.15, 0.75, 0.0), "KNE": (0.14, 0.50, 0.0), "TIB": (0.13, 0.30, 0.0),
    "ANK": (0.12, 0.09, 0.0), "HEE": (0.10, 0.04, -0.09), "TOE": (0.11, 0.03, 0.13),
}  # fmt: skip
MIDDLE = {"C7": (0, 1.48, -0.06), "T10": (0, 1.25, -0.09), "CLAV": (0, 1.40, 0.09)}
MIDDLE |= {"STRN": (0, 1.25, 0.11)}


def figure(rename: dict[str, str] | None = None, without: tuple[str, ...] = ()) -> ClipSet:
    """The markers, with a little noise, in 12 frames; "{}" in a new name is the side's letter."""
    at = {name: np.array(place) for name, place in MIDDLE.items()}
    for name, place in SIDES.items():
        at |= {f"L{name}": np.array(place), f"R{name}": np.array(place) * [-1, 1, 1]}
    new = {}
    for old, place in at.items():
        word = (rename or {}).get(old) or (rename or {}).get(old[1:], "")
        if old not in without and old[1:] not in without:
            new[word.format(old[0]) if word else old] = place
    rest = np.stack(list(new.values()))
    noise = np.random.default_rng(0).normal(0, 1e-4, (12, *rest.shape))
    joints = (rest + noise).astype(np.float32)
    layout = skeleton(Path("x"), tuple(new), tuple(spanning_tree(joints)))
    return ClipSet.build(joints[:, None], [12], layout, fps=100.0)


def joint(clips: ClipSet, name: str) -> np.ndarray:
    place: np.ndarray = np.median(clips.joints[:, 0, clips.skeleton.names.index(name)], axis=0)
    return place


MOTIVE = {
    "FHD": "Head{}ide", "LFHD": "HeadFront", "RFHD": "HeadTop", "C7": "BackTop", "CLAV": "Chest",
    "SHO": "{}ShoulderTop", "ELB": "{}ElbowOut", "WRA": "{}WristOut", "WRB": "{}WristIn",
    "FIN": "{}HandOut", "ASI": "Waist{}Front", "PSI": "Waist{}Back", "THI": "{}Thigh",
    "KNE": "{}KneeOut", "TIB": "{}Shin", "ANK": "{}AnkleOut", "HEE": "{}Heel", "TOE": "{}ToeTip",
}  # fmt: skip
CMU = {"ASI": "{}FWT", "PSI": "{}BWT", "TIB": "{}SHN"}
ANATOMICAL = {
    "ASI": "{}_IAS", "PSI": "{}_IPS", "ELB": "{}_HLE", "WRA": "{}_RSP", "WRB": "{}_USP",
    "KNE": "{}_FLE", "ANK": "{}_FAL", "HEE": "{}_FCC", "SHO": "{}_Acromion", "TOE": "{}_FM2",
}  # fmt: skip


@pytest.mark.parametrize("rename", [{}, CMU, MOTIVE, ANATOMICAL], ids=lambda names: str(len(names)))
def test_joints_are_the_middle_of_the_markers_around_them(rename: dict[str, str]) -> None:
    clips = figure(rename, ("T10", "STRN", "BHD") if rename is MOTIVE else ())
    made = mapped(clips, KINECT20)
    head = (0, 1.70, 0.07) if rename is MOTIVE else (0, 1.695, -0.005)
    expected = {
        "Head": head, "HipCenter": (0, 1.005, -0.005), "ShoulderCenter": (0, 1.44, 0.015),
        "WristLeft": (0.24, 0.88, 0.01), "WristRight": (-0.24, 0.88, 0.01),
        "HipLeft": (0.085, 1.005, -0.005), "KneeRight": (-0.14, 0.50, 0), "ElbowLeft": SIDES["ELB"],
        "AnkleLeft": SIDES["ANK"], "FootLeft": SIDES["TOE"], "ShoulderLeft": SIDES["SHO"],
    }  # fmt: skip
    for name, place in expected.items():
        np.testing.assert_allclose(joint(made, name), place, atol=1e-3, err_msg=name)


def test_guesses_are_listed_with_their_distance() -> None:
    clips = figure(without=("T10", "STRN"))
    plan = {origin.joint: origin for origin in origins(clips.skeleton, KINECT20)}
    assert plan["Head"].how == "markers" and plan["Head"].bones == 0
    assert (plan["HipLeft"].how, plan["HipLeft"].bones) == ("stand-in", 1)
    assert (plan["Spine"].how, plan["Spine"].bones) == ("between", 1)
    away = dict(zip(plan, lengths(tuple(plan.values()), clips, KINECT20), strict=True))
    assert away["Spine"] == pytest.approx(0.22, abs=0.02)  # half-way from 1.005 to 1.44
    assert np.isnan(away["Head"]) and np.isnan(away["HipLeft"])


@pytest.mark.parametrize(
    ("without", "lacking"),
    [
        (("ASI", "PSI"), "HipCenter"),
        (("FHD", "BHD"), "Head"),
        (("SHO",), "ShoulderLeft"),
        (("KNE", "ANK"), "KneeLeft"),
    ],
)
def test_a_substitute_across_a_limb_is_refused(without: tuple[str, ...], lacking: str) -> None:
    clips = figure(without=without)
    with pytest.raises(InputError, match=rf"{lacking} of 'kinect20' .* a whole limb away: .*guess"):
        mapped(clips, KINECT20)
    assert mapped(clips, KINECT20, guess=True).joints.any(axis=-1).all()
    masked = mapped(clips, KINECT20, missing="mask")
    assert not joint(masked, lacking).any()


def test_half_of_the_joints_guessed_needs_a_word() -> None:
    names = ("hips", "neck", "head", "left_wrist", "right_wrist", "left_ankle", "right_ankle")
    target = Skeleton(names, (-1, 0, 1, 1, 1, 0, 0), ((3, 4), (5, 6)), {"a": tuple(range(7))}, 0)
    source = Skeleton(
        ("hips", "neck", "head", "left_hand", "right_hand", "left_foot", "right_foot"),
        target.parents, target.pairs, target.parts, 0,
    )  # fmt: skip
    with pytest.raises(InputError, match=r"4 of the 7 joints .*left_wrist, .*--guess"):
        origins(source, target)
    assert len(origins(source, target, guess=True)) == 7


RIGS = {
    "motive bones": "Hip Ab Chest Neck Head LShoulder LUArm LFArm LHand LThigh LShin LFoot LToe",
    "xsens": "Pelvis L5 L3 T12 T8 Neck Head LeftShoulder LeftUpperArm LeftForeArm LeftHand "
    "LeftUpperLeg LeftLowerLeg LeftFoot LeftToe",
    "vrm": "hips spine chest upperChest neck head leftShoulder leftUpperArm leftLowerArm leftHand "
    "leftUpperLeg leftLowerLeg leftFoot leftToes",
    "vroid": "J_Bip_C_Hips J_Bip_C_Spine J_Bip_C_Neck J_Bip_C_Head J_Bip_L_Shoulder "
    "J_Bip_L_UpperArm J_Bip_L_LowerArm J_Bip_L_Hand J_Bip_L_UpperLeg J_Bip_L_LowerLeg "
    "J_Bip_L_Foot J_Bip_L_ToeBase",
    "arkit": "root hips_joint left_upLeg_joint left_leg_joint left_foot_joint left_toes_joint "
    "spine_1_joint spine_4_joint spine_7_joint left_shoulder_1_joint left_arm_joint "
    "left_forearm_joint left_hand_joint neck_1_joint head_joint",
    "rokoko": "Hips Spine Spine1 Neck Head LeftShoulder LeftArm LeftForeArm LeftHand LeftThigh "
    "LeftShin LeftFoot LeftToe",
    "smpl": "pelvis left_hip spine1 left_knee spine2 left_ankle spine3 left_foot neck left_collar "
    "head left_shoulder left_elbow left_wrist left_hand",
    "amass": "Pelvis L_Hip L_Knee L_Ankle L_Toe Torso Spine Chest Neck Head L_Thorax L_Shoulder "
    "L_Elbow L_Wrist L_Hand",
    "azure": "PELVIS SPINE_NAVEL SPINE_CHEST NECK CLAVICLE_LEFT SHOULDER_LEFT ELBOW_LEFT "
    "WRIST_LEFT HAND_LEFT HANDTIP_LEFT HIP_LEFT KNEE_LEFT ANKLE_LEFT FOOT_LEFT HEAD NOSE",
    "acclaim": "root lhipjoint lfemur ltibia lfoot ltoes lowerback upperback thorax lowerneck "
    "upperneck head lclavicle lhumerus lradius lwrist lhand",
}
# Where shoulder, elbow, wrist, hip, knee and ankle stand in these names.
LIMBS = {
    "motive bones": "LUArm LFArm LHand LThigh LShin LFoot",
    "xsens": "LeftUpperArm LeftForeArm LeftHand LeftUpperLeg LeftLowerLeg LeftFoot",
    "vrm": "leftUpperArm leftLowerArm leftHand leftUpperLeg leftLowerLeg leftFoot",
    "vroid": "J_Bip_L_UpperArm J_Bip_L_LowerArm J_Bip_L_Hand J_Bip_L_UpperLeg J_Bip_L_LowerLeg "
    "J_Bip_L_Foot",
    "arkit": "left_arm_joint left_forearm_joint left_hand_joint left_upLeg_joint left_leg_joint "
    "left_foot_joint",
    "rokoko": "LeftArm LeftForeArm LeftHand LeftThigh LeftShin LeftFoot",
    "smpl": "left_shoulder left_elbow left_wrist left_hip left_knee left_ankle",
    "amass": "L_Shoulder L_Elbow L_Wrist L_Hip L_Knee L_Ankle",
    "azure": "SHOULDER_LEFT ELBOW_LEFT WRIST_LEFT HIP_LEFT KNEE_LEFT ANKLE_LEFT",
    "acclaim": "lclavicle lhumerus lwrist lhipjoint lfemur ltibia",
}


@pytest.mark.parametrize("rig", RIGS)
def test_limbs_of_rigs_and_body_models(rig: str) -> None:
    names = RIGS[rig].split()
    by_part = places(names)
    parts = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    limbs = [names[joint] for part in parts for joint in by_part["left", part]]
    assert limbs == LIMBS[rig].split()
    assert {("", "hips"), ("", "head")} <= set(by_part)
    if rig not in ("vroid", "acclaim"):
        assert ("", "spine_mid") in by_part or ("", "spine") in by_part


def test_a_number_in_the_middle_of_a_spine() -> None:
    assert places(["spine1", "spine2", "spine3"])["", "spine_mid"] == {1: 1.0}
    assert ("", "spine_mid") not in places(["Spine", "Spine1", "Spine2"])
    assert pairs(["WaistLFront", "WaistRFront", "ElbowL", "ElbowR"]) == ((0, 1), (2, 3))


@pytest.mark.parametrize("rename", [{}, MOTIVE], ids=["gait", "motive"])
def test_the_check_finds_head_and_feet_of_markers(rename: dict[str, str]) -> None:
    clips = figure(rename)

    def codes(factor: float = 1.0, axes: tuple[int, ...] = (0, 1, 2)) -> dict[str, str]:
        x = clips.joints[..., axes] * np.float32(factor)
        moved = ClipSet.build(x, [12], clips.skeleton, fps=100.0)
        return {f.code: f.what for f in inspect(moved).findings}

    assert codes() == {}
    assert "along z" in codes(axes=(1, 2, 0))["up"] or "along x" in codes(axes=(1, 2, 0))["up"]
    lying = clips.joints[..., [0, 2, 1]] * np.float32([1, -1, 1])
    found = inspect(ClipSet.build(lying, [12], clips.skeleton)).findings
    assert [f.code for f in found if f.code == "up"] and "along z" in found[0].what
    upside = clips.joints * np.float32([1, -1, -1])
    (found_up,) = inspect(ClipSet.build(upside, [12], clips.skeleton)).findings
    assert found_up.code == "up" and "along -y" in found_up.what
    assert set(codes(1000.0)) == set(codes(0.01)) == {"scale"}


def test_few_markers_are_enough_for_the_check() -> None:
    few = figure({"LFHD": "HEAD"}, ("RFHD", "BHD", "ELB", "WRA", "WRB", "FIN", "THI", "KNE", "TIB",
                 "HEE", "TOE", "PSI", "T10", "CLAV", "STRN"))  # fmt: skip
    looks = body(few.skeleton)
    names = few.skeleton.names
    assert names[looks.head] == "HEAD" and {names[foot] for foot in looks.feet} == {"LANK", "RANK"}


ACCLAIM = (
    "root lhipjoint lfemur rhipjoint rfemur lowerback thorax lclavicle lhumerus rclavicle rhumerus"
)
PARENTS = (-1, 0, 1, 0, 3, 0, 5, 6, 7, 6, 9)


def test_facing_takes_the_shoulders_of_an_acclaim_skeleton() -> None:
    layout = skeleton(Path("x"), tuple(ACCLAIM.split()), PARENTS)
    names = layout.names
    left, right = shoulders(layout, "facing")
    assert [names[joint] for joint in (*left, *right)] == ["lclavicle", "rclavicle"]
    lower, upper = spine(layout, "upright")
    assert [names[joint] for joint in lower] == ["lhipjoint", "rhipjoint"]
    assert [names[joint] for joint in upper] == ["lowerback"]
    x = np.zeros((1, 3, 2, 11, 1), np.float32)
    x[0, 0, :, 7, 0], x[0, 0, :, 9, 0] = 0.2, -0.2  # shoulders along x already
    x[0, :, :, 8, 0] = np.array([0.2, -0.3, 0.3])[:, None]  # one arm forward, one back
    x[0, :, :, 10, 0] = np.array([-0.2, -0.3, -0.3])[:, None]
    turned, _ = normalize(torch.from_numpy(x), torch.tensor([2]), "facing", layout)
    np.testing.assert_allclose(turned.numpy(), x, atol=1e-6)  # nothing to turn


def test_shoulders_of_a_rig_are_where_its_upper_arms_start() -> None:
    names = ["Hips", "Spine", "LeftShoulder", "LeftArm", "LeftForeArm", "RightShoulder"]
    names += ["RightArm", "RightForeArm"]
    layout = skeleton(Path("x"), tuple(names), (-1, 0, 1, 2, 3, 1, 5, 6))
    assert shoulders(layout, "facing") == ((3,), (6,))
    assert shoulders(NTU25, "facing") == ((4,), (8,))
    collars = skeleton(Path("x"), ("root", "lcollar", "rcollar"), (-1, 0, 0))
    assert shoulders(collars, "facing") == ((1,), (2,))


def test_facing_on_motion_capture_of_cmu(real_data: Callable[[str], Path]) -> None:
    clips = READERS["arrays"](real_data("cmu86"))
    names = clips.skeleton.names

    def heading(part: str) -> np.ndarray:
        ends = (clips.joints[:, 0, names.index(side + part)] for side in "lr")
        across = np.subtract(*ends)
        return np.degrees(np.arctan2(across[:, 2], across[:, 0]))

    (left,), (right,) = shoulders(clips.skeleton, "facing")
    assert (names[left], names[right]) == ("lclavicle", "rclavicle")
    apart = np.abs((heading("humerus") - heading("clavicle") + 180) % 360 - 180)
    assert np.median(apart) > 5 and np.quantile(apart, 0.95) > 25  # what the elbows would turn

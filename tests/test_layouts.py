"""Layouts against real and published poses: order, sides, bones; and what maps onto what."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from layout_poses import POSES, pose

from skelf.data.joints.names import skeleton
from skelf.data.joints.order import is_body_25b, reach
from skelf.data.joints.origins import origins
from skelf.joints.aliases import meanings, places
from skelf.joints.fingers import is_finger
from skelf.layouts import (
    BODY_25B,
    COCO17,
    H36M17,
    HALPE26,
    HUMANML3D22,
    KINECT20,
    LAYOUTS,
    MEDIAPIPE33,
    NTU25,
    OPENPOSE25,
    SMPL22,
    SMPL24,
    SMPLX,
    layout,
)
from skelf.layouts.about import ABOUT
from skelf.skeleton import Skeleton

# The axis on which left lies in a pose, and the sign it has there.
LEFT = {
    "xsens23": (1, 1), "motive21": (0, 1), "plug_in_gait": (0, 1), "smpl24": (0, 1),
    "smplx": (0, 1), "mpii16": (0, 1), "body_25b": (0, 1), "wholebody133": (0, 1),
    "halpe136": (0, 1),
}  # fmt: skip
STANDING = ("xsens23", "motive21", "smpl24", "smplx")


@pytest.mark.parametrize("name", POSES)
def test_no_other_order_has_shorter_bones(name: str) -> None:
    """Joints that are swapped, or one too far along, make a body's bones longer."""
    s, x = layout(name), pose(name)
    right = reach(x[None], [s])[0]
    assert right < 0.75
    rolled = [replace(s, parents=_moved(s.parents, step), pairs=(), parts=_whole(s), centre=0)
              for step in (1, -1, 2)]  # fmt: skip
    assert (reach(x[None], rolled) > 1.2 * right).all()


def _moved(parents: tuple[int, ...], step: int) -> list[int]:
    """The same tree over joints that stand `step` places on."""
    n = len(parents)
    return [
        p if p < 0 else (p + step) % n
        for p in (parents[(joint - step) % n] for joint in range(n))
    ]  # fmt: skip


def _whole(s: Skeleton) -> dict[str, tuple[int, ...]]:
    return {"body": tuple(range(s.joints))}


@pytest.mark.parametrize("name", POSES)
def test_left_is_left(name: str) -> None:
    """Hips, shoulders and, where there is one, the whole face."""
    s, x = layout(name), pose(name)
    axis, sign = LEFT[name]
    by_part = places(s.names)
    for part in ("hip", "shoulder", "eye", "ear", "knee"):
        ends = [by_part.get((side, part)) for side in ("left", "right")]
        if all(ends):
            left, right = (np.mean([x[j, axis] for j in end or ()]) for end in ends)
            assert np.isnan(left - right) or sign * (left - right) > 0, part
    for left_joint, right_joint in s.pairs:
        if s.names[left_joint].lower().startswith("face"):
            away = sign * (x[left_joint] - x[right_joint])[axis]
            assert np.isnan(away) or away >= 0, s.names[left_joint]
        if "hand" in s.names[left_joint].lower() and name in ("wholebody133", "halpe136"):
            _at_its_wrist(x, s, left_joint, right_joint)


def _at_its_wrist(x: np.ndarray, s: Skeleton, left: int, right: int) -> None:
    wrists = [next(iter(places(s.names)[side, "wrist"])) for side in ("left", "right")]
    for joint, own, other in ((left, *wrists), (right, *wrists[::-1])):
        near, far = (np.linalg.norm(x[joint] - x[wrist]) for wrist in (own, other))
        assert near < 0.3 * far


@pytest.mark.parametrize("name", STANDING)
def test_pairs_are_of_equal_length(name: str) -> None:
    s, x = layout(name), pose(name)
    bones = np.linalg.norm(x - x[list(s.bones)], axis=1)
    for left, right in s.pairs:
        if bones[left] > 0.05 * np.nanmax(np.ptp(x[~np.isnan(x[:, 0])], axis=0)):
            assert bones[left] == pytest.approx(bones[right], rel=0.15), s.names[left]


def test_limbs_of_a_mean_body_are_as_published() -> None:
    """SMPL's mean body: thigh 0.38, shank 0.40, upper arm 0.26, forearm 0.25 m."""
    lengths = {"left_knee": 0.377, "left_ankle": 0.401, "left_elbow": 0.261, "left_wrist": 0.249}
    for s, name in ((SMPL24, "smpl24"), (SMPLX, "smplx")):
        x = pose(name)
        bones = np.linalg.norm(x - x[list(s.bones)], axis=1)
        for joint, length in lengths.items():
            assert bones[s.names.index(joint)] == pytest.approx(length, abs=0.02)


def test_smpl_layouts_share_their_joints() -> None:
    for other in (SMPL24, SMPLX, HUMANML3D22):
        assert other.names[:22] == SMPL22.names and other.parents[:22] == SMPL22.parents


def test_whole_bodies_start_with_the_body() -> None:
    whole, halpe = layout("wholebody133"), layout("halpe136")
    assert whole.names[:17] == COCO17.names and halpe.names[:26] == HALPE26.names
    assert whole.names[91] == "left_hand_root" and whole.names[132] == "right_pinky_finger4"
    # In a face, 10 points of 68 lie on the midline; corners of eyes and lips mirror each other.
    face = {int(whole.names[a][5:]): int(whole.names[b][5:]) for a, b in whole.pairs
            if whole.names[a].startswith("face-")}  # fmt: skip
    assert len(face) == 29 and not {8, 27, 30, 33, 51, 57, 62, 66} & {*face, *face.values()}
    assert [face[left] for left in (16, 26, 35, 45, 42, 47, 54, 55, 64, 65)] == [
        0, 17, 31, 36, 39, 40, 48, 59, 60, 67]  # fmt: skip


NEW = ["azure32", "mpii16", "wholebody133", "halpe136", "body_25b", "mpi15", "smpl22", "smpl24"]
NEW += ["smplx", "humanml3d22", "xsens23", "motive21", "motive37", "motive41", "plug_in_gait"]
LIMB = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("target", [KINECT20, NTU25, COCO17, H36M17], ids=lambda s: s.name)
def test_limbs_come_from_their_own_joints(name: str, target: Skeleton) -> None:
    source = layout(name)
    have, plan = places(source.names), origins(source, target)
    for origin, (side, part, _) in zip(plan, meanings(target.names), strict=True):
        if part in LIMB and not (part == "hip" and "asi" not in part and origin.how == "stand-in"):
            assert origin.weights == have[side, part], origin.joint


HANDS = {
    "azure32": "HAND_LEFT HANDTIP_LEFT THUMB_LEFT",
    "wholebody133": "left_middle_finger1 left_middle_finger4 left_thumb4",
    "halpe136": "LMiddleFinger1 LMiddleFinger4 LThumb4",
    "smplx": "left_middle1 left_middle3 left_thumb3",
}


@pytest.mark.parametrize("name", HANDS)
def test_hands_are_found(name: str) -> None:
    plan = {origin.joint: origin for origin in origins(layout(name), NTU25)}
    made = [plan[joint].said(layout(name)) for joint in ("HandLeft", "HandTipLeft", "ThumbLeft")]
    assert made == HANDS[name].split()


MIXAMO = "Hips Spine Spine1 Spine2 Neck Head HeadTop_End"
RIGS = {
    # the rig's spine and head, its left hand, and what Kinect's hand, tip and thumb are
    "mixamo": (
        [f"mixamorig:{name}" for name in MIXAMO.split()],
        "mixamorig:{}Shoulder mixamorig:{}Arm mixamorig:{}ForeArm mixamorig:{}Hand "
        "mixamorig:{}HandThumb1 mixamorig:{}HandThumb4 mixamorig:{}HandIndex1 "
        "mixamorig:{}HandMiddle1 mixamorig:{}HandMiddle4 mixamorig:{}UpLeg mixamorig:{}Leg "
        "mixamorig:{}Foot mixamorig:{}ToeBase",
        "mixamorig:{}HandMiddle1 mixamorig:{}HandMiddle4 mixamorig:{}HandThumb4",
    ),
    "rokoko": (
        ["Hips", "Spine", "Spine1", "Neck", "Head"],
        "{}Shoulder {}Arm {}ForeArm {}Hand {}Finger1Metacarpal {}Finger1Tip {}Finger3Proximal "
        "{}Finger3Distal {}Finger3Tip {}Thigh {}Shin {}Foot {}Toe",
        "{}Finger3Proximal {}Finger3Tip {}Finger1Tip",
    ),
    "vrm": (
        ["hips", "spine", "chest", "neck", "head"],
        "{}Shoulder {}UpperArm {}LowerArm {}Hand {}ThumbProximal {}ThumbDistal {}MiddleProximal "
        "{}MiddleDistal {}UpperLeg {}LowerLeg {}Foot {}Toes",
        "{}MiddleProximal {}MiddleDistal {}ThumbDistal",
    ),
    "neuron": (
        ["Hips", "Spine", "Neck", "Head"],
        "{}Arm {}ForeArm {}Hand {}HandThumb1 {}HandThumb3 {}InHandMiddle {}HandMiddle1 "
        "{}HandMiddle3 {}UpLeg {}Leg {}Foot",
        "{}HandMiddle1 {}HandMiddle3 {}HandThumb3",
    ),
    "unreal": (
        ["pelvis", "spine_01", "spine_02", "spine_03", "neck_01", "head"],
        "clavicle_{} upperarm_{} lowerarm_{} hand_{} thumb_01_{} thumb_03_{} middle_metacarpal_{} "
        "middle_01_{} middle_03_{} thigh_{} calf_{} foot_{} ball_{}",
        "middle_01_{} middle_03_{} thumb_03_{}",
    ),
    "biped": (
        ["Bip01 Pelvis", "Bip01 Spine", "Bip01 Neck", "Bip01 Head"],
        "Bip01_{}_UpperArm Bip01_{}_Forearm Bip01_{}_Hand Bip01_{}_Finger0 Bip01_{}_Finger01 "
        "Bip01_{}_Finger1 Bip01_{}_Finger2 Bip01_{}_Finger21 Bip01_{}_Finger2Nub Bip01_{}_Thigh "
        "Bip01_{}_Calf Bip01_{}_Foot",
        "Bip01_{}_Finger2 Bip01_{}_Finger2Nub Bip01_{}_Finger01",
    ),
    "cmu": (
        ["Hips", "LowerBack", "Spine", "Neck", "Head"],
        "{}Arm {}ForeArm {}Hand {}FingerBase {}HandIndex1 {}Thumb {}UpLeg {}Leg {}Foot {}ToeBase",
        "{}FingerBase {}HandIndex1 {}Thumb",
    ),
}
SIDES = {"vrm": ("left", "right"), "unreal": ("l", "r"), "biped": ("L", "R")}


@pytest.mark.parametrize("rig", RIGS)
def test_thumbs_and_finger_tips_of_rigs(rig: str) -> None:
    middle, sided, hand = RIGS[rig]
    names = [*middle]
    for side in SIDES.get(rig, ("Left", "Right")):
        names += sided.format(*[side] * sided.count("{}")).split()
    parents = (-1, *[0] * (len(names) - 1))
    plan = {o.joint: o for o in origins(skeleton(Path(rig), tuple(names), parents), NTU25)}
    for ntu, side in zip(("Left", "Right"), SIDES.get(rig, ("Left", "Right")), strict=True):
        found = [plan[f"{part}{ntu}"] for part in ("Hand", "HandTip", "Thumb")]
        assert [names[next(iter(o.weights))] for o in found] == hand.format(*[side] * 3).split()
        assert {o.how for o in found} == {"same part"}


def test_the_head_of_a_rig_ends_at_its_top() -> None:
    limb = ("Arm", "ForeArm", "Hand", "UpLeg", "Leg", "Foot")
    limbs = [f"{side}{bone}" for side in ("Left", "Right") for bone in limb]
    names = (*MIXAMO.split(), *limbs)
    rig = skeleton(Path("rig"), names, (-1, *[0] * (len(names) - 1)))
    for target in (KINECT20, H36M17):
        head = next(o for o in origins(rig, target) if o.joint == "Head")
        assert head.said(rig) == "Head + HeadTop_End"
    assert origins(rig, rig)[5].said(rig) == "Head"  # the same bones: joint for joint


def test_a_face_is_a_head() -> None:
    names = ("hips", "neck", "face", "left_shoulder", "right_shoulder")
    assert places(names)["", "head"] == {2: 1.0}
    assert places((*names, "Head"))["", "head"] == {5: 1.0}
    assert is_finger("face") is None and is_finger("ring") is None


@pytest.mark.parametrize("source", [MEDIAPIPE33, OPENPOSE25], ids=lambda s: s.name)
def test_heads_are_where_ears_are(source: Skeleton) -> None:
    for target in (LAYOUTS["mpii16"], BODY_25B):
        top = next(o for o in origins(source, target) if "head" in o.joint.lower())
        assert {source.names[j][-3:].lower() for j in top.weights} == {"ear"}


def test_the_page_and_its_picture_are_of_today() -> None:
    docs = Path(__file__).parents[1] / "docs"
    spec = importlib.util.spec_from_file_location("layouts_page", docs / "layouts.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text("utf-8") == module.page(), "run `python docs/layouts.py`"
    assert module.PICTURE.read_text("utf-8") == module.picture(), "run `python docs/layouts.py`"
    assert set(ABOUT) == set(LAYOUTS) and len(module.picture()) < 60_000


# --- BODY_25B or BODY_25 -------------------------------------------------------------------------


def of_body_25b() -> np.ndarray:
    """The same person in BODY_25's order."""
    x, index = pose("body_25b"), BODY_25B.names.index
    hips, shoulders = ((x[index(f"L{of}")] + x[index(f"R{of}")]) / 2 for of in ("Hip", "Shoulder"))
    made = {"MidHip": hips, "Neck": shoulders}
    return np.array([made[n] if n in made else x[index(n)] for n in OPENPOSE25.names])


def test_body_25b_is_told_from_body_25() -> None:
    rng = np.random.default_rng(0)
    moved = rng.normal(0, 15, (20, 25, 2))  # pixels of 804
    assert is_body_25b(pose("body_25b") + moved) is True
    assert is_body_25b(of_body_25b() + moved) is False
    assert (
        is_body_25b(pose("body_25b")[None] * [-0.001, 0.001]) is True
    )  # of another unit, mirrored


@pytest.mark.parametrize("lost", ["Knee|Ankle|Toe|Heel", "Eye|Ear|Nose|HeadTop", "Elbow|Wrist"])
def test_half_a_body_is_enough(lost: str) -> None:
    for x, names, is_25b in (
        (pose("body_25b"), BODY_25B.names, True),
        (of_body_25b(), OPENPOSE25.names, False),
    ):
        gone = [any(word in name for word in lost.split("|")) for name in names]
        zeros, nans = x.copy(), x.copy()
        zeros[gone], nans[gone] = 0, np.nan
        assert is_body_25b(zeros[None]) is is_body_25b(nans[None]) is is_25b


def test_no_body_is_openposes_default() -> None:
    noise = np.random.default_rng(1).uniform(0, 100, (50, 25, 2))
    assert {is_body_25b(one[None]) for one in noise} == {False}
    assert is_body_25b(np.zeros((3, 25, 2))) is False and is_body_25b(np.zeros((0, 25, 3))) is False
    few = np.zeros((1, 25, 2))
    few[0, :3] = pose("body_25b")[:3]
    assert is_body_25b(few) is False
    assert np.isnan(reach(few, (OPENPOSE25, BODY_25B))).all()

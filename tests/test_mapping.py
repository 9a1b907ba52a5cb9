"""Joint layouts into one another: by names, on real motion capture, and for what is missing."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data.clips import ClipSet
from skelf.data.joints.mapping import apply, mapped
from skelf.data.joints.origins import origins
from skelf.data.readers import READERS
from skelf.errors import InputError
from skelf.joints.aliases import fold, meanings
from skelf.layouts import (
    BUILT_IN,
    COCO17,
    H36M17,
    HALPE26,
    KINECT20,
    LAYOUTS,
    NTU25,
    OPENPOSE18,
    OPENPOSE25,
    SBU15,
)
from skelf.skeleton import Skeleton

NTU_TO_KINECT = [0, 1, 20, *range(3, 20)]


def clips_of(skeleton: Skeleton, channels: int = 3, persons: int = 2, **others: object) -> ClipSet:
    rng = np.random.default_rng(0)
    joints = rng.uniform(0.1, 1, (9, persons, skeleton.joints, channels)).astype(np.float32)
    return ClipSet.build(joints, [4, 2, 3], skeleton, **others)  # type: ignore[arg-type]


def where(source: Skeleton, target: Skeleton, **options: object) -> dict[str, str]:
    plan = origins(source, target, **options)  # type: ignore[arg-type]
    return {origin.joint: origin.said(source) for origin in plan}


def test_ntu_to_kinect_is_the_known_order() -> None:
    plan = origins(NTU25, KINECT20)
    assert [list(origin.weights.items()) for origin in plan] == [[(j, 1)] for j in NTU_TO_KINECT]
    made = mapped(clips_of(NTU25), KINECT20)
    np.testing.assert_array_equal(made.joints, clips_of(NTU25).joints[:, :, NTU_TO_KINECT])


def test_there_and_back_is_the_identity() -> None:
    clips = clips_of(KINECT20)
    back = mapped(mapped(clips, NTU25), "kinect20")
    np.testing.assert_array_equal(back.joints, clips.joints)
    assert back.attributes["mapped_from"] == "ntu25 (25 joints), before that kinect20 (20 joints)"


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_into_itself_is_the_identity(name: str) -> None:
    plan = origins(LAYOUTS[name], LAYOUTS[name])
    assert [list(origin.weights) for origin in plan] == [[j] for j in range(len(plan))]
    assert {origin.how for origin in plan} == {"same name"}


def test_no_side_is_ever_swapped() -> None:
    """A joint of the left comes from the left or the middle: a flip of both changes nothing."""
    tried = 0
    usual = (KINECT20, NTU25, COCO17, H36M17, HALPE26, OPENPOSE25, LAYOUTS["azure32"])
    for source, target in ((a, b) for a in BUILT_IN for b in usual if a is not b):
        try:
            plan = origins(source, target)
        except InputError as error:
            assert re.search("have a counterpart|would be guessed|a whole limb away", str(error))
            continue
        tried += 1
        for joint, origin in enumerate(plan):
            mirrored = {source.flip[at]: w for at, w in origin.weights.items()}
            assert mirrored == pytest.approx(dict(plan[target.flip[joint]].weights))
            assert sum(origin.weights.values()) == pytest.approx(1)
    assert tried > 100


ACCLAIM = (
    "root lhipjoint lfemur ltibia lfoot ltoes rhipjoint rfemur rtibia rfoot rtoes lowerback "
    "upperback thorax lowerneck upperneck head lclavicle lhumerus lradius lwrist lhand lfingers "
    "lthumb rclavicle rhumerus rradius rwrist rhand rfingers rthumb"
)
MIXAMO = (
    "mixamorig:Hips mixamorig:Spine mixamorig:Spine1 mixamorig:Spine2 mixamorig:Neck "
    "mixamorig:Head mixamorig:LeftShoulder mixamorig:LeftArm mixamorig:LeftForeArm "
    "mixamorig:LeftHand mixamorig:LeftUpLeg mixamorig:LeftLeg mixamorig:LeftFoot "
    "mixamorig:LeftToeBase"
)
BIPED = "Bip01_Pelvis Bip01_L_Clavicle Bip01_L_UpperArm Bip01_L_Forearm Bip01_L_Hand Bip01_L_Thigh"
JOINTS = "LHip RShoulder HandLeft left_ankle l_knee elbow.R hips Hip lowerback LSmallToe"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ACCLAIM,
            "hips hip knee ankle foot toe hip knee ankle foot toe lower_back upper_back thorax "
            "lower_neck upper_neck head shoulder elbow forearm_end wrist hand hand_tip thumb "
            "shoulder elbow forearm_end wrist hand hand_tip thumb",
        ),
        (
            MIXAMO,
            "hips spine spine1 spine2 neck head clavicle shoulder elbow wrist hip knee ankle foot",
        ),
        (BIPED, "hips clavicle shoulder elbow wrist hip"),
        (JOINTS, "hip shoulder hand ankle knee elbow hips hips lower_back smalltoe"),
        ("lThigh lShin lFoot lCollar lShldr lForeArm", "hip knee ankle clavicle shoulder elbow"),
    ],
)
def test_what_names_mean(names: str, expected: str) -> None:
    found = meanings(names.split())
    assert [m.part for m in found] == expected.split()
    for name, meant in zip(names.split(), found, strict=True):
        if meant.part not in ("hips", "lower_back", "head", "neck") and meant.side:
            assert meant.side == ("right" if fold(name)[0] == "r" or ".R" in name else "left")


def test_words_with_an_l_in_front_have_no_side() -> None:
    sides = [m.side for m in meanings(["lowerback", "LowerBack", "root", "Root", "lowerneck"])]
    assert sides == [""] * 5


def test_stand_ins_and_middles() -> None:
    made = where(COCO17, KINECT20)
    assert made["HipCenter"] == "left_hip + right_hip"
    assert made["ShoulderCenter"] == "left_shoulder + right_shoulder"
    assert made["Head"] == "left_ear + right_ear"
    assert made["HandLeft"] == "left_wrist" and made["FootRight"] == "right_ankle"
    with pytest.raises(InputError, match="9 of the 17 joints of 'coco17' would be guessed"):
        where(SBU15, COCO17)
    assert where(SBU15, COCO17, guess=True)["left_wrist"] == "HandLeft"  # nearer than the elbow
    assert where(SBU15, KINECT20)["WristLeft"] == "0.22 ElbowLeft + 0.78 HandLeft"
    assert where(OPENPOSE25, KINECT20)["FootLeft"] == "LBigToe"
    assert where(KINECT20, NTU25)["Neck"] == "ShoulderCenter + Head"
    assert where(KINECT20, OPENPOSE18)["Neck"] == "ShoulderCenter"
    assert where(H36M17, KINECT20)["AnkleLeft"] == "LFoot"  # Human3.6M's feet are ankles
    assert where(NTU25, HALPE26)["Nose"] == "Head"


RIG = (
    "joint_Root Hips Spine Chest Neck Head Shoulder_L UpperArm_L LowerArm_L Hand_L "
    "Shoulder_R UpperArm_R LowerArm_R Hand_R UpperLeg_L LowerLeg_L Foot_L Toes_L UpperLeg_R "
    "LowerLeg_R Foot_R Toes_R"
)


def test_a_rig_is_called_by_where_its_bones_start() -> None:
    rig = Skeleton(
        names=tuple(RIG.split()),
        parents=(-1, 0, 1, 2, 3, 4, 3, 6, 7, 8, 3, 10, 11, 12, 1, 14, 15, 16, 1, 18, 19, 20),
        pairs=(),
        parts={"body": tuple(range(22))},
        centre=1,
    )
    made = where(rig, KINECT20)
    assert made["HipCenter"] == "Hips" and made["ShoulderCenter"] == "Neck"
    assert made["ShoulderLeft"] == "UpperArm_L" and made["WristRight"] == "Hand_R"
    assert made["AnkleLeft"] == "Foot_L" and made["FootLeft"] == "Toes_L"


def test_motion_capture_of_cmu_stands_as_a_kinect_sees_it(
    real_data: Callable[[str], Path],
) -> None:
    clips = READERS["arrays"](real_data("cmu86"))
    with pytest.warns(UserWarning, match="'root' is at the origin"):
        made = mapped(clips.take([0, 5]), KINECT20)
    x = made.joints[::10, 0].astype(float)
    names = KINECT20.names
    at = {name: np.median(x[:, joint], axis=0) for joint, name in enumerate(names)}
    for left, right in KINECT20.pairs:  # the left hand side of a body that looks along +z
        assert at[names[left]][0] > 0.05 > -0.05 > at[names[right]][0], names[left]
    for side in ("Left", "Right"):
        heights = [at[f"{joint}{side}"][1] for joint in ("Hip", "Knee", "Ankle")]
        assert heights[0] > heights[1] + 0.2 > heights[2] + 0.4
        assert at[f"Shoulder{side}"][1] > at[f"Elbow{side}"][1] + 0.1
        assert at[f"Wrist{side}"][2] > at[f"Elbow{side}"][2]  # arms hang a little forward
    heights = [at[n][1] for n in ("HipCenter", "Spine", "ShoulderCenter", "Head")]
    assert heights == sorted(heights) and at["Head"][1] == max(place[1] for place in at.values())
    assert at["ShoulderCenter"][1] > at["ShoulderLeft"][1]
    assert len(made.segments) == len(clips.take([0, 5]).segments) > 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(list(permutations((SBU15, COCO17, KINECT20), 2))))
def test_what_is_interpolated_stays_between_its_sources(
    seed: int, pair: tuple[Skeleton, Skeleton]
) -> None:
    source, target = pair
    plan = origins(source, target, guess=True)
    frames = np.random.default_rng(seed).normal(size=(3, 1, source.joints, 3)).astype(np.float32)
    made = apply(plan, frames)
    mixed = 0
    for joint, origin in enumerate(plan):
        around = frames[:, 0, list(origin.weights)]
        low, high = around.min(axis=1) - 1e-6, around.max(axis=1) + 1e-6
        assert ((low <= made[:, 0, joint]) & (made[:, 0, joint] <= high)).all()
        mean = np.einsum("fsc,s->fc", around.astype(float), list(origin.weights.values()))
        np.testing.assert_allclose(made[:, 0, joint], mean, atol=1e-5)
        mixed += len(origin.weights) > 1
    assert mixed or target is not KINECT20


LINE = Skeleton(
    names=("hips", "a", "b", "neck", "tail", "head"),
    parents=(-1, 0, 1, 2, 0, 3),
    pairs=(),
    parts={"body": (0, 1, 2, 3, 4, 5)},
    centre=0,
    name="line",
)
ENDS = Skeleton(
    names=("pelvis", "neck", "head"),
    parents=(-1, 0, 1),
    pairs=(),
    parts={"body": (0, 1, 2)},
    centre=0,
)


def test_along_the_tree_by_hand() -> None:
    frames = np.array([[[[3.0, 3.0], [9.0, 3.0], [9.0, 6.0]]]], np.float32)
    made = apply(origins(ENDS, LINE, guess=True), frames)[0, 0]
    np.testing.assert_allclose(made, [[3, 3], [5, 3], [7, 3], [9, 3], [3, 3], [9, 6]], atol=1e-6)
    masked = apply(origins(ENDS, LINE, missing="mask"), frames)[0, 0]
    np.testing.assert_array_equal(masked, [[3, 3], [0, 0], [0, 0], [9, 3], [0, 0], [9, 6]])
    how = [origin.how for origin in origins(ENDS, LINE, guess=True)]
    assert how == ["same part", "between", "between", "same name", "nearest", "same name"]


def test_a_root_without_counterpart_lies_amid_the_joints_below_it() -> None:
    names = ("middle", "left_hip", "right_hip", "left_knee")
    target = Skeleton(names, (-1, 0, 0, 1), ((1, 2),), {"body": (0, 1, 2, 3)}, 0)
    source = replace(target, names=("elsewhere", *names[1:]))
    frames = np.array([[[[9.0, 9.0], [1.0, 5.0], [3.0, 5.0], [1.0, 2.0]]]], np.float32)
    np.testing.assert_allclose(apply(origins(source, target), frames)[0, 0, 0], [2, 5])


def test_joints_without_a_known_one_above_or_below_are_no_zeros() -> None:
    keep = [joint for joint, name in enumerate(NTU25.names) if name != "Head"]
    headless = Skeleton(
        names=tuple(NTU25.names[joint] for joint in keep),
        parents=tuple(-1 if (p := NTU25.parents[j]) < 0 else keep.index(p) for j in keep),
        pairs=(),
        parts={"all": tuple(range(len(keep)))},
        centre=0,
    )
    with pytest.raises(InputError, match=r"nose of 'coco17' has no counterpart .* limb away"):
        origins(headless, COCO17)
    plan = {origin.joint: origin for origin in origins(headless, COCO17, guess=True)}
    for name in ("left_eye", "right_eye", "left_ear", "right_ear"):
        assert plan[name].how == "nearest" and plan[name].weights == plan["nose"].weights, name
    made = mapped(clips_of(headless), COCO17, guess=True)
    assert (
        made.joints.any(axis=-1).all() and "nearest: left_eye" in made.attributes["mapped_filled"]
    )
    masked = origins(headless, COCO17, missing="mask")
    assert sum(not origin.weights for origin in masked) == 5


@pytest.mark.parametrize("missing", ["interpolate", "mask"])
def test_absent_persons_and_missing_joints_stay_so(missing: str) -> None:
    clips = clips_of(COCO17)
    joints = clips.joints.copy()
    joints[3, 1] = 0
    joints[5, 0, 11] = 0  # the left hip
    made = mapped(replace(clips, joints=joints), KINECT20, missing=missing)  # type: ignore[arg-type]
    assert not made.joints[3, 1].any() and made.joints[3, 0].any()
    gone = [n for n, x in zip(KINECT20.names, made.joints[5, 0], strict=True) if not x.any()]
    masked = {"HandLeft", "HandRight", "FootLeft", "FootRight"}
    assert set(gone) == {"HipCenter", "HipLeft", "Spine"} | (masked if missing == "mask" else set())
    made_whole = mapped(clips, KINECT20, missing="mask").joints
    hands = [KINECT20.names.index(name) for name in masked]
    assert not made_whole[:, :, hands].any()


def test_confidence() -> None:
    clips = clips_of(COCO17, attributes={"confidence": "true"})
    assert clips.coordinates == 2
    made = mapped(clips, KINECT20)
    ends = clips.joints[:, :, [11, 12], 2]
    np.testing.assert_array_equal(made.joints[:, :, 0, 2], ends.min(axis=-1))
    spine = clips.joints[:, :, [5, 6, 11, 12], 2]
    np.testing.assert_array_equal(made.joints[:, :, 1, 2], spine.min(axis=-1))
    np.testing.assert_array_equal(made.joints[:, :, 7], clips.joints[:, :, 9])  # the wrist, whole
    masked = mapped(clips, KINECT20, missing="mask")
    assert not masked.joints[:, :, 1].any() and masked.confidence
    masked.validate()


def test_a_set_centred_on_its_root_is_not_taken_for_one_without() -> None:
    clips = clips_of(ENDS, persons=2)
    joints = clips.joints - clips.joints[:, :, :1]
    joints[4, 1] = 0
    centred = replace(clips, joints=joints)
    with pytest.warns(UserWarning, match="'pelvis' is at the origin"):
        made = mapped(centred, LINE, guess=True)
    np.testing.assert_allclose(made.joints[:, :, 1], joints[:, :, 1] / 3, rtol=1e-5)
    assert not made.joints[4, 1].any()
    joints[0, 0, 0] = 1  # somewhere else once: elsewhere zero means missing
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = mapped(replace(clips, joints=joints), LINE, guess=True)
    assert made.joints[0, 0, 1].any() and not made.joints[1:, :, 1].any()


def test_joints_by_hand() -> None:
    given = {"HandLeft": "elbowleft", "Head": "ShoulderLeft + ShoulderRight"}
    made = where(SBU15, KINECT20, joints=given)
    assert made["HandLeft"] == "ElbowLeft" and made["Head"] == "ShoulderLeft + ShoulderRight"
    assert made["ElbowLeft"] == "ElbowLeft"


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        ({"Hnad": "Head"}, "target 'kinect20': unknown joint 'Hnad'"),
        ({"Head": "Haed"}, "source 'sbu15': unknown joint 'Haed': did you mean 'Head'"),
        ({"Head": "Neck+Neck"}, "names a joint twice"),
        ({"Head": "Neck", "head": "Torso"}, "given before"),
    ],
)
def test_joints_by_hand_that_do_not_hold(joints: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        origins(SBU15, KINECT20, joints=joints)


def test_too_few_counterparts() -> None:
    strange = replace(ENDS, names=("one", "two", "three"))
    message = r"clips: only 0 of the 3 .* nothing for pelvis, neck, head; not used: one, two, three"
    with pytest.raises(InputError, match=message + ".* --joint pelvis=one"):
        mapped(clips_of(strange), ENDS)
    given = {"pelvis": "one", "neck": "two"}
    with pytest.raises(InputError, match=r"head of .* two is a whole limb away: .*--guess"):
        where(strange, ENDS, joints=given)
    assert where(strange, ENDS, joints=given, guess=True)["head"] == "two"
    with pytest.raises(InputError, match="use interpolate or mask"):
        origins(ENDS, LINE, missing="drop")  # type: ignore[arg-type]


def whole() -> ClipSet:
    return clips_of(
        NTU25,
        label=[1, -1, 0],
        subject=[4, 5, -1],
        camera=[1, 2, 3],
        setup=[1, 1, 2],
        fps=np.array([30, 15, 25]),
        name=["a", "b", "ü"],
        class_names=["sit", "stand"],
        splits={"xsub": np.array([1, 2, 0], np.int8)},
        segments=np.array([[1, 0, 2, 1]]),
        columns={"fold": np.array([1, 2, 3])},
        attributes={"title": "t", "licence": "free"},
    )


def test_everything_but_the_joints_stays() -> None:
    before = whole()
    order = [2, 0, 1]
    after = mapped(before.take(order), KINECT20)  # clips that do not lie in order
    after.validate()
    for i, clip in enumerate(order):
        np.testing.assert_array_equal(after.clip(i), before.clip(clip)[:, :, NTU_TO_KINECT])
    for key in ("label", "subject", "camera", "setup", "fps", "name"):
        np.testing.assert_array_equal(getattr(after, key), getattr(before, key)[order])
    assert after.segments.tolist() == [[2, 0, 2, 1]] and after.class_names == before.class_names
    assert after.splits["xsub"].tolist() == [0, 1, 2]
    assert after.columns["fold"].tolist() == [3, 1, 2]
    assert after.attributes["licence"] == "free"
    assert after.attributes["mapped_from"] == "ntu25 (25 joints)"


def call(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner().invoke(app, words, env={"COLUMNS": "120"})


def test_command(tmp_path: Path) -> None:
    store, out = tmp_path / "a.h5", tmp_path / "b.h5"
    whole().save(store)
    given = ("--joint", "Spine=SpineBase+SpineShoulder", "--joint", "Head=Neck")
    done = call("map", store, "--layout", "kinect20", "--out", out, *given)
    assert done.exit_code == 0, done.output
    assert "SpineBase + SpineShoulder" in done.output and "given" in done.output
    assert "not used: SpineMid, Head, HandTipLeft" in done.output
    clips = ClipSet.open(out)
    assert clips.skeleton == KINECT20 and len(clips) == 3 and clips.frames_total == 9
    middle = whole().joints[:, :, [0, 20]].mean(axis=2)
    np.testing.assert_allclose(clips.joints[:, :, 1], middle, rtol=1e-6)
    before = out.read_bytes()
    for words, message in (
        (("--out", out), "exists already"),
        (("--out", store, "--force"), "the store that is read"),
        (("--out", out, "--force", "--missing", "drop"), "unknown --missing 'drop'"),
        (("--out", out, "--force", "--joint", "Head"), "write TARGET=SOURCE"),
        (("--out", out, "--force", "--joint", "Head=Neck", "--joint", "Head=Neck"), "given before"),
        (("--out", out, "--force", "--layout", "kinect21"), "unknown layout"),
    ):
        refused = call("map", store, "--layout", "kinect20", *words)
        assert isinstance(refused.exception, InputError), refused.output
        assert message in str(refused.exception)
    assert out.read_bytes() == before and sorted(tmp_path.iterdir()) == [store, out]

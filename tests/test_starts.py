"""First frames that are no motion: found where they are put, never where somebody stands still."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from by_keys import by_keys
from hypothesis import given, settings
from hypothesis import strategies as st

from skelf.data.clips import ClipSet
from skelf.data.motion.starts import still_start
from skelf.data.quality.inspect import inspect
from skelf.data.synthetic import clips as synthetic
from skelf.layouts import KINECT20

bvh = by_keys("bvh")
CLEAN = synthetic.generate(clips=24, seed=3)
T_POSE = CLEAN.clip(0)[0, 0].astype(np.float64)
for _side, _sign in (("Left", 1), ("Right", -1)):
    for _joint, _away in (("Elbow", 0.3), ("Wrist", 0.55), ("Hand", 0.65)):
        _at = KINECT20.names.index(_joint + _side)
        _shoulder = KINECT20.names.index("Shoulder" + _side)
        T_POSE[_at] = T_POSE[_shoulder] + [_sign * _away, 0, 0]


def motions() -> list[np.ndarray]:
    clips = [CLEAN.clip(i)[:, 0].astype(np.float64) for i in range(len(CLEAN))]
    return [clip for clip in clips if clip.any(axis=(1, 2)).all()]


def test_nothing_is_found_where_people_just_begin() -> None:
    for clip in motions():
        assert still_start(clip, 30) == 0
        still = np.repeat(clip[:1], 20, axis=0)  # stands, then goes
        noise = 0.003 * np.random.default_rng(0).normal(size=still.shape)
        assert still_start(np.concatenate([still + noise, clip]), 30) == 0
        assert still_start(np.concatenate([still, clip]), 30) == 0


@pytest.mark.parametrize("frames", [1, 2, 15])
@pytest.mark.parametrize("place", ["there", "origin"])
def test_poses_put_before(frames: int, place: str) -> None:
    found = []
    for clip in motions():
        pose = T_POSE - T_POSE[0] + (clip[0, 0] if place == "there" else 0)
        if place == "origin":
            clip = clip + np.array([2.0, 0, 0])
        started = np.concatenate([np.repeat(pose[None], frames, axis=0), clip])
        found.append(still_start(started, 30))
        gaps = started.copy()
        gaps[:, 3] = np.nan  # a marker that is never seen
        assert still_start(gaps, 30) in (0, frames)
    assert set(found) <= {0, frames}
    missed = found.count(0)  # who begins with his arms out, or runs
    assert missed <= (3 if place == "there" else 0), found


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.floats(0.1, 10_000))
def test_any_numbers(seed: int, frames: int, fps: float) -> None:
    rng = np.random.default_rng(seed)
    joints = rng.choice([0, 1, np.nan, 1e9], (frames, 3, 3)) * rng.normal(size=(frames, 3, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0 <= still_start(joints, fps) < frames


@pytest.mark.parametrize("name", ["precog", "cmu86"])
def test_real_sets_begin_at_once(real_data: Callable[[str], Path], name: str) -> None:
    with np.load(real_data(name), allow_pickle=False) as file:
        frames, offsets = file["frames"][:, 0].astype(np.float64), file["offsets"].tolist()
    starts = [frames[a : min(b, a + 90)] for a, b in pairwise(offsets)]
    assert [still_start(clip, 30) for clip in starts] == [0] * len(starts)


# The form of CMU's conversion for MotionBuilder: no thorax, and a T-pose in the first frame.
JOINT = "JOINT {0}\n{{\nOFFSET {1}\nCHANNELS 3 Zrotation Yrotation Xrotation\n{2}}}\n"
END = "End Site\n{\nOFFSET 0 -1 0\n}\n"


def limb(*joints: tuple[str, str]) -> str:
    name, offset = joints[0]
    return JOINT.format(name, offset, limb(*joints[1:]) if joints[1:] else END)


ARMS = "".join(
    limb((f"{side}Shoulder", "0 0 0"), (f"{side}Arm", f"{x} 1.2 0"), (f"{side}ForeArm", f"{x} 0 0"),
         (f"{side}Hand", f"{x} 0 0"))
    for side, x in (("Left", 3.4), ("Right", -3.4))
)  # fmt: skip
LEGS = "".join(
    limb((f"{side}UpLeg", f"{x} -1.8 0"), (f"{side}Leg", "0 -7 0"), (f"{side}Foot", "0 -7 0"))
    for side, x in (("Left", 1.3), ("Right", -1.3))
)
SPINE = JOINT.format("Spine1", "0 4 0", limb(("Neck", "0 0 0"), ("Head", "0 3 0")) + ARMS)
ROTATIONS = "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation\n"
TREE = f"HIERARCHY\nROOT Hips\n{{\nOFFSET 0 0 0\n{ROTATIONS}{LEGS}{SPINE}}}\n"


def cmu(folder: Path) -> Path:
    """Hands hang down and swing a little; the frame before has the arms out."""
    joints = re.findall(r"(?:ROOT|JOINT) (\w+)", TREE)
    rows = np.zeros((61, 3 + 3 * len(joints)))
    rows[:, :3] = 0, 16, 0
    swing = 5 * np.sin(np.arange(60) / 20)
    for side, sign in (("Left", -1), ("Right", 1)):
        rows[1:, 3 + 3 * joints.index(f"{side}Arm")] = sign * 75 + swing
    text = "\n".join(" ".join(f"{v:.4f}" for v in row) for row in rows)
    path = folder / "01_01.bvh"
    path.write_text(f"{TREE}MOTION\nFrames: 61\nFrame Time: .0083333\n{text}\n")
    return path


def read(path: Path, **options: object) -> tuple[ClipSet, str]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        clips = bvh(path, scale=0.0564, **options)
    return clips, " ".join(str(warning.message) for warning in said)


def test_an_import_says_it_and_leaves_it_out(tmp_path: Path) -> None:
    whole, notes = read(cmu(tmp_path))
    assert "the first frame is no motion" in notes and "skip_start=true" in notes
    assert "Neck, LeftShoulder, RightShoulder have no offset from Spine1" in notes
    cut, notes = read(cmu(tmp_path), skip_start=True)
    assert "left out" in notes and len(cut.clip(0)) == 60
    assert np.array_equal(cut.clip(0), whole.clip(0)[1:])
    slow, _ = read(cmu(tmp_path), skip_start=True, fps=30)
    assert np.abs(slow.clip(0)[:2] - cut.clip(0)[:2]).max() < 0.02  # no arms come down


def test_a_check_finds_it_also_after_a_lower_rate(tmp_path: Path) -> None:
    for options in ({}, {"fps": 30.0}):
        clips, _ = read(cmu(tmp_path), **options)
        clips.attributes["format"] = "bvh"
        found = [f for f in inspect(clips).findings if f.code == "start"]
        assert len(found) == 1 and "skip_start=true" in found[0].remedy
        assert found[0].clips.tolist() == [0]
        clips, _ = read(cmu(tmp_path), skip_start=True, **options)
        assert not any(f.code == "start" for f in inspect(clips).findings)

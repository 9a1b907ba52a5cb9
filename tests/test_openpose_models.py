"""OpenPose's versions and body models: fields of 1.0, MPI, BODY_25B, whole bodies, one file."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives
from pose_files import body, flat

from skelf.data.formats.look import Look
from skelf.data.formats.members import Member
from skelf.data.formats.openpose_people import told
from skelf.data.readers.openpose import read_openpose
from skelf.errors import InputError
from skelf.layouts import BODY_25B, MPI15, OPENPOSE18, OPENPOSE25
from skelf.skeleton import Skeleton

read = by_keys("openpose")

# Somebody who stands before the camera, in pixels.
UP = {"Nose": 100, "Eye": 92, "Ear": 96, "Neck": 140, "UpperNeck": 130, "HeadTop": 60,
      "Shoulder": 145, "Elbow": 210, "Wrist": 270, "MidHip": 280, "Hip": 282, "Knee": 380,
      "Ankle": 480, "BigToe": 500, "SmallToe": 498, "Heel": 488}  # fmt: skip
OUT = {"Eye": 8, "Ear": 18, "Shoulder": 45, "Elbow": 60, "Wrist": 65, "Hip": 25, "Knee": 28,
       "Ankle": 30, "BigToe": 34, "SmallToe": 42, "Heel": 28}  # fmt: skip


def standing(skeleton: Skeleton, frame: int = 0) -> np.ndarray:
    """`(V, 3)`; the person's left is at the right of the image."""
    points = []
    for name in skeleton.names:
        part = name if name in UP else name[1:]
        side = 0 if name in UP else 1 if name[0] == "L" else -1
        points.append([400 + side * OUT.get(part, 0) + 2 * frame, UP[part], 0.8])
    return np.array(points, float)


def write(folder: Path, people: list[list[dict[str, Any]]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for frame, listed in enumerate(people):
        content = {"version": 1.3, "people": listed}
        (folder / f"v_{frame:012d}_keypoints.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("skeleton", [OPENPOSE25, BODY_25B], ids=lambda s: s.name)
@pytest.mark.parametrize("unseen", [0.0, 0.4])
def test_25_joints_are_of_two_models(skeleton: Skeleton, unseen: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    poses = [standing(skeleton, t) for t in range(6)]
    want = np.array(poses)
    for pose in poses:
        pose[rng.random(25) < unseen] = 0
    write(tmp_path, [[{"pose_keypoints_2d": flat(pose)}] for pose in poses])
    clips = read(tmp_path, persons=1)
    assert clips.skeleton is skeleton
    seen = clips.clip(0)[:, 0, :, 2] > 0
    np.testing.assert_allclose(clips.clip(0)[:, 0][seen], (want * [1, -1, 1])[seen], rtol=1e-6)
    other = BODY_25B if skeleton is OPENPOSE25 else OPENPOSE25
    assert read(tmp_path, other.name).skeleton is other  # who names it, has it


def test_version_1(tmp_path: Path) -> None:
    file = tmp_path / "v_000000000000_keypoints.json"
    for joints, skeleton in ((18, OPENPOSE18), (15, MPI15)):
        write(tmp_path, [[{"pose_keypoints": flat(body(joints, t)), "face_keypoints": []}]
                         for t in range(4)])  # fmt: skip
        assert "pose_keypoints" in told(Look.at(Member(file)))
        clips = read(tmp_path, persons=1)
        assert clips.skeleton is skeleton
        np.testing.assert_allclose(clips.clip(0)[3, 0], body(joints, 3) * [1, -1, 1], rtol=1e-6)


def test_whole_bodies(tmp_path: Path) -> None:
    pose = np.vstack([standing(BODY_25B), np.tile([1.0, 2, 0.5], (110, 1))])
    write(tmp_path, [[{"pose_keypoints_2d": flat(pose)}]])
    with pytest.warns(UserWarning, match="of 135 joints the first 25, the body's"):
        clips = read(tmp_path, persons=1)
    assert clips.skeleton is BODY_25B
    np.testing.assert_allclose(clips.joints[0, 0], pose[:25] * [1, -1, 1], rtol=1e-6)
    one = {"pose_keypoints_2d": flat(body(25)), "hand_left_keypoints_2d": [1.0, 2, 0.5] * 21}
    write(tmp_path, [[one]])
    with pytest.warns(UserWarning, match="face and hands are passed over"):
        assert read(tmp_path).skeleton is OPENPOSE25


def test_joints_in_space(tmp_path: Path) -> None:
    space = np.column_stack([standing(OPENPOSE25)[:, :2], np.arange(25) + 5.0, np.full(25, 0.7)])
    write(tmp_path, [[{"pose_keypoints_2d": [], "pose_keypoints_3d": flat(space)}]])
    with pytest.warns(UserWarning, match="joints in space, in the unit of the cameras"):
        clips = read(tmp_path, persons=1)
    np.testing.assert_allclose(clips.joints[0, 0], space * [1, -1, -1, 1], rtol=1e-6)
    both = {"pose_keypoints_2d": flat(standing(OPENPOSE25)), "pose_keypoints_3d": flat(space)}
    write(tmp_path / "b", [[both]])
    with pytest.warns(UserWarning, match="joints in space are passed over"):
        assert read(tmp_path / "b").coordinates == 2
    write(tmp_path / "b", [[both], [both | {"pose_keypoints_2d": []}]])
    with warnings.catch_warnings(), pytest.raises(InputError, match="those before are of the imag"):
        warnings.simplefilter("ignore")
        read(tmp_path / "b")


def test_frames_by_their_names_in_one_file(tmp_path: Path) -> None:
    frames = {
        f"frame_{t:03}": {"people": [{"pose_keypoints_2d": flat(body(25, t))}]} if t != 11 else {}
        for t in (9, 10, 11, 13)
    }
    for content in (frames, {"frames": frames}):
        (tmp_path / "walk.json").write_text(json.dumps(content))
        clips = read(tmp_path / "walk.json", persons=1, missing="keep")
        assert clips.length.tolist() == [5]
        for at, t in ((0, 9), (1, 10), (4, 13)):
            np.testing.assert_allclose(clips.clip(0)[at, 0], body(25, t) * [1, -1, 1], rtol=1e-6)
        assert not clips.clip(0)[2:4].any()


def test_names_with_a_point(tmp_path: Path) -> None:
    """Pose2Sim's demos: camera 1, frame 31."""
    for camera in (1, 2):
        folder = tmp_path / f"cam{camera}_json"
        folder.mkdir()
        for t in (29, 30, 32):
            content = {"people": [{"pose_keypoints_2d": flat(body(25, t))}]}
            (folder / f"cam{camera:02}.{t:04}.json").write_text(json.dumps(content))
    clips = read(tmp_path, persons=1, missing="keep")
    assert clips.names == ["cam1_json/cam01", "cam2_json/cam02"]
    assert clips.length.tolist() == [4, 4] and not clips.clip(0)[2].any()
    np.testing.assert_allclose(clips.clip(1)[3, 0], body(25, 32) * [1, -1, 1], rtol=1e-6)


@pytest.mark.parametrize("suffix", ["yml", "xml", "yaml"])
def test_write_keypoint_is_refused(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"v_000000000000_pose.{suffix}").write_text("%YAML:1.0\n---\n")
    with pytest.raises(InputError, match=r"of --write_keypoint, .* with --write_json"):
        read(tmp_path)


@pytest.mark.slow
def test_damaged_files(tmp_path: Path) -> None:
    frames = {str(t): {"people": [{"pose_keypoints_2d": flat(body(25, t))}]} for t in range(3)}
    file = tmp_path / "walk.json"
    file.write_text(json.dumps(frames))
    assert survives(read_openpose, tmp_path, file)[1] > 100

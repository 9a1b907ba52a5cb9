from __future__ import annotations

import json
from mmap import mmap
from pathlib import Path

import numpy as np
import pytest
from by_keys import by_keys
from pose_files import body, edit, flat, openpose

from skelf.errors import InputError
from skelf.layouts import COCO17, HALPE26, OPENPOSE18, OPENPOSE25

read = by_keys("openpose")


def write(folder: Path, poses: dict[int, list[np.ndarray]], name: str = "v") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for frame, people in poses.items():
        content = {"people": [{"pose_keypoints_2d": flat(pose)} for pose in people]}
        (folder / f"{name}_{frame:012d}_keypoints.json").write_text(json.dumps(content))
    return folder


def test_values(tmp_path: Path) -> None:
    openpose(tmp_path)
    clips = read(tmp_path, persons=1, fps=25)
    assert clips.skeleton is OPENPOSE25 and clips.names == ["walk/video1"]
    assert clips.confidence and clips.coordinates == 2 and clips.fps.tolist() == [25]
    assert clips.label.tolist() == [-1] and clips.class_names == ()
    for t in range(4):  # y points up
        np.testing.assert_allclose(clips.clip(0)[t, 0], body(25, t) * [1, -1, 1], rtol=1e-6)
    bare = read(tmp_path, persons=1, confidence=False)
    np.testing.assert_array_equal(bare.joints, clips.joints[..., :2])
    assert not bare.confidence and bare.channels == 2


def test_classes_are_the_first_folders(tmp_path: Path) -> None:
    openpose(tmp_path)
    write(tmp_path / "sit" / "a", {0: [body(25)]})
    write(tmp_path / "sit" / "b", {0: [body(25)]}, "b")
    clips = read(tmp_path, folders="class")
    assert clips.class_names == ("sit", "walk") and clips.label.tolist() == [0, 0, 1]
    assert clips.names == ["sit/a/v", "sit/b", "walk/video1"]
    write(tmp_path, {0: [body(25)]})
    with pytest.raises(InputError, match="this clip is in no class folder"):
        read(tmp_path, folders="class")
    with pytest.raises(
        InputError, match=r"openpose\.folders: Input should be 'none' or 'class', got 'x'"
    ):
        read(tmp_path, folders="x")


def test_videos_of_one_folder(tmp_path: Path) -> None:
    write(tmp_path, {0: [body(18)], 1: [body(18)]}, "first")
    write(tmp_path, {7: [body(18)]}, "second")
    clips = read(tmp_path)
    assert clips.skeleton is OPENPOSE18
    assert clips.names == ["first", "second"] and clips.length.tolist() == [2, 1]


def test_left_out_frames_are_bridged(tmp_path: Path) -> None:
    write(tmp_path, {10: [body(25, 0)], 11: [], 13: [body(25, 3)], 14: [body(25, 4)]})
    clips = read(tmp_path, persons=1)
    assert clips.length.tolist() == [5]
    for t in (1, 2):  # on the line between frames 0 and 3; nobody saw them: confidence 0
        want = body(25, t) * [1, -1, 0]
        np.testing.assert_allclose(clips.clip(0)[t, 0], want, rtol=1e-5)
    kept = read(tmp_path, persons=1, missing="keep")
    assert not kept.clip(0)[1:3].any()


def test_every_fifth_frame(tmp_path: Path) -> None:
    write(tmp_path, {t: [body(25, t)] for t in range(0, 25, 5)})
    with pytest.warns(UserWarning, match="1 videos hold every 5th frame, as v; fps is meant"):
        assert read(tmp_path).length.tolist() == [5]


def test_threshold(tmp_path: Path) -> None:
    pose = body(25)
    pose[:, 2] = np.linspace(0, 1, 25)
    write(tmp_path, {0: [pose]})
    for threshold in (0.0, 0.05, 0.5, 1.0):
        found = read(tmp_path, persons=1, threshold=threshold).joints[0, 0]
        want = (pose[:, 2] > 0) & (pose[:, 2] >= threshold)
        assert ((found != 0).all(axis=1) == want).all() and not found[~want].any()


def test_two_people_who_change_places_in_the_list(tmp_path: Path) -> None:
    near, far = [body(25, t, 100) for t in range(4)], [body(25, t, 500) for t in range(4)]
    write(tmp_path, {t: [near[t], far[t]][:: (-1) ** t] for t in range(4)})
    clip = read(tmp_path).clip(0)
    centres = clip[..., 0].mean(axis=2)
    assert (np.abs(np.diff(centres, axis=0)) < 3).all() and (np.ptp(centres, axis=1) > 300).all()
    with pytest.warns(UserWarning, match="1 of 2 tracks left out, no room beside persons=1"):
        assert read(tmp_path, persons=1).persons == 1


def test_given_numbers_of_persons(tmp_path: Path) -> None:
    for t in range(4):
        places = (100, 500) if t % 2 else (500, 100)  # they jump; their numbers tell them apart
        people = [
            {"person_id": [k], "pose_keypoints_2d": flat(body(25, 0, at))}
            for k, at in enumerate(places)
        ]
        (tmp_path / f"v_{t}_keypoints.json").write_text(json.dumps({"people": people}))
    centres = read(tmp_path).clip(0)[..., 0].mean(axis=2)
    assert (np.abs(np.diff(centres, axis=0)) > 300).all()


def test_confidence_above_one(tmp_path: Path) -> None:
    write(tmp_path, {0: [body(25) * [1, 1, 2.5]]})
    with pytest.warns(UserWarning, match=r"above 1 in 25 joints \(up to 1.25\), taken as 1"):
        assert read(tmp_path).joints[..., 2].max() == 1


def test_nobody(tmp_path: Path) -> None:
    write(tmp_path / "a", {0: []})
    with pytest.raises(InputError, match="nobody was found in any of 1 videos"):
        read(tmp_path)
    write(tmp_path / "b", {0: [body(25)]})
    with pytest.warns(UserWarning, match="1 of 2 videos show nobody, left out: a/v"):
        assert read(tmp_path).names == ["b/v"]


def test_face_and_hands_alone(tmp_path: Path) -> None:
    write(tmp_path, {0: [np.zeros((0, 3))], 1: [body(25)]})
    assert not read(tmp_path).clip(0)[0].any()


def test_refusals(tmp_path: Path) -> None:
    file = openpose(tmp_path)
    for options, match in (
        ({"persons": 0}, "persons: Input should be greater than or equal to 1, got 0"),
        ({"persons": 257}, "persons: Input should be less than or equal to 256, got 257"),
        ({"missing": "cubic"}, "missing: Input should be 'keep', 'hold' or 'linear', got 'cubic'"),
        ({"threshold": 1.5}, "threshold: Input should be less than or equal to 1, got 1.5"),
        ({"fps": 0}, "fps: Input should be greater than 0, got 0"),
    ):
        with pytest.raises(InputError, match=match):
            read(tmp_path, **options)
    with pytest.raises(
        InputError, match=r"people\[0\]: pose_keypoints_2d: 25 joints, expected coco"
    ):
        read(tmp_path, COCO17)
    with pytest.raises(InputError, match=r"people\[0\]: pose_keypoints_2d: 26 numbers are not 3"):
        edit(file, lambda c: c["people"][0].update(pose_keypoints_2d=[1.0] * 26))
        read(tmp_path)
    file.rename(file.with_name("video1_3_keypoints.json"))
    with pytest.raises(InputError, match="are one frame by their names"):
        read(tmp_path)
    write(tmp_path / "z", {0: [body(18)]})
    file.with_name("video1_3_keypoints.json").unlink()
    with pytest.raises(
        InputError, match="18 joints of 3 numbers, the videos before it have 25 of 3"
    ):
        read(tmp_path)


def test_a_single_image(tmp_path: Path) -> None:
    write(tmp_path, {0: [body(25)]}).joinpath("v_000000000000_keypoints.json").rename(
        tmp_path / "photo_keypoints.json"
    )
    clips = read(tmp_path)
    assert clips.names == ["photo"] and clips.length.tolist() == [1]


def test_videos_too_large_to_hold(tmp_path: Path) -> None:
    write(tmp_path, {0: [body(25)], 1: [body(25)], 100_000: []})
    assert read(tmp_path, persons=1).length.tolist() == [100_001]
    with pytest.raises(InputError, match="100001 frames of 256 persons are too many for one clip"):
        read(tmp_path, persons=256)
    assert isinstance(read(tmp_path, persons=1).joints.base, np.memmap | mmap)  # not in memory


def test_joints_at_the_very_origin_are_missing(tmp_path: Path) -> None:
    """Nothing but zeros is how a store writes a missing joint, so its confidence must say so."""
    poses = [body(25, frame) for frame in range(3)]
    poses[1][4, :2] = 0
    path = write(tmp_path / "v", dict(enumerate([pose] for pose in poses)))
    clip = read(path, persons=1, missing="keep").clip(0)
    assert (clip[1, 0, 4] == 0).all()
    assert (clip[..., 2] > 0).sum() == 3 * 25 - 1


def test_names_of_pose2sim(tmp_path: Path) -> None:
    for camera in (1, 2):
        folder = tmp_path / f"cam{camera}_json"
        folder.mkdir()
        for t in range(5):
            content = {"people": [{"pose_keypoints_2d": flat(body(26, t))}]}
            (folder / f"cam{camera}_{t:06d}.json").write_text(json.dumps(content))
    clips = read(tmp_path, persons=1)
    assert clips.names == ["cam1_json/cam1", "cam2_json/cam2"] and clips.length.tolist() == [5, 5]
    assert clips.skeleton is HALPE26
    np.testing.assert_allclose(clips.clip(1)[4, 0], body(26, 4) * [1, -1, 1], rtol=1e-6)


def test_other_json_beside_the_frames_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "v", {0: [body(25)], 1: [body(25)]})
    (tmp_path / "calibration.json").write_text("{}")
    assert read(tmp_path).names == ["v"]


def test_a_number_behind_the_frames(tmp_path: Path) -> None:
    write(tmp_path, {t: [body(25, t)] for t in range(3)})
    for t in range(3):
        (tmp_path / f"v_{t:012d}_keypoints.json").rename(
            tmp_path / f"frame_{t:04}_cam2_keypoints.json"
        )
    clips = read(tmp_path)
    assert clips.names == ["cam2"] and clips.length.tolist() == [3]


@pytest.mark.parametrize("nobody", [{}, None, {"pose_keypoints_2d": None}])
def test_empty_places_in_the_list_of_people(nobody: object, tmp_path: Path) -> None:
    write(tmp_path, {t: [body(25, t)] for t in range(3)})
    want = read(tmp_path).digest()
    for file in tmp_path.iterdir():
        edit(file, lambda c: c["people"].insert(0, nobody))
    assert read(tmp_path).digest() == want


@pytest.mark.parametrize("form", ["list", "frames", "numbered"])
def test_all_frames_in_one_file(form: str, tmp_path: Path) -> None:
    frames = [{"people": [{"pose_keypoints_2d": flat(body(25, t))}]} for t in range(5)]
    if form == "numbered":
        del frames[2]
        for t, frame in zip((0, 1, 3, 4), frames, strict=True):
            frame["frame"] = t  # type: ignore[assignment]  # any JSON
    for name in ("v1", "v2"):  # which are no two frames of one video
        content = {"frames": frames} if form == "frames" else frames
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    clips = read(tmp_path, persons=1)
    assert clips.names == ["v1", "v2"] and clips.length.tolist() == [5, 5]
    np.testing.assert_allclose(clips.clip(0)[4, 0], body(25, 4) * [1, -1, 1], rtol=1e-6)
    assert read(tmp_path / "v1.json", persons=1).length.tolist() == [5]
    (tmp_path / "v3.json").write_text(json.dumps({"people": []}))
    with pytest.raises(InputError, match="a list of frames among files of one frame each"):
        read(tmp_path)


def test_a_person_of_nan(tmp_path: Path) -> None:
    poses = [body(25, t) for t in range(5)]
    poses[2][:] = np.nan
    clip = read(write(tmp_path, dict(enumerate([p] for p in poses))), persons=1).clip(0)
    np.testing.assert_allclose(clip[2, 0], body(25, 2) * [1, -1, 0], rtol=1e-6)

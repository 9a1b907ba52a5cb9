"""MMPose's and MMSkeleton's JSON in all forms: frames of instances, and poses in space."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives
from pose_files import body, flat

from skelf.data.formats.look import Look
from skelf.data.formats.members import Member
from skelf.data.formats.pose_signs import mmpose as told
from skelf.data.readers.mmpose import read_mmpose
from skelf.errors import InputError
from skelf.layouts import COCO17, H36M17, HALPE26, MPII16, WHOLEBODY133

read = by_keys("mmpose")
H36M = [
    "root", "right_hip", "right_knee", "right_foot", "left_hip", "left_knee", "left_foot", "spine",
    "thorax", "neck_base", "head", "left_shoulder", "left_elbow", "left_wrist", "right_shoulder",
    "right_elbow", "right_wrist",
]  # fmt: skip
POSETRACK = ["nose", "head_bottom", "head_top", *COCO17.names[3:]]


def instance(pose: np.ndarray, **fields: Any) -> dict[str, Any]:
    """As MMPose 1 writes it: joints without scores, and the scores beside them."""
    low, high = pose[:, :2].min(axis=0), pose[:, :2].max(axis=0)
    return {
        "keypoints": pose[:, :-1].tolist(),
        "keypoint_scores": pose[:, -1].tolist(),
        "bbox": [[*low.tolist(), *high.tolist()]],
        "bbox_score": 0.9,
    } | fields


def meta(names: Any) -> dict[str, Any]:
    return {
        "dataset_name": "x",
        "num_keypoints": len(names),
        "keypoint_id2name": {str(i): name for i, name in enumerate(names)},
        "keypoint_colors": {"__ndarray__": [[0, 1, 2]]},
    }


def demo(frames: list[list[dict[str, Any]]], names: Any = COCO17.names, first: int = 1) -> Any:
    """As the demos write a video."""
    rows = [{"frame_id": t, "instances": listed} for t, listed in enumerate(frames, first)]
    return {"meta_info": meta(names), "instance_info": rows}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def look(path: Path) -> str:
    return told(Look.at(Member(path)))


def check(path: Path, frames: int = 4, joints: int = 17, **options: Any) -> None:
    """The clip of `path` is the test's body."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clip = read(path, persons=1, **options).clip(0)
    assert len(clip) == frames
    for t in range(frames):
        np.testing.assert_allclose(clip[t, 0], body(joints, t) * [1, -1, 1], rtol=1e-6)


def test_videos_of_the_demo_and_the_inferencer(tmp_path: Path) -> None:
    frames = [[instance(body(17, t))] for t in range(4)]
    file = write(tmp_path / "results_walk.json", demo(frames))
    assert "instance_info" in look(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clips = read(tmp_path, persons=1)
    assert clips.skeleton is COCO17 and clips.names == ["results_walk"]
    check(file)
    inferencer = [{"frame_id": t, "instances": listed} for t, listed in enumerate(frames)]
    file = write(tmp_path / "walk.json", inferencer)
    assert "inferencer" in look(file)
    check(file)
    assert read(tmp_path).names == ["results_walk", "walk"]


FORMS: dict[str, Callable[[np.ndarray], object]] = {
    "x, y, score of MMPose 0": lambda p: [{"bbox": [1, 2, 3, 4, 0.9], "keypoints": p.tolist()}],
    "flat": lambda p: [{"keypoints": flat(p)}],
    "predictions": lambda p: {"predictions": [[instance(p)]], "visualization": []},
    "rtmlib": lambda p: {"keypoints": [p[:, :2].tolist()], "scores": [p[:, 2].tolist()]},
    "instances": lambda p: {"instances": [instance(p, track_id=3)]},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_other_forms_of_a_frame(form: str, tmp_path: Path) -> None:
    check(write(tmp_path / "walk.json", [FORMS[form](body(17, t)) for t in range(4)]))


def test_a_file_for_each_image(tmp_path: Path) -> None:
    for t in (3, 4, 6):  # images that were left out are frames without anybody
        rows = [instance(body(17, t - 3))]
        image = rows if t < 6 else {"meta_info": meta(COCO17.names), "instance_info": rows}
        write(tmp_path / "predictions" / f"walk_{t:04d}.json", image)
    assert look(tmp_path / "predictions" / "walk_0003.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clips = read(tmp_path, persons=1)
    assert clips.names == ["predictions/walk"] and clips.length.tolist() == [4]
    for at in (0, 1, 3):
        np.testing.assert_allclose(clips.clip(0)[at, 0], body(17, at) * [1, -1, 1], rtol=1e-6)
    write(tmp_path / "predictions" / "walk_0005.json", [])
    assert not read(tmp_path, persons=1, missing="keep").clip(0)[2].any()
    write(tmp_path / "predictions" / "walk_0007.json", demo([[instance(body(17))]]))
    with pytest.raises(InputError, match="a list of frames among files of one frame each"):
        read(tmp_path)


def test_layouts_by_names(tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(17)
    names = [COCO17.names[i] for i in order]
    frames = [[instance(body(17, t)[order])] for t in range(4)]
    check(write(tmp_path / "a.json", demo(frames, names)))
    halpe = ["nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder",
             "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip",
             "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "head", "neck",
             "hip", "left_big_toe", "right_big_toe", "left_small_toe", "right_small_toe",
             "left_heel", "right_heel"]  # fmt: skip
    file = write(tmp_path / "a.json", demo([[instance(body(26, t))] for t in range(4)], halpe))
    assert read(file).skeleton is HALPE26
    check(file, joints=26)
    file = write(tmp_path / "a.json", demo([[instance(body(17))]], POSETRACK))
    with pytest.raises(InputError, match=r"no built-in layout has these 17 joints \(nose, head_b"):
        read(file)  # as many joints as COCO's, in another order
    with pytest.raises(InputError, match="meta_info names 16"):
        read(write(tmp_path / "a.json", demo([[instance(body(17))]], POSETRACK[:16])))


def test_layouts_by_number(tmp_path: Path) -> None:
    def of(joints: int, **options: Any) -> Any:
        content = [{"frame_id": 0, "instances": [instance(body(joints))]}]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read(write(tmp_path / "a.json", content), **options)

    assert of(17).skeleton is COCO17 and of(26).skeleton is HALPE26 and of(16).skeleton is MPII16
    whole = of(133)
    assert whole.skeleton is COCO17
    np.testing.assert_allclose(whole.joints[0, 0], body(133)[:17] * [1, -1, 1], rtol=1e-6)
    full = of(133, layout="wholebody133")
    assert full.skeleton is WHOLEBODY133
    np.testing.assert_allclose(full.joints[0, 0], body(133) * [1, -1, 1], rtol=1e-6)
    assert of(136).skeleton is HALPE26 and of(136, layout="halpe136").skeleton.joints == 136
    with pytest.raises(InputError, match="14 joints without names; name the layout"):
        of(14)
    with pytest.raises(InputError, match=r"17 joints, the layout 'halpe26' has 26"):
        of(17, layout="halpe26")


def test_a_note_of_whole_bodies(tmp_path: Path) -> None:
    names = [*COCO17.names, *(f"face-{i}" for i in range(116))]
    file = write(tmp_path / "a.json", demo([[instance(body(133))]], names))
    with pytest.warns(UserWarning, match=r"of 133 joints the first 17.*--layout wholebody133"):
        assert read(file).skeleton is COCO17


def test_scores_above_one(tmp_path: Path) -> None:
    pose = body(17)
    pose[:, 2] = 1.1
    with pytest.warns(UserWarning, match=r"above 1 in 17 joints \(up to 1\.1\)"):
        assert read(write(tmp_path / "a.json", demo([[instance(pose)]]))).joints.max() > 1


def test_persons_by_their_numbers(tmp_path: Path) -> None:
    frames = []
    for t in range(4):  # they jump; their numbers tell them apart
        places = (100, 500) if t % 2 else (500, 100)
        frames.append([instance(body(17, 0, at), track_id=k) for k, at in enumerate(places)])
    centres = read(write(tmp_path / "a.json", demo(frames))).clip(0)[..., 0].mean(axis=2)
    assert (np.abs(np.diff(centres, axis=0)) > 300).all()


def standing(frame: int = 0) -> np.ndarray:
    """Human3.6M's joints of somebody who stands before the camera: `(17, 3)`, y up, z to it."""
    right = np.array([[0, 0, 0], [-0.1, 0, 0], [-0.1, -0.4, 0.1], [-0.1, -0.8, 0]])
    left = right[1:] * [-1, 1, 1]
    back = np.array([[0, 0.2, 0], [0, 0.45, 0], [0, 0.55, 0.05], [0, 0.65, 0]])
    arm = np.array([[0.2, 0.42, 0], [0.25, 0.2, 0.05], [0.27, 0, 0.2]])
    arms = np.vstack([arm, arm * [-1, 1, 1]])
    return np.vstack([right, left, back, arms]) + np.array([0.01 * frame, 0, 0])


def lifted(points: np.ndarray, rebased: bool = True) -> np.ndarray:
    """What MMPose's 3D demo makes of camera axes: x, z, -y with x turned round; score last."""
    x, y, z = (points * [1, -1, -1]).T  # in the camera's axes: y down, z away
    made = np.stack([-x, z, -y], axis=1)
    made[:, 2] -= made[:, 2].min() if rebased else 0
    return np.column_stack([made, np.full(len(made), 0.9)])


@pytest.mark.parametrize("rebased", [True, False])
@pytest.mark.parametrize("named", [True, False])
def test_poses_in_space_are_turned_back(tmp_path: Path, rebased: bool, named: bool) -> None:
    rows = [
        {"keypoints": (pose := lifted(standing(t), rebased))[:, :3].tolist(),
         "keypoint_scores": [[score] for score in pose[:, 3]]}
        for t in range(4)
    ]  # fmt: skip
    content: Any = [{"frame_id": t, "instances": [row]} for t, row in enumerate(rows)]
    content = {"meta_info": meta(H36M), "instance_info": content} if named else content
    with pytest.warns(UserWarning, match="z up and mirrored, as MMPose writes them"):
        clips = read(write(tmp_path / "a.json", content), persons=1)
    assert clips.skeleton is H36M17 and clips.coordinates == 3
    want = np.array([standing(t) for t in range(4)])
    want[..., 1] += 0.8 if rebased else 0  # the lowest joint of each frame is put to 0
    np.testing.assert_allclose(clips.clip(0)[:, 0, :, :3], want, atol=1e-6)
    assert clips.joints[0, 0, H36M17.names.index("LHip"), 0] > 0  # at the camera's right


def test_other_axes_are_a_question(tmp_path: Path) -> None:
    camera = np.column_stack([standing() * [1, -1, -1], np.full(17, 0.9)])
    content = demo([[instance(camera)]], H36M)
    file = write(tmp_path / "a.json", content)
    with pytest.raises(InputError, match=r"z does not point up; axes=camera says"):
        read(file)
    clip = read(file, persons=1, axes="camera").clip(0)
    np.testing.assert_allclose(clip[0, 0, :, :3], standing(), atol=1e-6)
    coco = np.column_stack([np.random.default_rng(0).normal(size=(17, 3)), np.full(17, 0.9)])
    coco[:, 2] -= coco[:, 2].min()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (
            read(write(file, [{"frame_id": 0, "instances": [instance(coco)]}])).skeleton is COCO17
        )


def test_two_in_space_about_one_place(tmp_path: Path) -> None:
    near, far = standing(), standing() * [1, 1.2, 1]
    rows = [[instance(lifted(p)) | {"bbox": None} for p in (near, far)] for _ in range(4)]
    with pytest.warns(UserWarning, match="persons follow their order in the file"):
        clip = read(write(tmp_path / "a.json", demo(rows, H36M))).clip(0)
    assert (np.ptp(clip, axis=0) == 0).all()
    for t, row in enumerate(rows):  # with boxes in the image these tell them apart
        for k, one in enumerate(row):
            one["bbox"] = [[100 * k + t, 0, 100 * k + t + 50, 90]]
        rows[t] = row[:: (-1) ** t]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clip = read(write(tmp_path / "a.json", demo(rows, H36M))).clip(0)
    assert (np.ptp(clip, axis=0) < 1e-6).all()


def test_mmskeleton(tmp_path: Path) -> None:
    rows = [
        {"frame_index": t, "id": 0, "person_id": None, "keypoints": body(17, t).tolist()}
        for t in range(3)
    ]
    info = {"video_name": "a.mp4", "resolution": [340, 256], "num_frame": 5, "num_keypoints": 17,
            "keypoint_channels": ["x", "y", "score"], "version": "1.0"}  # fmt: skip
    content = {"info": info, "annotations": rows, "category_id": 2}
    file = write(tmp_path / "a.json", content)
    assert "MMSkeleton" in look(file)
    clips = read(file, persons=1)
    assert clips.length.tolist() == [5] and clips.label.tolist() == [0]
    assert clips.class_names == ("2",)
    np.testing.assert_allclose(clips.clip(0)[2, 0], body(17, 2) * [1, -1, 1], rtol=1e-6)
    assert not clips.clip(0)[3:].any()
    info["keypoint_channels"] = ["y", "x"]
    with pytest.raises(InputError, match="known are x, y, score"):
        read(write(file, content))


def test_easy_vitpose_has_y_first(tmp_path: Path) -> None:
    frames = [{"0": body(17, t)[:, [1, 0, 2]].tolist()} for t in range(4)]
    skeleton = {str(i): name for i, name in enumerate(COCO17.names)}
    file = write(tmp_path / "a.json", {"keypoints": frames, "skeleton": skeleton})
    assert "easy_ViTPose" in look(file)
    check(file)


def test_what_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.json"

    def refused(content: object) -> str:
        with pytest.raises(InputError) as error:
            read(write(file, content))
        assert "\n" not in str(error.value) and "a.json" in str(error.value)
        return str(error.value)

    assert "nobody is in it" in refused(demo([[], []]))
    assert "frame 1 stands twice" in refused(
        [{"frame_id": 1, "instances": [instance(body(17))]}] * 2
    )
    short = instance(body(17)) | {"keypoint_scores": [0.5]}
    assert "1 scores for 17 joints" in refused(demo([[short]]))
    depth = {"keypoints": (body(17) * [1, 1, 100]).tolist()}
    assert "no scores; where they are depths" in refused([{"frame_id": 0, "instances": [depth]}])
    mixed = demo([[instance(body(17))], [instance(body(26))]])
    assert "17 joints of 3, 26 joints of 3" in refused(mixed)
    for content in (None, 3, "text", [3], {"a": 1}, [[3]]):
        refused(content)
    for raw in (b"", b"{", b"\xff\xfe\x00a", b"[" * 100_000):
        file.write_bytes(raw)
        with pytest.raises(InputError, match=r"a\.json"):
            read(tmp_path)
    write(file, demo([[instance(body(17) * [np.inf, 1, 1])]]))
    with pytest.raises(InputError, match="no finite number"):
        read(file)
    assert not look(write(tmp_path / "b.json", [{"image_id": 1, "keypoints": [], "score": 1}]))


def test_other_names_in_another_file(tmp_path: Path) -> None:
    write(tmp_path / "a.json", demo([[instance(body(17))]]))
    write(tmp_path / "b.json", demo([[instance(body(17))]], H36M))
    with pytest.raises(InputError, match="other joints by their names than the first file's"):
        read(tmp_path)


@pytest.mark.slow
def test_damaged_files(tmp_path: Path) -> None:
    frames = [[instance(body(17, t)), instance(body(17, t, 300), track_id=2)] for t in range(3)]
    file = write(tmp_path / "a.json", demo(frames))
    assert survives(read_mmpose, tmp_path, file, 1000)[1] > 100
    rows = [[instance(lifted(standing(t)))] for t in range(3)]
    write(file, demo(rows, H36M))
    assert survives(read_mmpose, tmp_path, file, 1000)[1] > 100

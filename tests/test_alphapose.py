from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from pose_files import alphapose, body, edit, flat

from skelf.errors import InputError
from skelf.layouts import COCO17, HALPE26, OPENPOSE18

read = by_keys("alphapose")


def rows(joints: int, frames: range, **more: Any) -> list[dict[str, Any]]:
    return [
        {"image_id": f"{t}.jpg", "category_id": 1, "keypoints": flat(body(joints, t)), **more}
        for t in frames
    ]


def test_values(tmp_path: Path) -> None:
    alphapose(tmp_path)
    clips = read(tmp_path, persons=1, folders="class")
    assert clips.names == ["walk/video1"] and clips.class_names == ("walk",)
    assert clips.skeleton is COCO17 and clips.confidence
    for t in range(4):
        np.testing.assert_allclose(clips.clip(0)[t, 0], body(17, t) * [1, -1, 1], rtol=1e-6)
    one = read(tmp_path / "walk" / "video1" / "alphapose-results.json")
    assert one.names == ["video1"]


def test_halpe_and_whole_image_names(tmp_path: Path) -> None:
    found = rows(26, range(3), idx=[0.0])  # a list: no tracker ran
    for row in found:
        row["image_id"] = f"some/frame_{row['image_id']}"
    (tmp_path / "clip.json").write_text(json.dumps(found))
    clips = read(tmp_path)
    assert clips.skeleton is HALPE26 and clips.names == ["clip"]


def test_coco_results(tmp_path: Path) -> None:
    found = rows(17, range(3), score=0.9)
    for t, row in enumerate(found):
        row["image_id"] = 5 + t
    (tmp_path / "clip.json").write_text(json.dumps(found))
    assert read(tmp_path).length.tolist() == [3]


@pytest.mark.parametrize("form", ["cmu", "open"])
def test_other_forms(form: str, tmp_path: Path) -> None:
    key, inner = {"cmu": ("bodies", "joints"), "open": ("people", "pose_keypoints_2d")}[form]
    content = {
        f"{t}.jpg": {"version": "AlphaPose v0.3", key: [{inner: flat(body(18, t))}]}
        for t in range(4)
    }
    (tmp_path / "clip.json").write_text(json.dumps(content))
    clips = read(tmp_path / "clip.json", persons=1)
    assert clips.skeleton is OPENPOSE18
    np.testing.assert_allclose(clips.clip(0)[3, 0], body(18, 3) * [1, -1, 1], rtol=1e-6)


def test_the_trackers_number(tmp_path: Path) -> None:
    near, far = rows(17, range(4), idx=2), rows(17, range(4), idx=7)
    for t, (a, b) in enumerate(zip(near, far, strict=True)):
        a["keypoints"], b["keypoints"] = (flat(body(17, 0, x)) for x in (100, 500)[:: (-1) ** t])
    (tmp_path / "c.json").write_text(json.dumps(near + far))
    jumps = np.abs(np.diff(read(tmp_path).clip(0)[..., 0].mean(axis=2), axis=0))
    assert (jumps > 300).all()
    edit(tmp_path / "c.json", lambda c: [{k: v for k, v in r.items() if k != "idx"} for r in c])
    jumps = np.abs(np.diff(read(tmp_path).clip(0)[..., 0].mean(axis=2), axis=0))
    assert (jumps < 10).all()


def test_frames_between(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(rows(17, range(10, 20, 3))))
    clips = read(tmp_path, persons=1)
    assert clips.length.tolist() == [10] and clips.clip(0)[:, 0, :, :2].all()
    assert (clips.clip(0)[:, 0, :, 2].any(axis=1)).tolist() == [t % 3 == 0 for t in range(10)]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda c: c[1].pop("keypoints"), r"\[1\]: field 'keypoints' is missing \(there is box"),
        (lambda c: c[1].update(image_id="photo"), r"no frame number in 'photo'; number the frames"),
        (lambda c: c[1].update(image_id=None), r"\[1\]: image_id: expected a string, not NoneType"),
        (lambda c: c[1].update(keypoints="1 2 3"), r"keypoints: expected a list, not a string"),
        (lambda c: c[1].update(keypoints=[[1, 2, 3]]), r"expected a flat list of numbers"),
        (lambda c: c[1].update(keypoints=[1.0] * 50), r"50 numbers are not 3 for each joint"),
        (lambda c: c[1]["keypoints"].__setitem__(4, "1"), r"or not all of them numbers"),
        (lambda c: c[1].update(keypoints=[1.0] * 405), r"135 joints, expected coco17 \(17\) or op"),
        (lambda c: {"a.jpg": {}}, r"'a.jpg': field 'bodies' is missing"),
        (lambda c: [], r"nobody was found"),
    ],
)
def test_refusals(change: Any, match: str, tmp_path: Path) -> None:
    def changed(content: Any) -> Any:
        made = change(content)
        return made if made in ([], {"a.jpg": {}}) else content  # the others change in place

    edit(alphapose(tmp_path), changed)
    with pytest.raises(InputError, match=match):
        read(tmp_path)


def test_two_files_of_one_name(tmp_path: Path) -> None:
    from zipfile import ZipFile

    file = alphapose(tmp_path)
    with ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(file, "walk/video1/alphapose-results.json")
    with pytest.raises(InputError, match="gives a clip 'walk/video1' too; keep one"):
        read(tmp_path)


NAMES = {
    "a second number": "frame_{:04}_cam2.jpg",
    "a video's name": "walk_{}.mp4.jpg",
    "times": "Annotation 2021-09-27 16{0}0{0}06.png",
}


@pytest.mark.parametrize("form", NAMES)
def test_frames_never_become_persons(form: str, tmp_path: Path) -> None:
    found = rows(17, range(5))
    for t, row in enumerate(found):
        row["image_id"] = NAMES[form].format(t)
    (tmp_path / "c.json").write_text(json.dumps(found))
    if form == "times":
        with pytest.warns(UserWarning, match="c: the numbers in the names .* count no fr"):
            clips = read(tmp_path)
    else:
        clips = read(tmp_path)
    assert clips.names == ["c"] and clips.length.tolist() == [5]
    assert not clips.joints[:, 1].any()
    np.testing.assert_allclose(clips.clip(0)[4, 0], body(17, 4) * [1, -1, 1], rtol=1e-6)


def test_two_cameras_are_two_clips(tmp_path: Path) -> None:
    found = rows(17, range(3)) + rows(17, range(3))
    for i, row in enumerate(found):
        row["image_id"] = f"frame_{i % 3:04}_cam{1 + i // 3}.jpg"
    (tmp_path / "c.json").write_text(json.dumps(found))
    with pytest.warns(UserWarning, match=r"2 videos in one file .* \(cam1, cam2\); a clip each"):
        clips = read(tmp_path)
    assert clips.names == ["c/cam1", "c/cam2"] and clips.length.tolist() == [3, 3]
    assert not clips.joints[:, 1].any()


@pytest.mark.parametrize(("whole", "count"), [(133, 17), (136, 26), (68, 26)])
def test_of_whole_bodies_the_body_stays(whole: int, count: int, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(rows(whole, range(3))))
    with pytest.warns(UserWarning, match=f"of {whole} joints the first {count}, the body's"):
        clips = read(tmp_path, persons=1)
    assert clips.skeleton is {17: COCO17, 26: HALPE26}[count]
    want = body(whole, 2)[:count] * [1, -1, 1]
    np.testing.assert_allclose(clips.clip(0)[2, 0], want, rtol=1e-6)


def test_poses_of_another_category_are_left_out(tmp_path: Path) -> None:
    found = rows(17, range(3))
    found.insert(0, found[1] | {"category_id": 18, "keypoints": flat(body(17, 0, 900))})
    (tmp_path / "c.json").write_text(json.dumps(found))
    with pytest.warns(UserWarning, match="1 poses of category 18 left out, 1 is a person's"):
        assert not read(tmp_path).joints[:, 1].any()
    for row in found:
        row["category_id"] = 7  # of a model of one's own
    (tmp_path / "c.json").write_text(json.dumps(found))
    assert read(tmp_path).joints[:, 1].any()


@pytest.mark.parametrize("word", [None, float("nan"), "nan", ""])
def test_words_for_nothing(word: object, tmp_path: Path) -> None:
    edit(alphapose(tmp_path), lambda c: c[1]["keypoints"].__setitem__(4, word))
    clips = read(tmp_path, persons=1)
    np.testing.assert_allclose(
        clips.clip(0)[1, 0, 1], body(17, 1)[1] * [1, -1, 0], rtol=1e-6
    )  # on the line between its neighbours
    assert not read(tmp_path, persons=1, missing="keep").clip(0)[1, 0, 1].any()


@pytest.mark.parametrize(("layout", "joints"), [("wholebody133", 133), ("halpe136", 136)])
def test_whole_bodies_on_request(layout: str, joints: int, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps(rows(joints, range(3))))
    clips = read(tmp_path, layout, persons=1)
    assert clips.skeleton.name == layout
    np.testing.assert_allclose(clips.clip(0)[2, 0], body(joints, 2) * [1, -1, 1], rtol=1e-6)
    with pytest.warns(UserWarning, match=f"--layout {layout} reads hands and face too"):
        read(tmp_path)


def test_poseflow(tmp_path: Path) -> None:
    """Images, each with a list of poses that have the tracker's numbers."""
    frames = {
        f"{t}.jpg": [
            {"keypoints": flat(body(17, 0, at)), "scores": 2.5, "box": [1, 2, 3, 4], "idx": number}
            for number, at in zip((1, 2), (100, 500)[:: (-1) ** t], strict=True)
        ]
        for t in range(4)
    }
    (tmp_path / "c.json").write_text(json.dumps(frames))
    centres = read(tmp_path).clip(0)[..., 0].mean(axis=2)
    assert (np.abs(np.diff(centres, axis=0)) > 300).all()

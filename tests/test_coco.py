from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from pose_files import body, coco, edit, flat

from skelf.errors import InputError
from skelf.layouts import COCO17

read = by_keys("coco")


def test_values(tmp_path: Path) -> None:
    clips = read(coco(tmp_path), persons=1)
    assert clips.skeleton is COCO17 and clips.names == ["7"] and clips.confidence
    for t in range(4):
        np.testing.assert_allclose(clips.clip(0)[t, 0], body(17, t) * [1, -1, 1], rtol=1e-6)


def test_joints_in_another_order(tmp_path: Path) -> None:
    file = coco(tmp_path)
    want = read(file)
    order = np.random.default_rng(0).permutation(17)

    def change(content: Any) -> None:
        names = content["categories"][0]["keypoints"]
        content["categories"][0]["keypoints"] = [names[i].replace("_", " ").title() for i in order]
        for row in content["annotations"]:
            row["keypoints"] = np.reshape(row["keypoints"], (-1, 3))[order].ravel().tolist()

    edit(file, change)
    assert read(file).digest() == want.digest()
    assert read(file, "coco17").digest() == want.digest()


def test_visibility_becomes_confidence(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        for row in content["annotations"]:
            row["keypoints"][2::3] = [2, 1, 0, *[2] * 14]

    edit(file := coco(tmp_path), change)
    clips = read(file, persons=1, missing="keep")
    assert (clips.joints[:, 0, :3, 2] == [1, 0.5, 0]).all() and not clips.joints[:, 0, 2].any()
    assert not read(file, persons=1, missing="keep", threshold=0.75).joints[:, 0, 1].any()


def test_videos_by_folder_and_by_number(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        for t, image in enumerate(content["images"]):
            del image["video_id"], image["frame_id"]
            image["file_name"] = f"set\\{'ab'[t // 2]}\\{9 + t % 2}.jpg"
        content["images"].reverse()

    edit(file := coco(tmp_path), change)
    clips = read(file, persons=1)
    assert clips.names == ["set/b", "set/a"] and clips.length.tolist() == [2, 2]
    np.testing.assert_allclose(clips.clip(1)[1, 0], body(17, 1) * [1, -1, 1], rtol=1e-6)


def test_posetrack(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        for t, image in enumerate(content["images"]):
            del image["video_id"], image["frame_id"]
            image |= {"vid_id": "000342", "file_name": f"images/val/000342_mpii/{4 * t:06d}.jpg"}

    edit(file := coco(tmp_path), change)
    with pytest.warns(UserWarning, match="every 4th frame, as 000342"):
        clips = read(file)
    assert clips.names == ["000342"] and clips.length.tolist() == [4]


def test_boxes_alone_are_passed_over(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        content["annotations"] += [{"image_id": 10, "bbox": [1, 2, 3, 4]}]
        content["annotations"] += [{"image_id": 10, "keypoints": [], "bbox": [1, 2, 3, 4]}]

    file = coco(tmp_path)
    want = read(file).digest()
    edit(file, change)
    assert read(file).digest() == want


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda c: c.pop("categories"), "field 'categories' is missing .there is annotations"),
        (lambda c: c["categories"][0].pop("keypoints"), "none has keypoints"),
        (lambda c: c["categories"][0]["keypoints"].pop(), "no built-in layout has these 16"),
        (lambda c: c["images"][0].pop("id"), r"images\[0\]: field 'id' is missing"),
        (lambda c: c["images"][0].update(file_name=3, id=9), "file_name: expected a string"),
        (lambda c: c["images"][0].update(video_id=[]), "video: expected a string, not a list"),
        (lambda c: c["annotations"][2].update(image_id="1"), r"annotations\[2\]: image_id: exp"),
        (lambda c: c["annotations"].clear(), "nobody was found"),
        (lambda c: c["images"][0].update(frame_id=10**14), "a video has at most"),
    ],
)
def test_refusals(change: Any, match: str, tmp_path: Path) -> None:
    def changed(content: Any) -> Any:
        change(content)
        return content

    edit(file := coco(tmp_path), changed)
    with pytest.raises(InputError, match=match):
        read(file)


def test_other_files(tmp_path: Path) -> None:
    file = coco(tmp_path)
    with pytest.raises(InputError, match="a folder; name one annotation file"):
        read(tmp_path)
    with pytest.raises(InputError, match="17 joints, expected openpose25"):
        read(file, "openpose25")
    edit(file, lambda c: c["annotations"])
    with pytest.raises(InputError, match="a list of results; import it as alphapose"):
        read(file)


def unnumbered(content: Any, name: str) -> Any:
    """The images by file names alone."""
    for t, image in enumerate(content["images"]):
        del image["video_id"], image["frame_id"]
        image["file_name"] = name.format(t)
    return content


@pytest.mark.parametrize(
    "name", ["walk/f{:04}_cam1.jpg", "clip_mp4-{}_jpg.rf.8c0f1a90b7d35e2ab1c{}.jpg"]
)
def test_frames_never_become_persons(name: str, tmp_path: Path) -> None:
    edit(file := coco(tmp_path), lambda c: unnumbered(c, name.replace("c{}", "c0")))
    clips = read(file)
    assert clips.length.tolist() == [4] and not clips.joints[:, 1].any()
    np.testing.assert_allclose(clips.clip(0)[3, 0], body(17, 3) * [1, -1, 1], rtol=1e-6)


def test_two_cameras_of_one_folder(tmp_path: Path) -> None:
    def change(content: Any) -> None:
        unnumbered(content, "walk/{}.jpg")
        for t, image in enumerate(content["images"]):
            image["file_name"] = f"walk/f{t // 2:04}_cam{1 + t % 2}.jpg"

    edit(file := coco(tmp_path), change)
    with pytest.warns(UserWarning, match="2 videos in one file"):
        clips = read(file)
    assert clips.names == ["walk/cam1", "walk/cam2"] and clips.length.tolist() == [2, 2]


def test_one_frame_twice(tmp_path: Path) -> None:
    edit(file := coco(tmp_path), lambda c: c["images"][1].update(frame_id=0))
    with pytest.raises(InputError, match="7: frame 0 stands twice"):
        read(file)
    edit(file, lambda c: unnumbered(c, "walk/1.jpg"))
    with pytest.raises(InputError, match=r"two images are called '1\.jpg'"):
        read(file)


@pytest.mark.parametrize("joints", [5, 17])
@pytest.mark.parametrize("first", [False, True])
def test_another_category_is_passed_over(joints: int, first: bool, tmp_path: Path) -> None:
    """A dog of 5 joints, a statue of 17; listed before or after the persons."""
    file = coco(tmp_path)
    want = read(file).digest()

    def change(content: Any) -> None:
        other = {"id": 2, "name": "statue", "keypoints": list(COCO17.names)[:joints]}
        content["categories"].insert(0 if first else 1, other)
        pose = {"image_id": 10, "category_id": 2, "keypoints": [9.0, 9.0, 2] * joints}
        content["annotations"].append(pose)

    edit(file, change)
    with pytest.warns(UserWarning, match=r"1 annotations are no 'person' .*: 1 of category 2"):
        assert read(file).digest() == want


def test_a_category_by_the_layout(tmp_path: Path) -> None:
    """Who names a layout wants the category that has it."""
    layout = tmp_path / "dog.toml"
    layout.write_text('names = ["a", "b", "c"]\nparents = [-1, 0, 0]\ncentre = 0')

    def change(content: Any) -> None:
        content["categories"].append({"id": 2, "name": "dog", "keypoints": ["a", "b", "c"]})
        pose = {"image_id": 10, "category_id": 2, "keypoints": [1.0, 2.0, 2] * 3}
        content["annotations"].append(pose)

    edit(file := coco(tmp_path), change)
    with pytest.warns(UserWarning, match="4 annotations are no 'dog'"):
        assert read(file, str(layout)).skeleton.joints == 3


def test_of_more_joints_those_of_a_layout(tmp_path: Path) -> None:
    """COCO-WholeBody, or a neck besides."""
    file = coco(tmp_path)
    want = read(file).digest()

    def change(content: Any) -> None:
        names = content["categories"][0]["keypoints"]
        content["categories"][0]["keypoints"] = [*names, "left_big_toe", "face-0"]
        for row in content["annotations"]:
            row["keypoints"] += [1.0, 2.0, 0.5] * 2

    edit(file, change)
    with pytest.warns(UserWarning, match="of 19 joints the 17 of coco17 are read"):
        assert read(file).digest() == want


def test_whole_bodies_in_parts(tmp_path: Path) -> None:
    """COCO-WholeBody keeps feet, face and hands beside the body's joints."""
    sizes = {"foot_kpts": 6, "face_kpts": 68, "lefthand_kpts": 21, "righthand_kpts": 21}
    file = coco(tmp_path)
    want = read(file).digest()

    def change(content: Any) -> None:
        for row in content["annotations"]:
            at = 17
            for part, count in sizes.items():
                row[part] = flat(body(133)[at : at + count])
                at += count

    edit(file, change)
    with pytest.warns(UserWarning, match="feet, face and hands of 4 annotations are passed over"):
        assert read(file).digest() == want
    clips = read(file, "wholebody133", persons=1)
    assert clips.skeleton.name == "wholebody133"
    np.testing.assert_allclose(clips.joints[0, 0, 17:], body(133)[17:] * [1, -1, 1], rtol=1e-6)

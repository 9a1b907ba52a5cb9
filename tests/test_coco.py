from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from pose_files import body, coco, edit

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

"""YOLO's pose labels: shares of the image, two or three numbers a joint, a file a frame."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_keys import by_keys
from mutants import survives

from skelf.data.formats.look import Look
from skelf.data.formats.members import Member
from skelf.data.formats.pose_signs import yolo as told
from skelf.data.readers.yolo import read_yolo
from skelf.errors import InputError
from skelf.layouts import COCO17, HALPE26

read = by_keys("yolo")


def pose(frame: int = 0, at: float = 0.3, joints: int = 17) -> np.ndarray:
    """`(V, 2)` as shares of the image, about `at`."""
    rng = np.random.default_rng(joints)
    places = rng.uniform(-0.05, 0.05, (joints, 2)) + np.array([at + 0.005 * frame, 0.5])
    return places.round(6)


def line(
    points: np.ndarray, sure: float | np.ndarray | None = 0.9, behind: Sequence[float] = (),
    label: int = 0,
) -> str:  # fmt: skip
    """A line of a label file; the box is about the joints."""
    low, high = points.min(axis=0), points.max(axis=0)
    numbers = [*((low + high) / 2), *(high - low)]
    columns = points if sure is None else np.column_stack([points, np.zeros(len(points)) + sure])
    numbers += columns.reshape(-1).tolist()
    return " ".join([str(label), *(f"{value:g}" for value in (*numbers, *behind))])


def labels(folder: Path, frames: dict[int, list[str]], name: str = "vid") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, lines in frames.items():
        (folder / f"{name}_{number}.txt").write_text("\n".join(lines) + "\n")
    return folder


def quiet(*args: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read(*args, **options)


def test_values_and_frames(tmp_path: Path) -> None:
    frames = {t: [line(pose(t))] for t in (9, 10, 12)}  # in frame 11 nobody was found: no file
    labels(tmp_path / "predict" / "labels", frames)
    with pytest.warns(UserWarning, match="shares of the image's width and height"):
        clips = read(tmp_path, persons=1)
    assert clips.skeleton is COCO17 and clips.names == ["predict/vid"]
    assert clips.length.tolist() == [4]  # 9, 10, 11, 12 in the order of their numbers
    for at, t in ((0, 9), (1, 10), (2, 11), (3, 12)):
        np.testing.assert_allclose(clips.clip(0)[at, 0, :, :2], pose(t) * [1, -1], atol=1e-6)
    assert not clips.clip(0)[2, 0, :, 2].any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pixels = read(tmp_path / "predict" / "labels", persons=1, size="1920x1080")
    np.testing.assert_allclose(pixels.clip(0)[0, 0, :, :2], pose(9) * [1920, -1080], atol=1e-2)
    with pytest.raises(InputError, match="as 1920x1080"):
        read(tmp_path, size="big")


def test_two_numbers_a_joint(tmp_path: Path) -> None:
    points = pose()
    points[3] = 0  # not found
    points[5, 1] = 1  # below the image, cut off to its edge
    labels(tmp_path, {1: [line(points, None)]})
    with pytest.warns(UserWarning, match="1 joints lie on the image's edge"):
        clip = read(tmp_path, persons=1, missing="keep").clip(0)[0, 0]
    seen = clip[:, 2] == 1
    assert (~seen).nonzero()[0].tolist() == [3, 5] and not clip[~seen].any()
    np.testing.assert_allclose(clip[seen, :2], points[seen] * [1, -1], atol=1e-6)


def test_unsure_joints_are_written_as_zeros(tmp_path: Path) -> None:
    points, sure = pose(), np.full(17, 0.9)
    points[4], sure[4] = 0, 0.42  # Ultralytics writes so what is surer than 0 and below 0.5
    labels(tmp_path, {1: [line(points, sure)]})
    assert not quiet(tmp_path, persons=1, missing="keep").clip(0)[0, 0, 4].any()


@pytest.mark.parametrize("sure", [0.9, None])
@pytest.mark.parametrize("confidence", [True, False])
def test_persons_by_their_numbers(tmp_path: Path, sure: float | None, confidence: bool) -> None:
    for t in range(4):  # they change places; the numbers behind the joints tell them apart
        at = (0.2, 0.7)[:: (-1) ** t]
        behind = [[0.8, 1], [0.7, 2]] if confidence else [[1], [2]]
        rows = [line(pose(0, x), sure, b) for x, b in zip(at, behind, strict=True)]
        labels(tmp_path, {t: rows[:: (-1) ** (t // 2)]})
    centres = quiet(tmp_path).clip(0)[..., 0].mean(axis=2)
    assert (np.abs(np.diff(centres, axis=0)) > 0.4).all()


def test_confidence_alone_is_no_person(tmp_path: Path) -> None:
    labels(tmp_path, {t: [line(pose(t), behind=[1]), line(pose(t, 0.7), behind=[0.9])]
                      for t in range(3)})  # fmt: skip
    centres = quiet(tmp_path).clip(0)[..., 0].mean(axis=2)
    assert (np.abs(np.diff(centres, axis=0)) < 0.01).all()
    for file in tmp_path.iterdir():
        file.unlink()
    labels(tmp_path, {0: [line(pose(), behind=[0.9])], 1: [line(pose(1), behind=[0.9, 4])]})
    assert quiet(tmp_path, persons=1).length.tolist() == [2]  # before the tracker knew anybody


def test_frames_that_were_added_to_one_file(tmp_path: Path) -> None:
    many = [line(pose(t), None) for t in range(30)]
    labels(tmp_path / "a", {0: many}, "image")
    with pytest.raises(InputError, match=r"image_0\.txt: 30 lines of which persons lie on each"):
        read(tmp_path)
    two = [line(pose(t, at), behind=[0.9, k]) for t in range(9) for k, at in ((1, 0.2), (2, 0.8))]
    labels(tmp_path / "a", {0: two}, "image")
    with pytest.raises(InputError, match="frames that were added to one file"):
        read(tmp_path)


def test_datasets(tmp_path: Path) -> None:
    flags = np.array([2, 1, 0] * 5 + [2, 2])
    yaml = "path: x\ntrain: images/train\nkpt_shape: [17, 3]\nnames:\n  0: dog\n  1: person\n"
    (tmp_path / "data.yaml").write_text(yaml)
    for side, count in (("train", 3), ("val", 2)):
        frames = {
            t: [line(pose(t), flags, label=1), line(pose(t, 0.8), flags)] for t in range(count)
        }
        labels(tmp_path / "labels" / side, frames, side)
    (tmp_path / "labels" / "classes.txt").write_text("dog\nperson\n")
    with pytest.warns(UserWarning, match="5 objects|3 objects of other classes than 1"):
        clips = read(tmp_path, persons=1, missing="keep")
    assert clips.names == ["train", "val"] and clips.splits["official"].tolist() == [1, 2]
    assert clips.clip(0)[0, 0, :3, 2].tolist() == [1, 0.5, 0]
    (tmp_path / "data.yaml").write_text("kpt_shape: [17, 3]\nnames: ['sit', 'stand']\n")
    with pytest.raises(InputError, match=r"2 classes \(0 sit, 1 stand\)"):
        read(tmp_path)
    assert quiet(tmp_path, objects="all").persons == 2
    one = quiet(tmp_path, objects="0", persons=1).clip(0)[..., 0]
    assert one[one != 0].mean() > 0.6
    with pytest.raises(InputError, match="number of a class, or all"):
        read(tmp_path, objects="dog")
    (tmp_path / "data.yaml").write_text("kpt_shape: [17, 2]\nnames: {0: dog, 1: person}\n")
    with pytest.raises(InputError, match=r"kpt_shape of data\.yaml is \[17, 2\]"):
        read(tmp_path)


def test_other_joints(tmp_path: Path) -> None:
    labels(tmp_path, {t: [line(pose(t, joints=26))] for t in range(2)})
    with pytest.raises(InputError, match=r"83 numbers, 78 behind the box; layouts of 17"):
        read(tmp_path)
    assert quiet(tmp_path, "halpe26").skeleton == HALPE26
    labels(tmp_path, {1: [line(pose(1, joints=26)), "0 1 2"]})
    with pytest.raises(InputError, match="line 2: 3 numbers, the first line has 83"):
        read(tmp_path, "halpe26")


def test_what_is_refused(tmp_path: Path) -> None:
    labels(tmp_path, {1: [line(pose() * 1000)]})
    with pytest.raises(InputError, match="these are pixels"):
        read(tmp_path)
    labels(tmp_path, {1: ["0 a b"]})
    with pytest.raises(InputError, match=r"vid_1\.txt: not all words are numbers"):
        read(tmp_path)
    (tmp_path / "vid_1.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"vid_1\.txt: not UTF-8"):
        read(tmp_path)
    for value in ("inf", "1e999", "nan"):
        labels(tmp_path, {1: [line(pose()).replace(" 0.9", f" {value}", 1)]})
        if value == "nan":
            assert quiet(tmp_path, missing="keep").validate() is None
            continue
        with pytest.raises(InputError, match="not finite"):
            read(tmp_path)
    (tmp_path / "vid_1.txt").write_text("")
    with pytest.raises(InputError, match="nobody was found"):
        read(tmp_path)
    (tmp_path / "vid_1.txt").rename(tmp_path / "classes.txt")
    with pytest.raises(InputError, match="no label files"):
        read(tmp_path)


def result(points: np.ndarray, name: str = "person", track: int | None = None) -> dict[str, Any]:
    """A detection as Ultralytics' to_json writes it."""
    x, y = points.T
    row: dict[str, Any] = {
        "name": name, "class": 0, "confidence": 0.9,
        "box": {"x1": x.min(), "y1": y.min(), "x2": x.max(), "y2": y.max()},
        "keypoints": {"x": x.tolist(), "y": y.tolist(), "visible": [0.8] * len(points)},
    }  # fmt: skip
    return row if track is None else row | {"track_id": track}


def test_results_as_json(tmp_path: Path) -> None:
    frames = [[result(pose(t) * 500, track=3), result(pose(t, 0.8) * 500, "dog")] for t in range(3)]
    want = np.array([pose(t) * [500, -500] for t in range(3)])
    forms: list[object] = [
        frames,
        {"frames": [{"frame": t + 4, "detections": rows} for t, rows in enumerate(frames)]},
        [{"frame": t, "results": rows} for t, rows in enumerate(frames)],
    ]
    for form in forms:
        file = tmp_path / "walk.json"
        file.write_text(json.dumps(form))
        with pytest.warns(UserWarning, match="3 objects that are no person"):
            clips = read(file, persons=1)
        np.testing.assert_allclose(clips.clip(0)[:, 0, :, :2], want, atol=1e-4)
        assert told(Look.at(Member(file)))
    file.unlink()
    for t, rows in enumerate(frames):
        (tmp_path / f"walk_{t}.json").write_text(json.dumps(rows[:1]))
    clips = read(tmp_path, persons=1)
    assert clips.names == ["walk"]
    np.testing.assert_allclose(clips.clip(0)[:, 0, :, :2], want, atol=1e-4)


def test_signs(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for width in (39, 57, 56):  # an outline of an object has an odd number of numbers
        outline = " ".join(f"{value:.4f}" for value in rng.uniform(0, 1, width - 1))
        file = tmp_path / "a.txt"
        file.write_text(f"0 {outline}")
        assert bool(told(Look.at(Member(file)))) == (width == 56)
    for sure, behind in ((0.9, ()), (None, ()), (0.9, (0.5,)), (None, (0.5, 3)), (None, (3,))):
        file.write_text(line(pose(), sure, behind))
        assert told(Look.at(Member(file))), (sure, behind)
    for text in ("0 0.5 0.5 0.1 0.1", "1 2 3\n4 5 6", " ".join(["1.5"] * 56), ""):
        file.write_text(text)
        assert not told(Look.at(Member(file)))


@pytest.mark.slow
def test_damaged_files(tmp_path: Path) -> None:
    rows = {t: [line(pose(t), behind=[0.8, 1]), line(pose(t, 0.7), behind=[0.7, 2])]
            for t in range(3)}  # fmt: skip
    labels(tmp_path, rows)
    assert survives(read_yolo, tmp_path, tmp_path / "vid_1.txt")[1] > 100
    for file in tmp_path.iterdir():
        file.unlink()
    file = tmp_path / "walk.json"
    file.write_text(json.dumps([[result(pose(t) * 500, track=3)] for t in range(3)]))
    assert survives(read_yolo, tmp_path, file)[1] > 100

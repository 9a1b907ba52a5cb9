"""Landmarks in the forms that scripts save them in: parts of them, holistic rows, JSON, text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mutants
import numpy as np
import pytest
from by_keys import by_keys

from skelf.data.auto import recognise
from skelf.data.readers import READERS
from skelf.errors import InputError
from skelf.layouts import MEDIAPIPE33

read = by_keys("mediapipe")
NAMES = MEDIAPIPE33.names
FRAMES = 5
LEVELS = {"nose": 0.1, "eye": 0.08, "ear": 0.09, "mouth": 0.12, "shoulder": 0.25, "elbow": 0.4,
          "wrist": 0.52, "pinky": 0.55, "index": 0.56, "thumb": 0.54, "hip": 0.52, "knee": 0.72,
          "ankle": 0.9, "heel": 0.92, "foot": 0.94}  # fmt: skip


def body() -> np.ndarray:
    """A figure that stands, `(T, 33, 4)`: shares of the image, y down, visibility last."""
    rng = np.random.default_rng(0)
    points = np.zeros((FRAMES, 33, 4))
    for joint, name in enumerate(NAMES):
        level = next(y for word, y in LEVELS.items() if word in name)
        side = 0.06 if name.startswith("left") else -0.06 if name.startswith("right") else 0.0
        points[:, joint, :3] = (0.5 + side, level, -0.1)
    points[..., :3] += rng.normal(0, 0.001, (FRAMES, 33, 3)).round(4)
    points[..., 3] = 0.9
    return points.round(6)


BODY = body()
UP = BODY * [1, -1, -1, 1]


def check(path: Path, want: np.ndarray = UP, **options: Any) -> None:
    clips = read(path, **options)
    assert clips.length.tolist() == [len(want)]
    np.testing.assert_allclose(clips.clip(0)[:, 0], want, rtol=1e-5, atol=1e-7)


def table(path: Path, header: list[str], rows: Any, mark: str = ",") -> Path:
    lines = [mark.join(header), *(mark.join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def wide(path: Path, form: str, joints: Any = range(33), mark: str = ",", first: int = 0) -> Path:
    joints = list(joints)
    header = [
        form.format(n=j + first, name=NAMES[j], a=a)
        for j in joints
        for a in ("x", "y", "z", "visibility")
    ]
    return table(path, header, (frame[joints].ravel() for frame in BODY), mark)


@pytest.mark.parametrize(
    "form", ["L{n}_{a}", "{a}_landmark_{n}", "landmarks.{n}.{a}", "pose_landmark_{n}_{a}"]
)
def test_names_of_numbered_columns(form: str, tmp_path: Path) -> None:
    check(wide(tmp_path / "v.csv", form))


def test_names_in_camel_case(tmp_path: Path) -> None:
    header = ["FrameNumber"]
    for name in NAMES:
        camel = name.split("_")[0] + "".join(word.title() for word in name.split("_")[1:])
        header += [f"{camel}{axis}" for axis in ("X", "Y", "Z", "_visibility")]
    check(table(tmp_path / "v.csv", header, ([t, *f.ravel()] for t, f in enumerate(BODY))))


@pytest.mark.parametrize("mark", ["\t", ";"])
def test_marks_between_cells(mark: str, tmp_path: Path) -> None:
    file = wide(tmp_path / "v.csv", "{name}_{a}", mark=mark)
    if mark == ";":  # with commas in numbers, as a German spreadsheet writes
        lines = file.read_text().splitlines()
        file.write_text("\n".join([lines[0], *(line.replace(".", ",") for line in lines[1:])]))
    check(file)


def long(header: list[str], joints: Any = range(33)) -> list[list[Any]]:
    rows = []
    for t in range(FRAMES):
        for j in joints:
            x, y, z, v = BODY[t, j]
            cells = {"n": j, "name": NAMES[j].upper(), "x": x, "y": y, "z": z, "v": v, "t": t,
                     "image": f"out/shot_{t:03}.jpg", "ms": t * 40}  # fmt: skip
            rows.append([cells[key] for key in header])
    return rows


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        (["Frame", "LandmarkID", "X", "Y", "Z", "Visibility"], "t n x y z v"),
        (["frame_idx", "landmark_name", "x", "y", "z", "visibility"], "t name x y z v"),
        (
            ["frame_id", "landmark", "x", "y", "z", "visibility", "image_path"],
            "t name x y z v image",
        ),
        (["timestamp_ms", "frame", "keypoint_id", "x", "y", "z", "v"], "ms t n x y z v"),
    ],
)
def test_a_row_a_landmark(header: list[str], cells: str, tmp_path: Path) -> None:
    file = table(tmp_path / "v.csv", header, long(cells.split()))
    assert recognise(file).format == "mediapipe"
    check(file)
    if "timestamp_ms" in header:
        assert read(file).fps.tolist() == [25.0]


def test_a_row_a_landmark_without_numbers(tmp_path: Path) -> None:
    header = ["Landmark_X", "Landmark_Y", "Landmark_Z"]
    file = table(tmp_path / "v.csv", header, long(["x", "y", "z"]))
    assert recognise(file).format == "mediapipe"
    with pytest.warns(UserWarning, match="each 33 rows are taken for the pose of one frame"):
        check(file, np.concatenate([UP[..., :3], np.ones((FRAMES, 33, 1))], axis=2))
    file.write_text("\n".join(file.read_text().splitlines()[:-1]))
    with pytest.raises(InputError, match=r"164 rows of landmarks, .* no whole poses of 33"):
        read(file)


def test_dates_say_the_rate(tmp_path: Path) -> None:
    header = ["Time", *(f"{name}_{a}" for name in NAMES for a in ("x", "y", "z", "visibility"))]
    rows = [[f"2022-10-17 23:22:0{t // 25}.{t * 40:03}", *f.ravel()] for t, f in enumerate(BODY)]
    assert read(table(tmp_path / "v.csv", header, rows)).fps.tolist() == [25.0]
    rows = [["noon", *row[1:]] for row in rows]
    assert read(table(tmp_path / "v.csv", header, rows)).fps.tolist() == [30.0]


PART = (0, 11, 12, 23, 24, 25, 26, 27, 28, 29)


@pytest.mark.parametrize("kind", ["named", "long"])
def test_a_part_of_the_landmarks_is_its_own_layout(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "v.csv"
    if kind == "named":
        wide(file, "{name}_{a}", PART)
    else:
        header = ["frame", "landmark", "x", "y", "z", "visibility"]
        table(file, header, long(["t", "name", "x", "y", "z", "v"], PART))
    assert recognise(file).format == "mediapipe"
    with pytest.warns(UserWarning, match="10 of 33 landmarks, .* left_eye_inner, .* are not in"):
        clips = read(file)
    assert clips.skeleton.names == tuple(NAMES[joint] for joint in PART)
    np.testing.assert_allclose(clips.clip(0)[:, 0], UP[:, list(PART)], rtol=1e-5)
    wide(tmp_path / "w.csv", "{name}_{a}", (*PART[:-1], 30))
    with pytest.raises(InputError, match=r"other landmarks than the first file"):
        read(tmp_path)


def test_numbers_of_a_part(tmp_path: Path) -> None:
    check(wide(tmp_path / "a.csv", "landmark_{n}_{a}", range(11, 33)), UP[:, 11:])
    check(wide(tmp_path / "b.csv", "landmark_{n}_{a}", range(11, 33), first=1), UP[:, 11:])
    with pytest.raises(InputError, match=r"11 to 28, and nothing tells .* from 0 or from 1"):
        read(wide(tmp_path / "c.csv", "landmark_{n}_{a}", range(11, 29)))


@pytest.mark.parametrize("before", [0, 468])
def test_holistic_rows_give_the_pose(before: int, tmp_path: Path) -> None:
    """In a row of face and pose only the pose has a visibility."""
    rng = np.random.default_rng(1)
    face = rng.uniform(0.3, 0.7, (2, 468, 4)) * [1, 1, 1, 0]
    parts = [face, BODY[:2]] if before else [BODY[:2], face]
    numbers = np.concatenate(parts, axis=1).round(6)
    header = ["class", *(f"{a}{n}" for n in range(1, 502) for a in "xyzv")]
    file = table(tmp_path / "coords.csv", header, (["Happy", *row.ravel()] for row in numbers))
    assert recognise(file).format == "mediapipe"
    with pytest.warns(UserWarning, match="of 501 landmarks the pose's 33 are read"):
        check(file, UP[:2])
    assert read(file).class_names == ("Happy",)
    numbers[..., 3] = 1
    table(file, header, (["Happy", *row.ravel()] for row in numbers))
    with pytest.raises(InputError, match="501 numbered landmarks, and no visibility tells"):
        read(file)


def test_hands_alone_are_no_body(tmp_path: Path) -> None:
    header = [f"landmark_{n}_{a}" for n in range(21) for a in "xyz"]
    file = table(tmp_path / "hand.csv", header, [[0.5] * 63] * 3)
    with pytest.raises(InputError, match="21 landmarks by numbers, a hand's; a body's go on to 32"):
        read(file)
    point = {"x": 0.5, "y": 0.5, "z": 0.0}
    (tmp_path / "hand.json").write_text(json.dumps([{"landmarks": [[point] * 21]}]))
    with pytest.raises(InputError, match="21 landmarks are a hand's"):
        read(tmp_path / "hand.json")


def test_two_sets_of_columns(tmp_path: Path) -> None:
    header, rows = [], []
    for joint in range(33):
        header += [f"landmark_{joint}_{a}" for a in ("x", "y", "z", "visibility")]
        header += [f"world_landmark_{joint}_{a}" for a in ("x", "y", "z", "visibility")]
    world = (BODY - [0.5, 0.52, 0, 0]) * [2, 2, 2, 1]
    rows = [np.stack([a, b], axis=1).ravel() for a, b in zip(BODY, world, strict=True)]
    file = table(tmp_path / "v.csv", header, rows)
    check(file, world * [1, -1, -1, 1])
    check(file, landmarks="image")


def points(frame: np.ndarray, keys: str = "x y z visibility") -> list[dict[str, float]]:
    return [dict(zip(keys.split(), map(float, p), strict=True)) for p in frame]


JSON: dict[str, Any] = {
    "tasks-vision": [{"landmarks": [points(f)], "worldLandmarks": []} for f in BODY],
    "frames with times": {"fps": 25, "frames": [
        {"index": t, "timestampMs": t * 40, "landmarks": points(f)} for t, f in enumerate(BODY)]},
    "landmarks of frames": {"fps": 25, "num_frames": 5, "landmarks": [
        {"frame": t, "pose_landmarks": points(f)} for t, f in enumerate(BODY)]},
    "lists of numbers": {"metadata": {"fps": 25}, "frames": [
        {"timestamp": t / 25, "pose_landmarks": f.tolist()} for t, f in enumerate(BODY)]},
    "keypoints": [{"frame": t, "keypoints": [{"id": i, **p} for i, p in enumerate(points(f))]}
                  for t, f in enumerate(BODY)],
    "by number": [{str(i): p for i, p in enumerate(points(f))} for f in BODY],
    "by name": [dict(zip([n.upper() for n in NAMES], points(f), strict=True)) for f in BODY],
    "frames by number": {str(t): points(f) for t, f in enumerate(BODY)},
    "lists alone": [points(f) for f in BODY],
    "persons": [[points(f)] for f in BODY],
    "pose inside": [{"pose": {"landmarks": [points(f)], "worldLandmarks": []}} for f in BODY],
    "a face too": [{"pose_landmarks": points(f), "face_landmarks": points(f)} for f in BODY],
}  # fmt: skip


@pytest.mark.parametrize("form", JSON)
@pytest.mark.filterwarnings("ignore:.*no landmarks in metres")
def test_forms_of_json(form: str, tmp_path: Path) -> None:
    file = tmp_path / "v.json"
    file.write_text(json.dumps(JSON[form]))
    assert recognise(file).format == "mediapipe"
    check(file)
    has_rate = "fps" in file.read_text() or "timestamp" in file.read_text()
    assert read(file).fps.tolist() == [25.0 if has_rate else 30.0]


def test_one_object_a_line(tmp_path: Path) -> None:
    file = tmp_path / "v.jsonl"
    file.write_text("\n".join(json.dumps({"frame": t, "landmarks": points(f)})
                              for t, f in enumerate(BODY)))  # fmt: skip
    assert recognise(file).format == "mediapipe"
    check(file)


def printed(form: str) -> str:
    texts = []
    for frame in BODY:
        for x, y, z, v in frame:
            if form == "proto":
                texts.append(f"landmark {{\n  x: {x}\n  y: {y}\n  z: {z}\n  visibility: {v}\n}}\n")
            else:
                texts.append(f"NormalizedLandmark(x={x}, y={y}, z={z}, visibility={v}, presence=1)")
    return "".join(texts)


@pytest.mark.parametrize("form", ["proto", "tasks"])
def test_printed_results(form: str, tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    file.write_text(printed(form))
    assert recognise(file).format == "mediapipe"
    check(file)
    file.write_text("None\n" + printed(form))
    assert read(file).length.tolist() == [FRAMES + 1]
    file.write_text(printed(form)[:-200])
    with pytest.raises(InputError, match=r"out.txt: frame 4: \d+ landmarks, a pose has 33"):
        read(file)
    hand = "landmark { x: 0.1 y: 0.1 z: 0.1 }\n" * 33
    file.write_text(hand)
    with pytest.raises(InputError, match=r"without visibility; .* hands and face"):
        read(file)


def test_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", BODY)
    np.save(tmp_path / "b.npy", BODY.reshape(FRAMES, -1))
    rest = np.random.default_rng(0).uniform(size=(FRAMES, 468 * 3 + 126))
    np.save(tmp_path / "c.npy", np.concatenate([BODY.reshape(FRAMES, -1), rest], axis=1))
    for name in "abc":
        assert recognise(tmp_path / f"{name}.npy").format == "mediapipe"
        check(tmp_path / f"{name}.npy")
    np.save(tmp_path / "d.npy", BODY[:, :21])
    with pytest.raises(InputError, match=r"\(5, 21, 4\); MediaPipe's poses are"):
        read(tmp_path / "d.npy")


def test_a_body_on_its_head_is_a_question(tmp_path: Path) -> None:
    turned = BODY * [1, -1, 1, 1] + [0, 1, 0, 0]
    np.save(tmp_path / "a.npy", turned)
    with pytest.raises(InputError, match=r"stands on its head, .* up=y .*, or up=-y"):
        read(tmp_path / "a.npy")
    check(tmp_path / "a.npy", turned, up="y")
    check(tmp_path / "a.npy", turned * [1, -1, -1, 1], up="-y")


def test_pixels_of_named_landmarks_are_not_freemocaps(tmp_path: Path) -> None:
    pixels = (BODY[..., :3] * [1920, 1080, 1920]).round(2)
    header = [f"{name}_{a}" for name in NAMES for a in "xyz"]
    file = table(tmp_path / "v.csv", header, (frame.ravel() for frame in pixels))
    with pytest.warns(UserWarning, match="pixels, or a unit of the program's own"):
        clips = read(file)
    np.testing.assert_allclose(clips.clip(0)[:, 0, :, :3], pixels * [1, -1, -1], rtol=1e-5)
    leaning = pixels[..., [0, 1, 1]] * [1, 1, -1]
    table(file, header, (frame.ravel() for frame in leaning))
    with pytest.raises(InputError, match="source=freemocap or source=mediapipe"):
        read(file)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "json", "txt", "npy"])
def test_damage(form: str, tmp_path: Path) -> None:
    file = tmp_path / f"v.{form}"
    if form == "csv":
        wide(file, "{name}_{a}")
        file.write_text("\n".join(file.read_text().splitlines()[:3]))
    elif form == "json":
        file.write_text(json.dumps(JSON["frames with times"]))
    elif form == "txt":
        file.write_text(printed("proto"))
    else:
        np.save(file, BODY)
    count = 1000 if form == "csv" else 2000
    done, refused = mutants.survives(READERS["mediapipe"], tmp_path, file, count)
    assert done and refused

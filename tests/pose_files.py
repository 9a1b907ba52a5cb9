"""Small good files of every format of poses, for the tests that read, damage and fuzz them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from skelf.layouts import COCO17, KINECT20, MEDIAPIPE33

FRAMES = 4


def body(joints: int, frame: int = 0, at: float = 100.0) -> np.ndarray:
    """A pose `(V, 3)` in pixels with confidence, about `at`; it moves 2 to the right a frame."""
    rng = np.random.default_rng(joints)
    places = rng.uniform(-20, 20, (joints, 2)) + np.array([at + 2 * frame, 50])
    return np.column_stack([places, np.full(joints, 0.5)]).round(3)


def flat(pose: np.ndarray) -> list[float]:
    return pose.reshape(-1).tolist()


def openpose(folder: Path) -> Path:
    place = folder / "walk" / "video1"
    place.mkdir(parents=True)
    for frame in range(FRAMES):
        people = [{"person_id": [-1], "pose_keypoints_2d": flat(body(25, frame))}]
        file = place / f"video1_{frame:012d}_keypoints.json"
        file.write_text(json.dumps({"version": 1.3, "people": people}))
    return place / f"video1_{0:012d}_keypoints.json"


def alphapose(folder: Path) -> Path:
    rows = [
        {
            "image_id": f"{frame}.jpg",
            "category_id": 1,
            "keypoints": flat(body(17, frame)),
            "score": 2.9,
            "box": [80.0, 30.0, 40.0, 40.0],
            "idx": 1,
        }
        for frame in range(FRAMES)
    ]
    place = folder / "walk" / "video1"
    place.mkdir(parents=True)
    (place / "alphapose-results.json").write_text(json.dumps(rows))
    return place / "alphapose-results.json"


def landmarks(frame: int) -> list[dict[str, float]]:
    return [
        {"x": x, "y": y, "z": 0.1, "visibility": 0.9}
        for x, y, _ in (body(33, frame, 1.0) / 100).round(5).tolist()
    ]


def mediapipe(folder: Path) -> Path:
    frames = [
        {"frame": i, "pose_landmarks": landmarks(i), "pose_world_landmarks": landmarks(i)}
        for i in range(FRAMES)
    ]
    file = folder / "video1.json"
    file.write_text(json.dumps(frames))
    return file


def mediapipe_csv(folder: Path) -> Path:
    header = ["frame"] + [f"{n}_{a}" for n in MEDIAPIPE33.names for a in ("x", "y", "z", "v")]
    rows = [
        [i] + [value for point in landmarks(i) for value in point.values()] for i in range(FRAMES)
    ]
    file = folder / "video1.csv"
    file.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]))
    return file


def coco(folder: Path) -> Path:
    content = {
        "images": [
            {"id": 10 + i, "file_name": f"walk/{i:06d}.jpg", "video_id": 7, "frame_id": i}
            for i in range(FRAMES)
        ],
        "annotations": [
            {"image_id": 10 + i, "category_id": 1, "keypoints": flat(body(17, i)), "track_id": 3}
            for i in range(FRAMES)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.names)}],
    }
    file = folder / "person_keypoints.json"
    file.write_text(json.dumps(content))
    return file


def kinetics(folder: Path) -> Path:
    frames = []
    for i in range(FRAMES):
        pose = body(18, i) / 1000
        skeleton = {"pose": flat(pose[:, :2]), "score": flat(pose[:, 2:] * 1000)}
        frames.append({"frame_index": i + 1, "skeleton": [skeleton]})
    file = folder / "abc.json"
    file.write_text(json.dumps({"data": frames, "label": "tying tie", "label_index": 2}))
    return file


MAPPING = """
layout = "coco17"
columns = "{joint}_{axis}"
axes = ["x", "y"]
confidence = "c"
up = "-y"
clip = "{class}/S{subject}_C{camera}.csv"
"""


def csv(folder: Path) -> Path:
    (folder / "mapping.toml").write_text(MAPPING)
    (folder / "walk").mkdir()
    header = [f"{name}_{axis}" for name in COCO17.names for axis in "xyc"]
    rows = [flat(body(17, i)) for i in range(FRAMES)]
    file = folder / "walk" / "S3_C1.csv"
    file.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]))
    return file


def precog(folder: Path) -> Path:
    lines = ["; ".join(KINECT20.names)]
    for i, code in enumerate((0, 2, 2, 0)):
        pose = body(20, i) / 100
        lines.append(";".join([*(f"{x:.4f} {y:.4f} 2.9" for x, y, _ in pose), str(code)]))
    file = folder / "Seq2_5.csv"
    file.write_text("\n".join(lines))
    return file


# Name -> (format, writer of a good file, whether the format is given the folder).
GOOD: dict[str, tuple[str, Callable[[Path], Path], bool]] = {
    "openpose": ("openpose", openpose, True),
    "alphapose": ("alphapose", alphapose, True),
    "mediapipe": ("mediapipe", mediapipe, True),
    "mediapipe csv": ("mediapipe", mediapipe_csv, True),
    "coco": ("coco", coco, False),
    "kinetics": ("kinetics", kinetics, True),
    "csv": ("csv", csv, True),
    "precog": ("precog", precog, True),
}
JSON = ("openpose", "alphapose", "mediapipe", "coco", "kinetics")


def edit(file: Path, change: Callable[[Any], Any]) -> None:
    """Changes the JSON of a file in place; what `change` returns, if anything, replaces it."""
    content = json.loads(file.read_text())
    changed = change(content)
    file.write_text(json.dumps(content if changed is None else changed))

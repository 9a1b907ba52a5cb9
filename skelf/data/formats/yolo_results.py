"""JSON of Ultralytics' results (`to_json`): detections with a box and the joints' x, y, visible.

    [{"name": "person", "class": 0, "confidence": 0.9, "box": {"x1": ...}, "track_id": 1,
      "keypoints": {"x": [...], "y": [...], "visible": [...]}}, ...]

is one frame; a list of such lists, or of objects that hold one, is a video.
Source: the documentation of Ultralytics YOLO (`Results.summary`, `Results.to_json`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import InputError
from .look import Look
from .text import instance, member_of, numbers

HOLDERS = (
    "detections", "results", "predictions", "objects", "persons", "people", "poses", "summary",
)  # fmt: skip
FRAME = ("frame", "frame_id", "frame_index", "frame_number", "frame_idx")


class Detection(NamedTuple):
    """One pose: `(V, 3)` joints with a confidence, the person's number or -1, the class' name."""

    joints: np.ndarray
    person: int
    name: str


def told(look: Look) -> str:
    """Why a file holds results of Ultralytics; empty where nothing says so."""
    if {"name", "class", "confidence", "box", "keypoints", "visible"} <= look.keys:
        return "name, class, box and keypoints with x, y, visible, as Ultralytics' to_json"
    return ""


def frames_of(content: object, where: str) -> dict[int | None, list[object]]:
    """Frame -> its detections; the one frame None where the file is a frame.

    Raises:
        InputError: no such lists, or a frame that stands twice.
    """
    if isinstance(content, dict):
        holder = next((key for key in ("frames", *HOLDERS) if key in content), "frames")
        content = member_of(content, holder, list, where)
    rows = instance(content, list, where)
    if all(isinstance(row, dict) and ("keypoints" in row or "box" in row) for row in rows):
        return {None: rows}
    frames: dict[int | None, list[object]] = {}
    for i, row in enumerate(rows):
        here, number = f"{where}: [{i}]", i
        if isinstance(row, dict):
            stated = next((row[key] for key in FRAME if isinstance(row.get(key), int)), None)
            number = i if stated is None else stated
            holder = next((key for key in HOLDERS if key in row), HOLDERS[0])
            row = member_of(row, holder, list, here)
        if number in frames:
            raise InputError(f"{here}: frame {number} stands twice; number the frames")
        frames[number] = instance(row, list, here)
    return frames


def detection(row: object, where: str) -> Detection | None:
    """A detection; None where it has a box alone.

    Raises:
        InputError: lists of other lengths, or what are no numbers.
    """
    fields = instance(row, dict, where)
    points = fields.get("keypoints")
    if not points:
        return None
    here = f"{where}: keypoints"
    places = [
        numbers(member_of(points, axis, list, here), 1, f"{here}: {axis}")[:, 0] for axis in "xy"
    ]
    sure = np.ones_like(places[0])
    if instance(points, dict, here).get("visible"):
        sure = numbers(points["visible"], 1, f"{here}: visible")[:, 0]
    if len({len(places[0]), len(places[1]), len(sure)}) > 1:
        raise InputError(f"{here}: x, y and visible are of different lengths; write the file again")
    track = fields.get("track_id")
    track = int(track) if isinstance(track, int | float) and 0 <= track < 1 << 40 else -1
    name = fields.get("name")
    return Detection(np.stack([*places, sure], axis=1), track, str(name) if name else "")

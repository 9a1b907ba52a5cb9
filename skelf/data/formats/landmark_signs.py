"""Signs of MediaPipe's landmarks, in JSON and in tables."""

from __future__ import annotations

from ...errors import InputError
from ...layouts import MEDIAPIPE33
from .landmark_columns import FRAME, JOINT, landmark_columns, place_of, plain
from .look import Look
from .table_signs import header

FIELDS = frozenset(
    {
        "pose_landmarks", "poseLandmarks", "landmarks", "pose_world_landmarks",
        "poseWorldLandmarks", "world_landmarks", "worldLandmarks",
    }
)  # fmt: skip
LANDMARKS = 20  # of MediaPipe's 33 that a table must name


def told(look: Look) -> str:
    """Of MediaPipe: a field or columns of its landmarks."""
    if look.is_json:
        fields = look.keys & FIELDS
        if not fields or look.keys & {"people", "categories"}:
            return ""
        return f"it has {min(fields)}, as MediaPipe's results"
    cells = [plain(cell) for cell in header(look)]
    if not cells:
        return ""
    if place_of(cells, JOINT) is not None and place_of(cells, FRAME) is not None:
        return "it has a row for each landmark of a frame, as MediaPipe's are saved"
    try:
        columns = landmark_columns(cells, MEDIAPIPE33, "")
    except InputError:
        return ""
    count = len({column.joint for column in columns.values()})
    return f"its columns are {count} of MediaPipe's landmarks" if count >= LANDMARKS else ""

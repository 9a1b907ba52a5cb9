"""Signs of MediaPipe's landmarks, in JSON and in tables."""

from __future__ import annotations

from ...errors import InputError
from ...layouts import MEDIAPIPE33
from . import freemocap_names, landmark_arrays, landmark_text
from .landmark_columns import (
    FRAME,
    HOLISTIC,
    JOINT,
    landmark_columns,
    parsed,
    place_of,
    plain,
)
from .landmark_rows import LEAST, is_bare
from .look import Look
from .table_signs import MAPPING, header

FIELDS = frozenset({"pose_landmarks", "landmarks", "pose_world_landmarks", "world_landmarks"})
OWN = (
    "left_eye_inner", "mouth_left", "left_pinky", "left_thumb", "left_heel", "left_foot_index",
    "right_heel", "right_foot_index",
)  # fmt: skip
"""Landmarks that other programs' bodies have not, or under other names."""
OTHERS = frozenset(
    {"people", "categories", "annotations", "tracked_points", "image_id", "instance_info"}
)
"""Fields of other formats, in which landmarks may occur."""
LANDMARKS = 20  # of MediaPipe's 33 that a table must name


def told(look: Look) -> str:
    """Of MediaPipe: a field, columns, a shape or a text of its landmarks."""
    if look.is_json:
        return _json(look)
    if look.arrays:
        return "" if freemocap_names.of_file(look.name.name) else landmark_arrays.told(look)
    return landmark_text.told(look) or _table(look)


def _json(look: Look) -> str:
    fields = {plain(key) for key in look.keys} & FIELDS
    if fields and not look.keys & OTHERS:
        return f"it has {min(fields)}, as MediaPipe's results"
    if {"x", "y", "z", "visibility"} <= look.keys and not look.keys & OTHERS:
        return "it has points with x, y, z and visibility, as MediaPipe's results"
    return ""


def _table(look: Look) -> str:
    cells = [plain(cell) for cell in header(look)]
    if not cells or freemocap_names.of_table(cells):
        return ""
    if freemocap_names.of_file(look.name.name) and len(cells) == 3 * MEDIAPIPE33.joints:
        return ""
    if not look.member.inside and (look.member.file.parent / MAPPING).is_file():
        return ""  # a table whose columns the user says
    frame = place_of(cells, FRAME) is not None
    if place_of(cells, JOINT) is not None and frame and {"x", "y"} <= {*cells}:
        return "it has a row for each landmark of a frame, as MediaPipe's are saved"
    if is_bare(cells):
        return "it has a row for each landmark, as MediaPipe's are saved"
    if cells[:2] == ["frame", "time"] and any(cell.endswith("_confidence") for cell in cells):
        return ""  # as `skelf data export` writes them, with y up
    try:
        columns = landmark_columns(header(look), MEDIAPIPE33, "")
    except InputError:
        return ""
    have = {column.joint for column in columns.values() if column.axis < 2}
    numbered = {c.joint for c in parsed(header(look), MEDIAPIPE33).values() if not c.named}
    if len(numbered) in HOLISTIC and len(numbered) > len(have):
        return f"its columns are {len(numbered)} landmarks, as MediaPipe Holistic's"
    own = {MEDIAPIPE33.names.index(name) for name in OWN}
    words = {column.word for column in columns.values()}
    sure = bool(have & own) or bool(words & {"visibility", "presence"})
    if numbered and MEDIAPIPE33.joints - 1 not in have and "landmark" not in "".join(cells):
        return ""
    if len(have) >= (LEAST if sure and not numbered else LANDMARKS):
        return f"its columns are {len(have)} of MediaPipe's landmarks"
    return ""

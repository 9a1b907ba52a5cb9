"""What the columns of a table of landmarks are called, in the many ways that scripts write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from ...errors import InputError
from ...skeleton import Skeleton

AXES = {"x": 0, "y": 1, "z": 2}
SURE = (
    "visibility", "vis", "v", "presence", "likelihood", "confidence", "conf", "score",
    "probability", "prob", "c", "p",
)  # fmt: skip
"""Words for a landmark's confidence, the first that a file has before the others."""
FRAME = ("frame", "frame_number", "frame_index", "frame_id", "frame_num", "frame_no")
JOINT = ("landmark", "landmark_id", "landmark_index", "landmark_name", "joint")
VIDEO = (
    "video", "video_name", "video_id", "video_file", "file_name", "filename", "file", "clip",
    "clip_name", "clip_id", "sequence", "sequence_id", "recording", "source", "image",
    "image_name", "image_id", "image_path",
)  # fmt: skip
PERSON = ("person", "person_id", "pose_id", "pose_index", "track_id", "body_id", "subject_id")
LABEL = ("class", "class_name", "label", "action", "activity", "action_name")
_AXIS = "|".join((*AXES, *SURE))
_BETWEEN = r"[ _.:/\-]+"
_OTHER_PARTS = re.compile(r"hand|face|iris|finger")  # of MediaPipe Holistic: other landmarks


class Column(NamedTuple):
    """A column of one landmark: joint, axis (3: the confidence), and its word for it.

    Args:
        joint: its index, or the number in the column's name.
        axis: 0 to 3.
        word: of the axis.
        named: the joint is named, not numbered.
    """

    joint: int
    axis: int
    word: str
    named: bool


def plain(cell: str) -> str:
    """A column's name in lower case with one underscore between words."""
    return re.sub(_BETWEEN, "_", cell.strip().strip("\"'").lower())


def place_of(header: Sequence[str], words: Sequence[str]) -> int | None:
    """Where the first of the words stands in a plain header."""
    return next((header.index(word) for word in words if word in header), None)


def landmark_columns(header: Sequence[str], skeleton: Skeleton, where: str) -> dict[int, Column]:
    """Column -> what it holds, of those that hold landmarks.

    Args:
        header: as the file has it.
        skeleton: names of the landmarks.
        where: for messages.

    Raises:
        InputError: a number beyond the layout, or two columns for one number.
    """
    names = {_letters(name): joint for joint, name in enumerate(skeleton.names)}
    columns = {i: column for i, cell in enumerate(header) if (column := _column(cell, names))}
    numbered = [column.joint for column in columns.values() if not column.named]
    first = 1 if numbered and min(numbered) == 1 else 0
    words = {column.word for column in columns.values() if column.axis == 3}
    word = next((word for word in SURE if word in words), "")
    chosen: dict[int, Column] = {}
    taken: dict[tuple[int, int], int] = {}
    for i, column in columns.items():
        if column.axis == 3 and column.word != word:
            continue
        joint = column.joint - (0 if column.named else first)
        if joint >= skeleton.joints:
            raise InputError(
                f"{where}: column {header[i]!r}: {skeleton.name} has {skeleton.joints} landmarks; "
                "name the layout of this data"
            )
        other = taken.setdefault((joint, column.axis), i)
        if other != i:
            raise InputError(
                f"{where}: columns {header[other]!r} and {header[i]!r} are both landmark {joint}'s "
                f"{column.word}; take one of them out"
            )
        chosen[i] = column._replace(joint=joint)
    return chosen


def _column(cell: str, names: dict[str, int]) -> Column | None:
    cell = cell.strip().strip("\"'").lower()
    behind = re.fullmatch(rf"(.+?){_BETWEEN}({_AXIS})", cell)
    if behind:
        stem, word = behind.groups()
        bare = re.sub(rf"^(?:pose|landmark|body){_BETWEEN}", "", stem)
        for text in (stem, bare):
            if _letters(text) in names:
                return Column(names[_letters(text)], AXES.get(word, 3), word, True)
        number = re.search(r"(?<!\d)\d{1,3}$", stem)
        if number and not _OTHER_PARTS.search(stem):
            return Column(int(number[0]), AXES.get(word, 3), word, False)
    before = re.fullmatch(rf"({_AXIS}){_BETWEEN}(.+)", cell)
    if before and _letters(before[2]) in names:
        return Column(names[_letters(before[2])], AXES.get(before[1], 3), before[1], True)
    swapped = re.fullmatch(rf"({_AXIS})_?(\d{{1,3}})", cell)
    if swapped and swapped[1] not in ("c", "p"):
        return Column(int(swapped[2]), AXES.get(swapped[1], 3), swapped[1], False)
    return None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())

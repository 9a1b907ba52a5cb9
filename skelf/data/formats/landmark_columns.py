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
FRAME = (
    "frame", "frame_number", "frame_index", "frame_id", "frame_num", "frame_no", "frame_idx",
    "frame_count",
)  # fmt: skip
JOINT = (
    "landmark", "landmark_id", "landmark_index", "landmark_idx", "landmark_name", "joint",
    "joint_id", "joint_index", "joint_name", "keypoint", "keypoint_id", "keypoint_index",
    "keypoint_name",
)  # fmt: skip
IMAGE = ("image", "image_name", "image_id", "image_path", "image_file", "img", "img_path")
VIDEO = (
    "video", "video_name", "video_id", "video_file", "file_name", "filename", "file", "clip",
    "clip_name", "clip_id", "sequence", "sequence_id", "recording", "source", "source_video",
    "video_path", *IMAGE,
)  # fmt: skip
TIME = (
    "timestamp", "time", "timestamp_ms", "timestamp_sec", "timestamp_s", "timestamp_us", "time_ms",
    "time_sec", "time_s", "time_seconds", "timestamp_seconds", "seconds", "milliseconds",
)  # fmt: skip
PERSON = ("person", "person_id", "pose_id", "pose_index", "track_id", "body_id", "subject_id")
LABEL = ("class", "class_name", "label", "action", "activity", "action_name")
_AXIS = "|".join((*AXES, *SURE))
_BETWEEN = r"[ _.:/\-]+"
_OTHER_PARTS = re.compile(
    r"hand|face|iris|finger|(?<![a-z])[lr]h(?![a-z])"
)  # of Holistic: other landmarks
_WORLD = re.compile(r"(?<![a-z])world(?![a-z])")
HOLISTIC = (33 + 468, 33 + 478, 33 + 42, 33 + 468 + 42, 33 + 478 + 42)
"""Numbers of landmarks that Holistic's results have in one row: pose, face and hands."""


class Column(NamedTuple):
    """A column of one landmark: joint, axis (3: the confidence), and its word for it.

    Args:
        joint: its index, or the number in the column's name.
        axis: 0 to 3.
        word: of the axis.
        named: the joint is named, not numbered.
        world: its name says that it is in metres about the hips.
    """

    joint: int
    axis: int
    word: str
    named: bool
    world: bool = False


def plain(cell: str) -> str:
    """A column's name in lower case with one underscore between words.

    Examples:
        >>> plain("Frame Number"), plain("LandmarkID")
        ('frame_number', 'landmark_id')
    """
    return re.sub(_BETWEEN, "_", _spaced(cell).lower())


def _spaced(cell: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cell.strip().lstrip("# ").strip("\"'"))


def place_of(header: Sequence[str], words: Sequence[str]) -> int | None:
    """Where the first of the words stands in a plain header."""
    return next((header.index(word) for word in words if word in header), None)


def landmark_columns(
    header: Sequence[str],
    skeleton: Skeleton,
    where: str,
    *,
    start: int = 0,
    world: bool = True,
) -> dict[int, Column]:
    """Column -> what it holds, of those that hold landmarks.

    Args:
        header: as the file has it.
        skeleton: names of the landmarks.
        where: for messages.
        start: how many numbered landmarks stand before the layout's; those behind are left out.
        world: which of two sets is taken, where the file has one in metres besides one in the
            image.

    Raises:
        InputError: a number beyond the layout, or two columns for one number.
    """
    columns = parsed(header, skeleton)
    kinds = [
        {i: column for i, column in columns.items() if column.world is kind}
        for kind in (False, True)
    ]
    if all(len({c.joint for c in kind.values()}) >= skeleton.joints for kind in kinds):
        columns = kinds[world]
    numbered = [column.joint for column in columns.values() if not column.named]
    holistic = len(set(numbered)) in HOLISTIC
    first = _first(numbered, skeleton, holistic, where)
    words = {column.word for column in columns.values() if column.axis == 3}
    word = next((word for word in SURE if word in words), "")
    chosen: dict[int, Column] = {}
    taken: dict[tuple[int, int], int] = {}
    for i, column in columns.items():
        if column.axis == 3 and column.word != word:
            continue
        joint = column.joint - (0 if column.named else first + start)
        if holistic and not 0 <= joint < skeleton.joints:
            continue
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


def parsed(header: Sequence[str], skeleton: Skeleton) -> dict[int, Column]:
    """Column -> what its name says, with numbers as they stand there.

    Args:
        header: as the file has it.
        skeleton: names of the landmarks.
    """
    names = {_letters(name): joint for joint, name in enumerate(skeleton.names)}
    return {i: column for i, cell in enumerate(header) if (column := _column(cell, names))}


def _first(numbered: list[int], skeleton: Skeleton, holistic: bool, where: str) -> int:
    """The number of the first landmark: 0, as MediaPipe has it, or 1.

    Raises:
        InputError: a part of the landmarks, and nothing tells from where they are counted.
    """
    count = len(set(numbered))
    if not numbered or min(numbered) == 0:
        return 0
    if min(numbered) == 1 and (holistic or count >= skeleton.joints):
        return 1
    if max(numbered) >= skeleton.joints:
        return 1
    if max(numbered) == skeleton.joints - 1:
        return 0
    raise InputError(
        f"{where}: landmarks {min(numbered)} to {max(numbered)}, and nothing tells whether they "
        f"are counted from 0 or from 1; name the columns, as {skeleton.names[11]}_x"
    )


def _column(cell: str, names: dict[str, int]) -> Column | None:
    cell = _spaced(cell).lower()
    world = bool(_WORLD.search(cell))
    behind = re.fullmatch(rf"(.+?){_BETWEEN}({_AXIS})", cell)
    if behind:
        stem, word = behind.groups()
        bare = re.sub(rf"^(?:(?:pose|landmarks?|body|world){_BETWEEN})+", "", stem)
        for text in (stem, bare):
            if _letters(text) in names:
                return Column(names[_letters(text)], AXES.get(word, 3), word, True, world)
        number = re.search(r"(?<!\d)\d{1,3}$", stem)
        if number and not _OTHER_PARTS.search(stem):
            return Column(int(number[0]), AXES.get(word, 3), word, False, world)
    before = re.fullmatch(rf"({_AXIS}){_BETWEEN}(.+)", cell)
    if before and _letters(before[2]) in names:
        return Column(names[_letters(before[2])], AXES.get(before[1], 3), before[1], True, world)
    numbered = re.fullmatch(rf"({_AXIS}){_BETWEEN}(?:landmark|pose|point|joint)_?(\d{{1,3}})", cell)
    if numbered:
        return Column(int(numbered[2]), AXES.get(numbered[1], 3), numbered[1], False, world)
    swapped = re.fullmatch(rf"({_AXIS})_?(\d{{1,3}})", cell)
    if swapped and swapped[1] not in ("c", "p"):
        return Column(int(swapped[2]), AXES.get(swapped[1], 3), swapped[1], False)
    return None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())

"""Landmarks of MediaPipe Pose in a CSV: a row for each frame, or for each landmark."""

from __future__ import annotations

import re

import numpy as np

from ...errors import InputError
from ...skeleton import Skeleton
from ..motion.poses import Video
from . import naming
from .members import Member
from .text import Table, column, read_csv

AXES = {"x": 0, "y": 1, "z": 2, "v": 3, "visibility": 3}
FRAME = ("frame", "frame_number", "frame_index", "frame_id", "frame_num")
JOINT = ("landmark", "landmark_id", "landmark_index", "landmark_name", "joint")


def read_landmarks(name: str, member: Member, class_: naming.Class, skeleton: Skeleton) -> Video:
    """One video; empty cells are joints that were not found.

    Args:
        name: of the clip.
        member: the file.
        class_: of the clip.
        skeleton: names and number of the landmarks.

    Raises:
        InputError: columns that are missing, landmarks that do not exist, cells without a number.
    """
    table = read_csv(member)
    header = [cell.lower() for cell in table.header]
    joint = next((header.index(key) for key in JOINT if key in header), None)
    parsed = _long(table, header, joint, skeleton) if joint is not None else None
    numbers, places, joints = parsed or _wide(table, header, skeleton)
    indices, length, step = naming.timeline(numbers, table.where, sampled=True)
    video = Video(name, table.where, length, *class_, step=step)
    flat = np.isnan(joints[:, :, 2]).all()  # no z anywhere
    seen = ~np.isnan(joints[:, :, :2] if flat else joints[:, :, :3]).any(axis=2)
    # Without a column of visibility, what has a place was seen.
    sure = np.where(seen, np.where(np.isnan(joints[:, :, 3]), 1.0, joints[:, :, 3]), 0.0)
    joints = np.where(seen[..., None], joints[:, :, : 2 if flat else 3], 0)
    for at, row in zip(indices, places, strict=True):
        video.add(at, np.concatenate([joints[row], sure[row][:, None]], axis=1))
    return video


def _wide(
    table: Table, header: list[str], skeleton: Skeleton
) -> tuple[list[int], list[int], np.ndarray]:
    """Frame numbers, their rows and `(F, V, 4)` of a row a frame; NaN where nothing stands."""
    columns = {i: parsed for i, cell in enumerate(header) if (parsed := _cell(cell, skeleton))}
    numbered = [joint for joint, _, by_name in columns.values() if not by_name]
    first = 1 if numbered and min(numbered) == 1 else 0
    joints = np.full((len(table.rows), skeleton.joints, 4), np.nan)
    have = set()
    for i, (joint, axis, by_name) in columns.items():
        joint -= 0 if by_name else first
        if joint >= skeleton.joints:
            raise InputError(
                f"{table.where}: column {table.header[i]!r}: {skeleton.name} has "
                f"{skeleton.joints} landmarks; name the layout of this data"
            )
        joints[:, joint, axis] = column(table, i)
        have.add((joint, axis))
    for joint, name in enumerate(skeleton.names):
        if not {(joint, 0), (joint, 1)} <= have:
            raise InputError(
                f"{table.where}: no columns for landmark {joint} ({name}); there must be "
                f"{name}_x and {name}_y, or x_{joint} and y_{joint}"
            )
    return _frames(table, header), list(range(len(table.rows))), joints


def _long(
    table: Table, header: list[str], joint: int, skeleton: Skeleton
) -> tuple[list[int], list[int], np.ndarray]:
    """The same of a row a landmark."""
    missing = [key for key in ("x", "y") if key not in header]
    if missing or not any(key in header for key in FRAME):
        raise InputError(
            f"{table.where}: column {missing[0] if missing else 'frame'!r} is missing; a row for "
            "each landmark needs frame, landmark, x, y (and z, visibility)"
        )
    frame = np.array(_frames(table, header))
    names = {name.lower(): i for i, name in enumerate(skeleton.names)}
    cells = [row[joint].strip().lower() if joint < len(row) else "" for row in table.rows]
    numbers = [
        names.get(cell, int(cell) if re.fullmatch(r"\d{1,6}", cell) else -1) for cell in cells
    ]
    first = 0 if cells[0] in names else min(1, min(numbers))
    which = np.array(numbers) - max(first, 0)
    wrong = (np.array(numbers) < 0) | (which >= skeleton.joints)
    if wrong.any():
        at = int(wrong.argmax())
        raise InputError(
            f"{table.where}: line {table.lines[at]}: no landmark {cells[at][:40]!r}; "
            f"{skeleton.name} has {skeleton.joints}"
        )
    frames, row = np.unique(frame, return_inverse=True)
    pairs = row * skeleton.joints + which
    if len(np.unique(pairs)) < len(pairs):
        raise InputError(
            f"{table.where}: a landmark stands twice in one frame; a file holds one person"
        )
    joints = np.full((len(frames), skeleton.joints, 4), np.nan)
    for name, axis in AXES.items():
        if name in header:
            joints[row, which, axis] = column(table, header.index(name))
    return frames.tolist(), list(range(len(frames))), joints


def _cell(cell: str, skeleton: Skeleton) -> tuple[int, int, bool] | None:
    """Landmark, axis and whether it was named, of a column's name; None for other columns."""
    stem, _, axis = cell.rpartition("_")
    if axis in AXES and stem:
        names = [name.lower() for name in skeleton.names]
        if stem in names:
            return names.index(stem), AXES[axis], True
        number = re.search(r"(?<!\d)\d{1,3}$", stem)
        return (int(number[0]), AXES[axis], False) if number else None
    swapped = re.fullmatch(r"(x|y|z|v|visibility)_?(\d{1,3})", cell)
    return (int(swapped[2]), AXES[swapped[1]], False) if swapped else None


def _frames(table: Table, header: list[str]) -> list[int]:
    """The number of each row's frame; counted where no column says it."""
    key = next((key for key in FRAME if key in header), None)
    if key is None:
        return list(range(len(table.rows)))
    values = column(table, header.index(key))
    wrong = ~((values >= 0) & (values < 1e15) & (values == np.floor(values)))
    if wrong.any():
        at = int(wrong.argmax())
        raise InputError(
            f"{table.where}: line {table.lines[at]}: {key}: {values[at]:g} is no frame number; "
            "number the frames from 0"
        )
    return values.astype(np.int64).tolist()

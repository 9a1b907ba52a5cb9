"""Poses from a table of landmarks, a row a frame or a row a landmark, as they stand there."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import MEDIAPIPE33
from ...skeleton import Skeleton
from .landmark_columns import (
    AXES,
    FRAME,
    JOINT,
    PERSON,
    SURE,
    VIDEO,
    landmark_columns,
    place_of,
)
from .text import Table, column

Source = Literal["auto", "mediapipe", "freemocap"]
"""What wrote a file: FreeMoCap's coordinates are millimetres with z up."""
BEYOND = 10.0
"""Coordinates beyond this are no shares of an image and no metres about the hips."""


class Rows(NamedTuple):
    """Poses of a table.

    Args:
        at: `(R,)` row of the table where each begins.
        joints: `(R, V, 4)`, the confidence last; NaN where nothing stands.
        freemocap: millimetres with z up.
    """

    at: np.ndarray
    joints: np.ndarray
    freemocap: bool = False


def read_rows(table: Table, header: list[str], skeleton: Skeleton, source: Source) -> Rows:
    """All poses of a table.

    Args:
        table: of the file.
        header: its header, plain.
        skeleton: the landmarks.
        source: what wrote it.

    Raises:
        InputError: columns that are missing, landmarks that do not exist, cells without a number.
    """
    at = place_of(header, JOINT)
    rows = _wide(table, skeleton) if at is None else _long(table, header, at, skeleton)
    if source == "auto" and not _like_freemocap(header, rows, skeleton):
        return rows
    return rows._replace(freemocap=source != "mediapipe")


def frame_numbers(table: Table, header: list[str], at: np.ndarray) -> list[int]:
    """The number of each row's frame; counted where no column says it.

    Args:
        table: of the file.
        header: its header, plain.
        at: rows of one video.

    Raises:
        InputError: a cell that is no frame number.
    """
    index = place_of(header, FRAME)
    if index is None:
        return list(range(len(at)))
    values = column(table, index)[at]
    wrong = ~((values >= 0) & (values < 1e15) & (values == np.floor(values)))
    if wrong.any():
        first = int(wrong.argmax())
        raise InputError(
            f"{table.where}: line {table.lines[at[first]]}: {header[index]}: {values[first]:g} is "
            "no frame number; number the frames from 0"
        )
    return [int(value) for value in values]


def _wide(table: Table, skeleton: Skeleton) -> Rows:
    columns = landmark_columns(table.header, skeleton, table.where)
    joints = np.full((len(table.rows), skeleton.joints, 4), np.nan)
    for i, parsed in columns.items():
        joints[:, parsed.joint, parsed.axis] = column(table, i)
    have = {(parsed.joint, parsed.axis) for parsed in columns.values()}
    for joint, name in enumerate(skeleton.names):
        if not {(joint, 0), (joint, 1)} <= have:
            raise InputError(
                f"{table.where}: no columns for landmark {joint} ({name}); there must be "
                f"{name}_x and {name}_y, or x_{joint} and y_{joint}"
            )
    return Rows(np.arange(len(table.rows)), joints)


def _long(table: Table, header: list[str], at: int, skeleton: Skeleton) -> Rows:
    """A row a landmark: those of one video, person and frame are a pose."""
    missing = [key for key in ("x", "y") if key not in header]
    if missing or place_of(header, FRAME) is None:
        raise InputError(
            f"{table.where}: column {missing[0] if missing else 'frame'!r} is missing; a row for "
            "each landmark needs frame, landmark, x, y (and z, visibility)"
        )
    which = _joints_of_rows(table, at, skeleton)
    frames = frame_numbers(table, header, np.arange(len(table.rows)))
    keys: dict[tuple[object, ...], int] = {}
    others = [i for i in (place_of(header, VIDEO), place_of(header, PERSON)) if i is not None]
    begins: list[int] = []
    row = np.empty(len(frames), np.int64)
    for i, frame in enumerate(frames):
        key = (frame, *(table.rows[i][j] for j in others if j < len(table.rows[i])))
        if key not in keys:
            begins.append(i)
        row[i] = keys.setdefault(key, len(keys))
    pairs = row * skeleton.joints + which
    if len(np.unique(pairs)) < len(pairs):
        raise InputError(
            f"{table.where}: a landmark stands twice in one frame; a file of several videos needs "
            "a column video, one of several persons a column person"
        )
    joints = np.full((len(begins), skeleton.joints, 4), np.nan)
    sure = next((word for word in SURE if word in header), None)
    for name, axis in (AXES | ({sure: 3} if sure else {})).items():
        if name in header:
            joints[row, which, axis] = column(table, header.index(name))
    return Rows(np.array(begins), joints)


def _joints_of_rows(table: Table, at: int, skeleton: Skeleton) -> np.ndarray:
    """The landmark of each row, by its name or its number (from 0 or 1)."""
    names = {name.lower(): i for i, name in enumerate(skeleton.names)}
    cells = [row[at].strip().lower() if at < len(row) else "" for row in table.rows]
    numbers = [
        names.get(cell, int(cell) if re.fullmatch(r"\d{1,6}", cell) else -1) for cell in cells
    ]
    first = 0 if cells[0] in names else min(1, min(numbers))
    which = np.array(numbers) - max(first, 0)
    wrong = (np.array(numbers) < 0) | (which >= skeleton.joints)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"{table.where}: line {table.lines[row]}: no landmark {cells[row][:40]!r}; "
            f"{skeleton.name} has {skeleton.joints}"
        )
    return which


def _like_freemocap(header: list[str], rows: Rows, skeleton: Skeleton) -> bool:
    """Names, x, y and z of all landmarks and nothing else, and no body that stands along -y."""
    names = [f"{name}_{axis}" for name in MEDIAPIPE33.names for axis in "xyz"]
    if skeleton.names != MEDIAPIPE33.names or [cell for cell in header if cell in names] != names:
        return False
    if any(cell not in (*FRAME, *VIDEO, *names) for cell in header):
        return False
    places = rows.joints[..., :3]
    if np.nanmax(np.abs(places), initial=0) > BEYOND:
        return True
    ankles = [skeleton.names.index(f"{side}_ankle") for side in ("left", "right")]
    down = np.nan_to_num(places[:, ankles].mean(axis=1) - places[:, 0])
    along = np.median(down, axis=0)
    return not along[1] > abs(along[2])

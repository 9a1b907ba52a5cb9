"""Poses from a table of landmarks, a row a frame or a row a landmark, as they stand there."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import MEDIAPIPE33
from ...skeleton import Skeleton
from .landmark_axes import is_body
from .landmark_columns import (
    AXES,
    FRAME,
    HOLISTIC,
    JOINT,
    LABEL,
    PERSON,
    SURE,
    TIME,
    VIDEO,
    landmark_columns,
    parsed,
    place_of,
)
from .text import Table, column

Source = Literal["auto", "mediapipe", "freemocap"]
"""What wrote a file: FreeMoCap's coordinates are millimetres with z up."""
BEYOND = 10.0
"""Coordinates beyond this are no shares of an image and no metres about the hips."""
LEAST = 8
"""Landmarks of a body, at least."""


class Rows(NamedTuple):
    """Poses of a table.

    Args:
        at: `(R,)` row of the table where each begins.
        joints: `(R, V, 4)`, the confidence last; NaN where nothing stands.
        have: landmarks that the file has, in the layout's order.
        metres: in one unit of FreeMoCap's, which has z up; 0: not FreeMoCap's.
        notes: what a user should know.
    """

    at: np.ndarray
    joints: np.ndarray
    have: tuple[int, ...]
    metres: float = 0.0
    notes: tuple[str, ...] = ()


def read_rows(
    table: Table, header: list[str], skeleton: Skeleton, source: Source, world: bool = True
) -> Rows:
    """All poses of a table.

    Args:
        table: of the file.
        header: its header, plain.
        skeleton: the landmarks.
        source: what wrote it.
        world: of two sets of landmarks the one in metres, else the one in the image.

    Raises:
        InputError: columns that are missing, landmarks that do not exist, cells without a number,
            or numbers of which it is not sure whether FreeMoCap wrote them.
    """
    at = place_of(header, JOINT)
    if at is not None:
        rows = _long(table, header, at, skeleton)
    elif is_bare(header):
        rows = _bare(table, header, skeleton)
    else:
        rows = _wide(table, skeleton, world)
    if source == "auto":
        return rows._replace(metres=_freemocap(table, header, rows, skeleton))
    return rows._replace(metres=_unit(rows) if source == "freemocap" else 0.0)


def is_bare(header: list[str]) -> bool:
    """Whether a table has a landmark on each row and nothing that says which.

    Args:
        header: of the file, plain.
    """
    found = [re.sub(r"^landmarks?_", "", cell) for cell in header]
    known = {*AXES, *SURE, *LABEL, *VIDEO}
    return found != header and {"x", "y"} <= {*found} <= known


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


def _wide(table: Table, skeleton: Skeleton, world: bool) -> Rows:
    columns = landmark_columns(table.header, skeleton, table.where, world=world)
    notes: tuple[str, ...] = ()
    numbers = {c.joint for c in parsed(table.header, skeleton).values() if not c.named}
    if len(numbers) in HOLISTIC:
        start = _of_pose(table, skeleton)
        columns = landmark_columns(table.header, skeleton, table.where, start=start)
        notes = (
            f"of {len(numbers)} landmarks the pose's {skeleton.joints} are read, those that have "
            "a visibility; face and hands are left out",
        )
    joints = np.full((len(table.rows), skeleton.joints, 4), np.nan)
    for i, column_ in columns.items():
        joints[:, column_.joint, column_.axis] = column(table, i)
    have = {(column_.joint, column_.axis) for column_ in columns.values()}
    whole = tuple(joint for joint in range(skeleton.joints) if {(joint, 0), (joint, 1)} <= have)
    if numbers and len(numbers) not in HOLISTIC:
        _refuse_others(len(numbers), {joint for joint, _ in have}, skeleton, table.where)
    half = {joint for joint, _ in have} - {*whole}
    for joint in sorted(half or ({0} if len(whole) < LEAST else {})):
        name = skeleton.names[joint]
        raise InputError(
            f"{table.where}: no columns for landmark {joint} ({name}); there must be "
            f"{name}_x and {name}_y, or x_{joint} and y_{joint}"
        )
    return Rows(np.arange(len(table.rows)), joints, whole, notes=notes)


def _refuse_others(count: int, have: set[int], skeleton: Skeleton, where: str) -> None:
    """Raises InputError where numbered landmarks end before the body's: they may be anybody's."""
    if skeleton.joints - 1 in have:
        return
    whose = {21: "a hand's", 42: "two hands'"}.get(count, "of which nothing says what they are")
    raise InputError(
        f"{where}: {count} landmarks by numbers, {whose}; a body's go on to {skeleton.joints - 1}: "
        f"name the columns of a part of them, as {skeleton.names[11]}_x"
    )


def _of_pose(table: Table, skeleton: Skeleton) -> int:
    """How many landmarks of Holistic's row stand before the pose's.

    Only those of the pose have a visibility: of face and hands it is 0.
    """
    seen = set()
    columns = parsed(table.header, skeleton)
    numbers = sorted({c.joint for c in columns.values() if not c.named})
    for i, found in columns.items():
        if found.axis == 3 and not found.named:
            values = column(table, i)
            if (values[~np.isnan(values)] != 0).any():
                seen.add(found.joint - numbers[0])
    if len(seen) == skeleton.joints and max(seen) - min(seen) == skeleton.joints - 1:
        return min(seen)
    raise InputError(
        f"{table.where}: {len(numbers)} numbered landmarks, and no visibility tells which of them "
        f"are the pose's {skeleton.joints}; keep those columns alone, numbered from 0"
    )


def _bare(table: Table, header: list[str], skeleton: Skeleton) -> Rows:
    """Rows of landmarks that say neither which nor of which frame: a whole pose one by one."""
    count = len(table.rows)
    if count % skeleton.joints:
        raise InputError(
            f"{table.where}: {count} rows of landmarks, which say neither frame nor landmark, and "
            f"are no whole poses of {skeleton.joints}; add columns frame and landmark"
        )
    names = [re.sub(r"^landmarks?_", "", cell) for cell in header]
    joints = np.full((count // skeleton.joints, skeleton.joints, 4), np.nan)
    sure = next((word for word in SURE if word in names), None)
    for name, axis in (AXES | ({sure: 3} if sure else {})).items():
        if name in names:
            values = column(table, names.index(name))
            joints[:, :, axis] = values.reshape(-1, skeleton.joints)
    note = f"no column of frames: each {skeleton.joints} rows are taken for the pose of one frame"
    at = np.arange(0, count, skeleton.joints)
    return Rows(at, joints, tuple(range(skeleton.joints)), notes=(note,))


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
    have = tuple(int(joint) for joint in np.unique(which))
    if not any(cell.strip().lower() in skeleton.names for cell in table.rows[0][at : at + 1]):
        _refuse_others(len(have), {*have}, skeleton, table.where)
    if len(have) < LEAST:
        raise InputError(
            f"{table.where}: {len(have)} landmarks of {skeleton.joints}; a body needs {LEAST}"
        )
    return Rows(np.array(begins), joints, have)


def _joints_of_rows(table: Table, at: int, skeleton: Skeleton) -> np.ndarray:
    """The landmark of each row, by its name or its number (from 0 or 1)."""
    names = {name.lower(): i for i, name in enumerate(skeleton.names)}
    cells = [row[at].strip().lower() if at < len(row) else "" for row in table.rows]
    numbers = [
        names.get(cell, int(cell) if re.fullmatch(r"\d{1,6}", cell) else -1) for cell in cells
    ]
    numbered = [n for n, cell in zip(numbers, cells, strict=True) if cell not in names]
    first = 0
    if numbered and min(numbered) > 0:  # a first row may be of any landmark
        first = 1 if max(numbered) >= skeleton.joints or min(numbered) == 1 else 0
    which = np.array(numbers) - np.where([cell in names for cell in cells], 0, first)
    wrong = (np.array(numbers) < 0) | (which >= skeleton.joints)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            f"{table.where}: line {table.lines[row]}: no landmark {cells[row][:40]!r}; "
            f"{skeleton.name} has {skeleton.joints}"
        )
    return which


def _unit(rows: Rows) -> float:
    """Metres in one unit: FreeMoCap writes millimetres; what came through Blender is metres."""
    return 0.001 if np.nanmax(np.abs(rows.joints[..., :3]), initial=0) > BEYOND else 1.0


def _freemocap(table: Table, header: list[str], rows: Rows, skeleton: Skeleton) -> float:
    """Metres in one unit where FreeMoCap wrote the table; 0: something else did.

    Its columns are names, x, y and z of all landmarks and nothing else. It writes millimetres, and
    of one who stands z grows to the head. What else has such columns are shares of an image, or
    pixels in large numbers, in which y grows to the feet.
    """
    names = [f"{name}_{axis}" for name in MEDIAPIPE33.names for axis in "xyz"]
    bare = [re.sub(r"^body_", "", cell) for cell in header]
    if skeleton.names != MEDIAPIPE33.names or [cell for cell in bare if cell in names] != names:
        return 0.0
    if any(cell not in (*FRAME, *VIDEO, *TIME, *names) for cell in bare):
        return 0.0
    places = rows.joints[..., :3]
    ankles = [skeleton.names.index(f"{side}_ankle") for side in ("left", "right")]
    with np.errstate(invalid="ignore"):
        down = places[:, ankles].mean(axis=1) - places[:, 0]
    down = down[~np.isnan(down).any(axis=1)]
    x, y, z = np.median(down, axis=0) if len(down) else (0.0, 0.0, 0.0)
    if _unit(rows) == 1:
        if -z > max(1.5 * abs(y), 0.5):
            return 1.0  # somebody of a man's size stands along z
        return 0.0 if len(bare) > len(names) or is_body(places, skeleton.names) else 0.001
    if -z > 1.5 * abs(y):
        return 0.001
    if y > 1.5 * abs(z) and y > abs(x):
        return 0.0
    raise InputError(
        f"{table.where}: two readings are possible: FreeMoCap's (millimetres, z up) or MediaPipe's "
        "in pixels (y down); say source=freemocap or source=mediapipe"
    )

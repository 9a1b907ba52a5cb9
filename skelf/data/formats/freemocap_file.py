"""FreeMoCap's files of points in space: wide and long tables, JSON by frames, arrays.

Millimetres; z up once the recording is aligned, else the axes of the first camera, in which y
points down. Points of hands, face, centres of mass and those that are computed from others are left
out. Facts: FreeMoCap's page on its data format (versions 1.0 to 2), and files of each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ...errors import InputError
from ...layouts import LAYOUTS, MEDIAPIPE33
from ...skeleton import Skeleton
from .frame_time import nearest_usual
from .freemocap_names import LONG, of_file, of_table
from .landmark_columns import plain
from .landmark_csv import read_table
from .landmark_subset import subset
from .look import Look
from .members import Member
from .numpy_files import load
from .table_signs import header
from .text import LARGEST, Table, column, instance, member_of, number, read_json

BODY = 33  # landmarks that arrays begin with
WHOLE = (BODY, BODY + 42, BODY + 42 + 468, BODY + 42 + 478)
"""Points of an array: body; and hands; and the face in two versions of MediaPipe."""
LAYOUTS_OF = (MEDIAPIPE33, subset(LAYOUTS["wholebody133"], range(23)), LAYOUTS["coco17"])
"""Bodies of the trackers that FreeMoCap offers: MediaPipe, RTMPose, YOLO."""
What = Literal["3d_xyz", "rigid_3d_xyz"]
LEAST = 1e-5  # seconds between frames: no camera goes below
_TIMES = ("timestamp", "timestamp_s", "timestamps")


class Points(NamedTuple):
    """What a file holds.

    Args:
        joints: `(T, V, 3)`, NaN where nothing was seen.
        skeleton: of the body.
        fps: frames a second; 0: the file does not say it.
        notes: what a user should know.
    """

    joints: np.ndarray
    skeleton: Skeleton
    fps: float
    notes: tuple[str, ...]


def told(look: Look) -> str:
    """Why a file is FreeMoCap's."""
    if look.is_json:
        found = {"data_by_frame", "tracked_points"} <= look.keys
        return "it has data_by_frame with tracked_points, as FreeMoCap's" if found else ""
    shape, kind = look.arrays.get("", ((), ""))
    if kind == "f" and len(shape) == 3 and shape[1] in WHOLE and shape[2] == 3:
        if of_file(look.name.name):
            return "its name and shape are those of FreeMoCap's points in space"
        return ""
    cells = [plain(cell) for cell in header(look)]
    if cells and of_table(cells):
        return "its columns are FreeMoCap's: frame, keypoint, model, or body_nose_x, ..."
    names = [f"{name}_{axis}" for name in MEDIAPIPE33.names for axis in "xyz"]
    if cells == names and of_file(look.name.name):
        return "its name and columns are those of FreeMoCap's body"
    return ""


def load_points(file: Path, what: What = "3d_xyz") -> Points:
    """The body of one file.

    Args:
        file: of any of the forms.
        what: of a table that has both, points as they were found or with bones of fixed length.

    Raises:
        InputError: no body in it, or damaged.
    """
    suffix = file.suffix.lower()
    if suffix == ".npy":
        return _array(file)
    if suffix == ".json":
        return _json(file)
    table = read_table(Member(file))
    cells = [plain(cell) for cell in table.header]
    return _long(table, cells, what) if {*LONG} <= {*cells} else _wide(table, cells)


def _array(file: Path) -> Points:
    data = load(file)
    if not isinstance(data, np.ndarray) or data.dtype.kind != "f" or data.ndim != 3:
        raise InputError(f"{file}: no array (T, points, 3); is it another of FreeMoCap's files?")
    if data.shape[1] not in WHOLE or data.shape[2] != 3:
        raise InputError(
            f"{file}: {data.shape}: which points are the body's is not told; import the .csv "
            f"beside it, or an array of {', '.join(map(str, WHOLE))} points"
        )
    joints = np.array(data[:, :BODY], np.float64)
    if (np.abs(joints) > LARGEST).any():
        raise InputError(f"{file}: a number beyond {LARGEST:.3g}; process the recording again")
    more = data.shape[1] - BODY
    notes = (f"{more} points of hands and face are left out",) if more else ()
    return Points(joints, MEDIAPIPE33, 0.0, notes)


def _wide(table: Table, cells: Sequence[str]) -> Points:
    by_name: dict[str, dict[str, int]] = {}
    for i, cell in enumerate(cells):
        match = re.fullmatch(r"(.+)_([xyz])", cell)
        if match:
            by_name.setdefault(match[1], {})[match[2]] = i
    points = {name: axes for name, axes in by_name.items() if len(axes) == 3}
    skeleton, called = _body({name.removeprefix("body_"): name for name in points}, table.where)
    joints = np.empty((len(table.rows), skeleton.joints, 3))
    for joint, name in enumerate(skeleton.names):
        for axis, letter in enumerate("xyz"):
            joints[:, joint, axis] = column(table, points[called[name]][letter])
    return Points(joints, skeleton, _rate(table, cells), _left_out(points, skeleton))


def _long(table: Table, cells: Sequence[str], what: What) -> Points:
    at = {word: cells.index(word) for word in (*LONG, "trajectory") if word in cells}
    rows = [(i, row) for i, row in enumerate(table.rows) if len(row) >= len(cells)]
    if len(rows) < len(table.rows):
        raise InputError(f"{table.where}: line {table.lines[-1]}: cut off; copy the file again")
    if "trajectory" in at:
        rows = [(i, row) for i, row in rows if row[at["trajectory"]].strip() == what]
    elif what != "3d_xyz":
        raise InputError(f"{table.where}: no column trajectory, so no {what}; leave what= out")
    rows = [(i, row) for i, row in rows if re.search(r"[._]body$", row[at["model"]].strip())]
    models = {row[at["model"]].strip() for _, row in rows}
    if len(models) != 1:
        some = ", ".join(sorted(models)[:4]) or "none"
        raise InputError(f"{table.where}: bodies of {some}; a file with one model's is read")
    names = dict.fromkeys(row[at["keypoint"]].strip().lower() for _, row in rows)
    skeleton, called = _body({name: name for name in names}, table.where)
    joint_of = {called[name]: joint for joint, name in enumerate(skeleton.names)}
    chosen = [(i, row) for i, row in rows if row[at["keypoint"]].strip().lower() in joint_of]
    numbers = column(table, at["frame"])[[i for i, _ in chosen]]
    if not len(numbers) or not (numbers == np.floor(numbers)).all() or np.isnan(numbers).any():
        raise InputError(f"{table.where}: frame: not whole numbers; export the recording again")
    frames = (numbers - numbers.min()).astype(np.int64)
    if frames.max() > 10 * len(table.rows):
        raise InputError(f"{table.where}: frame {int(numbers.max())}: far beyond the file's rows")
    joints = np.full((int(frames.max()) + 1, skeleton.joints, 3), np.nan)
    seen = set()
    for frame, (i, row) in zip(frames.tolist(), chosen, strict=True):
        joint = joint_of[row[at["keypoint"]].strip().lower()]
        if (frame, joint) in seen:
            raise InputError(
                f"{table.where}: line {table.lines[i]}: {skeleton.names[joint]} stands twice in "
                "one frame; export one recording to a file"
            )
        seen.add((frame, joint))
        where = f"{table.where}: line {table.lines[i]}"
        joints[frame, joint] = [number(row[at[axis]], where) for axis in "xyz"]
    return Points(joints, skeleton, _rate(table, cells), _left_out(names, skeleton))


def _json(file: Path) -> Points:
    where = str(file)
    by_frame = member_of(read_json(Member(file)), "data_by_frame", dict, where)
    frames: list[dict[str, object]] = [
        member_of(frame, "tracked_points", dict, f"{where}: data_by_frame: {str(key)[:20]}")
        for key, frame in by_frame.items()
    ]
    if not frames:
        raise InputError(f"{where}: data_by_frame: no frames; process the recording again")
    names = dict.fromkeys(str(name) for name in frames[0])
    skeleton, called = _body({name.removeprefix("body_"): name for name in names}, where)
    joints = np.full((len(frames), skeleton.joints, 3), np.nan)
    for t, frame in enumerate(frames):
        for joint, name in enumerate(skeleton.names):
            here = f"{where}: frame {t}: {name}"
            point = instance(frame.get(called[name], {}), dict, here)
            for axis, letter in enumerate("xyz"):
                value = point.get(letter)
                joints[t, joint, axis] = number("" if value is None else str(value), here)
    return Points(joints, skeleton, 0.0, _left_out(names, skeleton))


def _body(called: dict[str, str], where: str) -> tuple[Skeleton, dict[str, str]]:
    """The layout whose joints are all there, and what the file calls them."""
    for skeleton in LAYOUTS_OF:
        if set(skeleton.names) <= called.keys():
            return skeleton, called
    have = ", ".join([*called][:8]) or "nothing"
    raise InputError(
        f"{where}: no whole body of MediaPipe, RTMPose or YOLO in it (there are {have}, ...); "
        "files of hands, face or centres of mass alone are not read"
    )


def _left_out(names: dict[str, dict[str, int]] | dict[str, None],
              skeleton: Skeleton) -> tuple[str, ...]:  # fmt: skip
    left = [name for name in names if name.removeprefix("body_") not in skeleton.names]
    few = ", ".join(left[:3]) + (", ..." if len(left) > 3 else "")
    return (f"{len(left)} points beside the body's are left out: {few}",) if left else ()


def _rate(table: Table, cells: Sequence[str]) -> float:
    """By the timestamps, which many recordings lack; seconds, or nanoseconds since 1970."""
    at = next((cells.index(word) for word in _TIMES if word in cells), None)
    if at is None:
        return 0.0
    try:
        times = column(table, at)
    except InputError:  # a date
        return 0.0
    times = np.unique(times[~np.isnan(times)])
    if len(times) < 2:
        return 0.0
    step = float(times[-1] - times[0]) / (len(times) - 1)
    step *= 1e-9 if step > 1e5 else 1e-3 if step > 1 else 1.0
    return nearest_usual(1 / step) if step > LEAST else 0.0

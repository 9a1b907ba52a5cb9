"""The recordings in one table: rows by a column of recordings, in time by frames or by seconds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import InputError
from ..motion.resample import RATES
from .csv_mapping import CsvMapping
from .naming import timeline
from .text import Table, column

_EVEN = 0.5  # of the usual step between two times: no frame is lost where all are this near to it


class Recording(NamedTuple):
    """The rows of one recording.

    Args:
        name: what the column of recordings has; empty where there is none.
        rows: `(R,)` indices of the table's rows.
        frames: `(R,)` frame of each one, from 0.
        length: number of frames; those without a row were not seen.
        fps: frames a second.
    """

    name: str
    rows: np.ndarray
    frames: np.ndarray
    length: int
    fps: float


def recordings(table: Table, form: CsvMapping) -> list[Recording]:
    """The recordings of one file, in the order in which they begin.

    Raises:
        InputError: a column that is missing, frames or times that repeat or go back, or a rate
            that nobody records with.
    """
    by_name: dict[str, list[int]] = {"": list(range(len(table.rows)))}
    if form.recording:
        at, by_name = place(table, form.recording, "recording"), {}
        for i, row in enumerate(table.rows):
            name = row[at].strip() if at < len(row) else ""
            if not name:
                raise InputError(
                    f"{table.where}: line {table.lines[i]}: {form.recording!r} is empty; name the "
                    "recording of each row"
                )
            by_name.setdefault(name.replace("\\", "/"), []).append(i)
    columns = {
        key: column(table, place(table, name, key))
        for key, name in (("frame", form.frame), ("time", form.time))
        if name
    }
    return [
        _recording(table, form, name, np.array(rows), {k: v[rows] for k, v in columns.items()})
        for name, rows in by_name.items()
    ]


def place(table: Table, name: str, key: str) -> int:
    """The index of a column.

    Raises:
        InputError: there is none of that name.
    """
    if name not in table.header:
        raise InputError(
            f"{table.where}: column {name!r} is missing (there are "
            f"{', '.join(table.header[:6])[:200]}, ...); mend the mapping's {key}"
        )
    return table.header.index(name)


def _recording(
    table: Table, form: CsvMapping, name: str, rows: np.ndarray, columns: dict[str, np.ndarray]
) -> Recording:
    for key, values in columns.items():
        if np.isnan(values).any():
            line = table.lines[rows[np.isnan(values).argmax()]]
            raise InputError(f"{table.where}: line {line}: no {key}; write one in each row")
    frames, length, fps = np.arange(len(rows)), len(rows), form.fps
    if "frame" in columns:
        numbers = columns["frame"]
        if (numbers != np.round(numbers)).any() or (np.abs(numbers) > 1e15).any():
            raise InputError(
                f"{table.where}: {form.frame}: not all are whole numbers; are they times? Then "
                f"write time = {form.frame!r} instead of frame"
            )
        order = np.argsort(numbers, kind="stable")
        rows, columns = rows[order], {key: values[order] for key, values in columns.items()}
        _refuse_twice(table, form, "frame", columns["frame"], rows)
        places, length, step = timeline([int(n) for n in columns["frame"]], table.where, True)
        frames, fps = np.array(places), form.fps / step
    if "time" in columns:
        seconds = columns["time"] * form.time_scale
        steps = np.diff(seconds)
        if (steps <= 0).any():
            _refuse_twice(table, form, "time", columns["time"], rows)
        if len(rows) > 1:
            if "frame" not in columns:
                frames = by_time(steps)
                length = int(frames[-1]) + 1
            fps = float(frames[-1] / (seconds[-1] - seconds[0]))
    if not RATES[0] <= fps <= RATES[1]:
        raise InputError(
            f"{table.where}: {form.time or form.frame}: {fps:g} frames a second; are the times in "
            "another unit? time_scale = 0.001 is for milliseconds"
        )
    if length > 100 * len(rows) + 1000:
        raise InputError(
            f"{table.where}: {form.time or form.frame}: {len(rows)} rows in {length:,} frames; "
            "mend the number that is out of line"
        )
    return Recording(name, rows, frames, length, fps)


def by_time(steps: np.ndarray) -> np.ndarray:
    """Frames of rows by the steps between their times; a gap is where frames are missing."""
    usual = float(np.median(steps))
    missed = np.maximum(1, np.round(steps / usual))
    if (np.abs(steps - usual) <= _EVEN * usual).all():  # unsteady, but none is missing
        missed = np.ones(len(steps))
    # What no memory holds is refused by its length, with the numbers as they are.
    return np.concatenate([[0], np.cumsum(np.minimum(missed, 1e12))]).astype(np.int64)


def _refuse_twice(
    table: Table, form: CsvMapping, key: str, values: np.ndarray, rows: np.ndarray
) -> None:
    """Raises InputError where a frame or time repeats, or time goes back."""
    wrong = np.diff(values) <= 0
    if not wrong.any():
        return
    at = int(wrong.argmax()) + 1
    several = (
        "frames of one recording must differ"
        if form.recording
        else "a file of several recordings needs recording = its column"
    )
    raise InputError(
        f"{table.where}: line {table.lines[rows[at]]}: {key} {values[at]:g} comes after "
        f"{values[at - 1]:g}; {several}"
    )

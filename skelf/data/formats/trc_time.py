"""When the rows of a recording of markers are: by their times, else by the numbers of frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import InputError
from . import source
from .csv_rows import by_time
from .frame_time import TELEVISION

NEAR = 0.02
"""Of a rate: what the column of times and the header may differ by and still say the same."""
_EXACT = 1e-3  # of a rate: a usual one that is as near as that is meant


class Timeline(NamedTuple):
    """Where rows lie in time.

    Args:
        places: `(R,)` frame of each row, from 0.
        length: frames, those without a row too.
        fps: frames a second.
        notes: what a user should know.
    """

    places: np.ndarray
    length: int
    fps: float
    notes: tuple[str, ...]


def timeline(where: str, frames: np.ndarray, times: np.ndarray, rate: float | None) -> Timeline:
    """Frames of rows, and the rate.

    Times count before the header's rate where the two contradict each other: they are each row's
    own, and OpenSim goes by them.

    Args:
        where: file, for messages.
        frames: `(R,)` numbers of frames, NaN where there is none.
        times: `(R,)` seconds, or milliseconds; NaN where there is none.
        rate: frames a second that the header says; None: it does not.

    Raises:
        InputError: no rate anywhere, or rows that go back in time.
    """
    if len(times) > 1 and (np.diff(times) > 0).all():  # NaN compares false
        return _checked(where, _by_times(where, times, rate), len(times))
    if rate is None:
        raise InputError(
            f"{where}: no frame rate: DataRate is not there, and the column Time does not rise; "
            "write one of them into the file"
        )
    notes: tuple[str, ...] = ()
    if len(times) > 1:
        notes = (f"its column Time does not rise from row to row: DataRate {rate:g} counts",)
    places = np.arange(len(frames))
    steps = np.diff(frames)
    if len(steps) and (steps <= 0).any() and not np.isnan(times).all():
        row = int((steps <= 0).argmax()) + 1
        raise InputError(
            f"{where}: row {row + 1}: frame {frames[row]:g} comes after {frames[row - 1]:g}, and "
            "times do not rise; are these two recordings? Cut the file there"
        )
    if len(steps) and (steps > 0).all() and (frames == np.round(frames)).all():
        usual = float(np.median(steps))
        if (steps % usual == 0).all():
            places = ((frames - frames[0]) / usual).clip(max=1e12).astype(np.int64)
    line = Timeline(places, int(places[-1]) + 1, rate, notes)
    return _checked(where, line, len(frames))


def _by_times(where: str, times: np.ndarray, rate: float | None) -> Timeline:
    steps = np.diff(times)
    places = by_time(steps)
    found = float(places[-1] / (times[-1] - times[0]))
    notes = []
    fps = found
    if rate is None:
        fps = _usual(found, 1 / float(np.median(steps)))
        notes.append(f"no DataRate: by its column Time {fps:.6g} frames a second")
    elif abs(found / rate - 1) <= NEAR:
        fps = rate
    elif abs(found * 1000 / rate - 1) <= NEAR:
        fps = rate
        notes.append("its column Time is in milliseconds, as DataRate says")
    else:
        fps = _usual(found, 1 / float(np.median(steps)))
        notes.append(
            f"DataRate says {rate:g} frames a second, the column Time {fps:.6g}: times count"
        )
    return Timeline(places, int(places[-1]) + 1, source.rate(f"{where}: Time", fps), tuple(notes))


def _usual(*rates: float) -> float:
    """The first that is near a whole or a television's rate, as that; else the first as it is.

    A whole one counts only where digits of times leave no doubt, since 29.97 is near 30.
    """
    for rate in rates:
        whole = float(max(1, round(rate)))
        usual = min((r / 1001 for r in TELEVISION), key=lambda usual: abs(rate - usual))
        near = whole if abs(rate / whole - 1) <= abs(rate / usual - 1) else usual
        if abs(rate / near - 1) < _EXACT:
            return near
    return rates[0]


def _checked(where: str, line: Timeline, rows: int) -> Timeline:
    if line.length > 100 * rows + 1000:
        raise InputError(
            f"{where}: {rows} rows in {line.length:,} frames; mend the time that is out of line"
        )
    if line.length > rows:
        missed = f"{line.length - rows} frames have no row, by what numbers them: they are gaps"
        return line._replace(notes=(*line.notes, missed))
    return line

"""Rows of numbers below the header lines of motion capture tables, in time by their frames."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ..motion.resample import LARGEST, RATES
from . import source
from .text import NOT_SEEN

SPARSE = 100  # frames for one row: more means a frame number that is out of line
_APART = 0.02  # of a rate: the header's and the times' are the same below
_ROUNDED = 0.0011  # seconds: programs round times to a millisecond, whatever they print


def separator(line: str) -> str:
    """The sign between the cells of a line: tab, semicolon or comma.

    >>> separator("Frame;Sub Frame;X;Y;Z"), separator("NO_OF_FRAMES\\t6")
    (';', '\\t')
    """
    return max("\t;,", key=line.count)


def cells(line: str, sign: str) -> list[str]:
    """The cells of a header line, without quotes and blanks around them."""
    if '"' not in line:
        return [cell.strip() for cell in line.split(sign)]
    found = re.findall(rf'(?:^|{re.escape(sign)})\s*("(?:[^"]|"")*"?|[^{re.escape(sign)}]*)', line)
    return [cell.strip().removeprefix('"').removesuffix('"').replace('""', '"') for cell in found]


def numbers(
    file: object, lines: Sequence[str], first: int, width: int, sign: str, chosen: Sequence[int]
) -> np.ndarray:
    """The chosen columns of rows of cells, `(R, len(chosen))` float64; NaN where a cell is empty.

    Rows may end after the last cell that has a number. Numbers with a decimal comma are read where
    the comma is not what separates.

    Args:
        file: for messages.
        lines: of the rows.
        first: number of the first line in the file, for messages.
        width: cells that the header names.
        sign: what separates cells.
        chosen: columns.

    Raises:
        InputError: a row that is longer than the header, a cell that is no number, or a number
            that nothing measures.
    """
    values = np.empty((len(lines), len(chosen)))
    last = max(chosen, default=-1) + 1
    for at, line in enumerate(lines):
        row = _row(file, line, first + at, width, sign, last)
        picked = [row[column] for column in chosen]
        try:
            values[at] = list(map(float, picked))
        except ValueError:  # empty cells, words for NaN, or what is wrong
            values[at] = [_number(file, first + at, cell) for cell in picked]
    wrong = ~((np.abs(values) <= LARGEST) | np.isnan(values))
    if wrong.any():
        row_at = int(wrong.any(axis=1).argmax())
        source.believed(f"{file}: line {first + row_at}", values[row_at][wrong[row_at]])
    return values


def _row(file: object, line: str, number: int, width: int, sign: str, last: int) -> list[str]:
    """The first cells of a row, at least `last`."""
    if '"' in line:
        line = line.replace('"', "")
    if sign != "," and "," in line:
        line = line.replace(",", ".")
    count = line.count(sign) + 1
    if count > width and any(cell.strip() for cell in line.split(sign)[width:]):
        raise InputError(
            f"{file}: line {number}: {count} cells, the header names {width}; is it cut off, or "
            "has it decimal commas between commas? Export it again"
        )
    row = line.split(sign, last)
    return row if len(row) >= last else row + [""] * (last - len(row))


def _number(file: object, line: int, cell: str) -> float:
    word = cell.strip()
    if word.lower() in NOT_SEEN:
        return np.nan
    try:
        return float(word)
    except ValueError:
        raise InputError(
            f"{file}: line {line}: {word[:40]!r} is no number; mend the file"
        ) from None


def filled(lines: Sequence[str], sign: str) -> int:
    """How many lines there are before the empty ones (of separators alone) at the end."""
    last = len(lines)
    while last and not lines[last - 1].strip(f'{sign} \t\r"'):
        last -= 1
    return last


def places(where: str, frames: np.ndarray) -> tuple[np.ndarray, int]:
    """Where rows stand in time by the numbers of their frames, from 0, and how many frames it is.

    A step that all numbers share is a lower rate; a number that is missing is a frame in which
    nothing was seen.

    Args:
        where: file and column, for messages.
        frames: `(R,)`.

    Raises:
        InputError: numbers that repeat, go back, are none, or leave out nearly all.

    Examples:
        >>> places("x", np.array([4, 6, 10]))
        (array([0, 1, 3]), 4)
    """
    whole = np.isfinite(frames) & (np.abs(frames) < 1e15)
    if not whole.all() or (frames != np.round(frames)).any():
        raise InputError(f"{where}: not all frame numbers are whole numbers; mend the file")
    steps = np.diff(frames).astype(np.int64)
    if (steps <= 0).any():
        wrong = int((steps <= 0).argmax())
        raise InputError(
            f"{where}: frame {frames[wrong + 1]:.0f} comes after {frames[wrong]:.0f}; frames must "
            "count up, mend the file"
        )
    at = np.concatenate([[0], np.cumsum(steps // (np.gcd.reduce(steps) if len(steps) else 1))])
    length = int(at[-1]) + 1
    if length > SPARSE * len(frames) + 1000:
        raise InputError(
            f"{where}: {len(frames)} rows in {length:,} frames; mend the number that is out of line"
        )
    return at, length


def spread(values: np.ndarray, at: np.ndarray, length: int) -> np.ndarray:
    """Rows at their places; NaN in frames that have no row."""
    if length == len(values):
        return values
    whole = np.full((length, *values.shape[1:]), np.nan)
    whole[at] = values
    return whole


def rate(
    where: str, stated: float | None, seconds: np.ndarray | None, at: np.ndarray
) -> tuple[float, tuple[str, ...]]:
    """Frames a second: what the header says, or the times of the rows, which count if they differ.

    Args:
        where: file, for messages.
        stated: what the header says; None: nothing.
        seconds: `(R,)` of the rows; None or not rising: they say nothing.
        at: `(R,)` places of the rows.

    Raises:
        InputError: neither says it, or a rate that nobody records with.
    """
    counted = None
    rising = seconds is not None and len(seconds) > 1 and bool((np.diff(seconds) > 0).all())
    if seconds is not None and rising:
        counted = float((at[-1] - at[0]) / (seconds[-1] - seconds[0]))
        if abs(counted - round(counted)) < 1e-3 * counted and round(counted):
            counted = float(round(counted))
        if not RATES[0] <= counted <= RATES[1]:
            counted = None
    if stated is None and counted is None:
        raise InputError(f"{where}: neither a frame rate nor times of rows; export it with both")
    if stated is None:
        assert counted is not None
        return counted, ()
    if counted is None:
        return source.rate(where, stated), ()
    assert seconds is not None
    late = abs((at[-1] - at[0]) / max(stated, RATES[0]) - (seconds[-1] - seconds[0]))
    if abs(counted - stated) <= _APART * stated or late <= _ROUNDED:
        return source.rate(where, stated), ()
    note = f"the header says {stated:g} frames a second, the times {counted:g}, which is taken"
    return counted, (note,)


def whole_rows(lines: list[str], sign: str, text: str) -> tuple[list[str], tuple[str, ...]]:
    """Rows without a last one that a cut left in the middle, and a note.

    Args:
        lines: of the rows.
        sign: what separates cells.
        text: the file, whose end tells whether its last line was ended.
    """
    ended = text.endswith(("\n", "\r"))
    if len(lines) < 2 or ended or lines[-1].count(sign) >= lines[-2].count(sign):
        return lines, ()
    return lines[:-1], ("the last row is cut off and left out; is the file whole?",)

"""DeepLabCut's tables, CSV and HDF5: who (scorer), individuals, body parts and coordinates in rows.

    scorer,     net,  net,  net,        net,  ...
    individuals,one,  one,  one,        one,  ...     (of several animals or persons)
    bodyparts,  nose, nose, nose,       wrist, ...
    coords,     x,    y,    likelihood, x,    ...
    0,          12.1, 88.0, 0.99,       45.2, ...

A row is a frame, by its number, or an image that somebody labelled, by its name (in one cell, or in
three). Pixels, y down; in three dimensions the first camera's axes and the calibration's unit.
Source: DeepLabCut's documentation of its output (Mathis et al., 2018; Lauer et al., 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from . import source
from .csv_header import separators
from .look import Look
from .members import Member
from .pandas_hdf import Frame, level_names, read_frames
from .text import LARGEST, number, read_csv

ROWS = ("scorer", "individuals", "bodyparts", "coords")
_MARKS = ",;\t"
SUREST = 1.5  # a likelihood beyond 1 by more than a network's rounding
UNIQUE = "single"  # how it calls the parts that only one of all has: things in the picture


@dataclass(frozen=True)
class Estimates:
    """What a file holds.

    Args:
        parts: names of the body parts.
        persons: names of the individuals; one without a name where there are no individuals.
        index: of the rows: frames, or names of images.
        joints: `(R, M, V, C + 1)`, confidence last; NaN where nothing was found.
        notes: what a user should know.
    """

    parts: tuple[str, ...]
    persons: tuple[str, ...]
    index: list[int] | list[str]
    joints: np.ndarray
    notes: tuple[str, ...]


def told(look: Look) -> str:
    """Why a file is DeepLabCut's; empty where it is not."""
    if look.head.startswith(b"\x89HDF\r\n\x1a\n"):
        known = not look.member.inside and b"pandas_type" in look.head
        found = level_names(look.member.file) if known else set()
        if {"bodyparts", "coords"} <= found:
            return "a table of pandas with bodyparts and coords, as of DeepLabCut"
        return ""
    firsts = [line.strip("\"' ")[:12].lower() for line in look.lines[:5]]
    for mark in _MARKS:
        heads = [first.partition(mark)[0].strip("\"' ") for first in firsts if mark in first]
        at = next((at for at, head in enumerate(heads) if head == "bodyparts"), None)
        if at is not None and heads[at + 1 : at + 2] == ["coords"]:
            return "its first lines are bodyparts and coords, as of DeepLabCut"
    return ""


def load_estimates(member: Member) -> Estimates:
    """Reads one file, by its content.

    Raises:
        InputError: not DeepLabCut's, or damaged; the message names file, place and remedy.
    """
    if member.head(8).startswith(b"\x89HDF"):
        if member.inside:
            raise InputError(f"{member}: an HDF5 file in a zip; unpack it")
        frames = [f for f in read_frames(member.file) if {"bodyparts", "coords"} <= set(f.levels)]
        if not frames:
            raise InputError(f"{member}: no table with bodyparts and coords; is it DeepLabCut's?")
        frame = frames[0]
    else:
        frame = _of_text(member)
    return _estimates(frame, str(member))


def _of_text(member: Member) -> Frame:
    delimiter, decimal = separators(member)
    table = read_csv(member, delimiter, decimal=decimal, even=False)
    rows = [table.header, *table.rows]
    lines = [0, *table.lines]
    above = [[cell.strip() for cell in row] or [""] for row in rows[:5]]
    last = next((at for at, row in enumerate(above) if row[0].lower() == "coords"), None)
    levels = [row[0].lower() for row in above[: (last or 0) + 1]]
    if last is None or "bodyparts" not in levels:
        raise InputError(
            f"{member}: no lines bodyparts and coords among the first ones; is it DeepLabCut's?"
        )
    named = [at for at, cell in enumerate(above[last]) if cell and at]
    if not named:
        raise InputError(f"{member}: no coords behind the word; is it DeepLabCut's?")
    first, width = named[0], named[-1] + 1
    names = [(row + [""] * width)[first:width] for row in above[: last + 1]]
    if all(not row[first:] or not any(row[first:]) for row in rows[last + 1 :]):
        raise InputError(f"{member}: no number below the names; nothing was found in any frame")
    values = np.array(
        [
            _numbers(row, first, width, f"{member}: line {line}")
            for row, line in zip(rows[last + 1 :], lines[last + 1 :], strict=True)
        ]
    ).reshape(-1, width - first)
    index = ["/".join(cell.strip() for cell in row[:first]) for row in rows[last + 1 :]]
    numbered = [int(float(cell)) for cell in index if _is_whole(cell)]
    return Frame(
        tuple(levels),
        list(zip(*names, strict=True)),
        numbered if len(numbered) == len(index) else index,
        values,
    )


def _numbers(row: Sequence[str], first: int, width: int, where: str) -> list[float]:
    if not any(cell.strip() for cell in row[first:]):
        return [float("nan")] * (width - first)
    if len(row) < width or any(cell.strip() for cell in row[width:]):
        raise InputError(f"{where}: {len(row)} cells instead of {width}; mend or drop the line")
    try:
        values = [*map(float, row[first:width])]
    except ValueError:
        return [number(cell, where) for cell in row[first:width]]
    if any(abs(value) > LARGEST for value in values):  # NaN is not
        raise InputError(f"{where}: a number that is not finite; leave its cell empty")
    return values


def _is_whole(cell: str) -> bool:
    digits, _, rest = cell.partition(".")
    return digits.isdigit() and len(digits) < 16 and not rest.strip("0")


def _estimates(frame: Frame, where: str) -> Estimates:
    """The columns by individual, body part and coordinate."""
    at = {level: frame.levels.index(level) for level in ROWS if level in frame.levels}
    kinds = [column[at["coords"]].lower() for column in frame.columns]
    axes = [axis for axis in "xyz" if axis in kinds]
    if axes[:2] != ["x", "y"]:
        raise InputError(f"{where}: no coords x and y; is it DeepLabCut's?")
    scorers = list(dict.fromkeys(c[at["scorer"]] for c in frame.columns)) if "scorer" in at else []
    scorer = scorers[0] if len(scorers) > 1 and "scorer" in at else None
    notes = [f"{len(scorers)} scorers: the first, {scorer!r}, is read"] if scorer else []
    place = dict.fromkeys(axes)
    numbers = {axis: i for i, axis in enumerate(place)} | {"likelihood": len(axes)}
    by_name: dict[tuple[str, str], dict[int, int]] = {}
    for i, column in enumerate(frame.columns):
        if kinds[i] in numbers and (scorer is None or column[at["scorer"]] == scorer):
            person = column[at["individuals"]] if "individuals" in at else ""
            cells = by_name.setdefault((person, column[at["bodyparts"]]), {})
            if cells.setdefault(numbers[kinds[i]], i) != i:
                raise InputError(f"{where}: {column} stands twice; rename one of them")
    persons = list(dict.fromkeys(person for person, _ in by_name))
    if len(persons) > 1 and UNIQUE in persons:
        persons.remove(UNIQUE)
        notes.append("parts of no individual ('single') are left out")
    parts = list(dict.fromkeys(part for person, part in by_name if person in persons))
    joints = np.full((len(frame.index), len(persons), len(parts), len(axes) + 1), np.nan)
    for (person, part), cells in by_name.items():
        if person in persons:
            body = joints[:, persons.index(person), parts.index(part)]
            for axis, column_at in cells.items():
                body[:, axis] = frame.values[:, column_at]
            if len(axes) not in cells:  # somebody labelled it, or it was triangulated
                body[:, -1] = np.where(np.isnan(body[:, :-1]).any(axis=1), np.nan, 1.0)
    sure = joints[..., -1]
    if (wrong := np.nan_to_num(sure) > SUREST).any():
        row = int(np.argwhere(wrong)[0, 0])
        raise InputError(
            f"{where}: row {row + 1}: likelihood {sure[wrong][0]:g}; it lies between 0 and 1: are "
            "the cells shifted?"
        )
    if len(axes) == 3:
        notes.append("three dimensions: its unit is the calibration's, y points down")
    source.believed(where, joints[~np.isnan(joints)])
    return Estimates(tuple(parts), tuple(persons), frame.index, joints, tuple(notes))

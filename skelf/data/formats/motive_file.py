"""OptiTrack Motive's CSV export: what its header rows name, and the columns of positions.

The first line has pairs of names and values, then come rows for Type, Name, ID, in newer versions
Parent, then Rotation or Position, then `Frame, Time (Seconds), X, Y, Z, ...`.
Source: docs.optitrack.com, "Data Export: CSV" (Motive 2 and 3), and files of versions 1.2 to 1.25.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from . import source
from .look import Look
from .number_rows import cells, filled, numbers, places, rate, spread, whole_rows

FIRST = "Format Version"
MOST_HEADERS = 40  # lines in which the row that begins with Frame must stand
_TURNS = ("X", "Y", "Z", "W")


class Part(NamedTuple):
    """A bone, a rigid body or a marker.

    Args:
        kind: as the row Type has it, as "Bone".
        name: as the row Name has it, with the skeleton's or body's name.
        parent: as the row Parent has it; "" where there is no such row.
        position: columns of X, Y, Z; none where they were not exported.
        rotation: columns of X, Y, Z, W; three of them are Euler angles.
    """

    kind: str
    name: str
    parent: str
    position: tuple[int, ...]
    rotation: tuple[int, ...]


@dataclass(frozen=True)
class Take:
    """A file.

    Args:
        said: what the first line says, names in lower case.
        parts: in the order of the columns.
        fps: frames a second.
        notes: what a user should know.
        lines: rows of numbers.
        first: number of the first of them.
        sign: what separates cells.
        width: cells in a row.
        at: `(R,)` places of the rows in time.
        length: frames.
    """

    file: Path
    said: dict[str, str]
    parts: list[Part]
    fps: float
    notes: tuple[str, ...]
    lines: list[str] = field(repr=False)
    first: int
    sign: str
    width: int
    at: np.ndarray
    length: int

    def read(self, columns: Sequence[int]) -> np.ndarray:
        """Columns as `(T, len(columns))`, NaN where a cell is empty or a row is missing."""
        some = numbers(self.file, self.lines, self.first, self.width, self.sign, columns)
        return spread(some, self.at, self.length)


def told(look: Look) -> str:
    """Why a file is such an export, or ""."""
    first = look.lines[0] if look.lines else ""
    is_one = re.match(rf'"?{FIRST}"?[,;\t]', first) is not None
    return "its first line begins with Format Version, as in Motive's CSV" if is_one else ""


def load_take(file: Path) -> Take:
    """The header of a file, and its rows as text.

    Raises:
        InputError: no export of Motive, without its header, damaged or cut off.
    """
    text, notes = source.text(file)
    lines = text.splitlines()
    sign = lines[0].removeprefix('"').removeprefix(FIRST).removeprefix('"')[:1]
    if not lines[0].removeprefix('"').startswith(FIRST) or sign not in ",;\t":
        raise InputError(
            f"{file}: its first line does not begin with {FIRST!r}; is it Motive's CSV? Export it "
            "from Motive with its header"
        )
    said = _pairs(cells(lines[0], sign))
    header, start = _header(file, lines, sign)
    axes = header.pop("axes")
    parts = _parts(header, axes)
    rows = lines[start : start + filled(lines[start:], sign)]
    rows, cut = whole_rows(rows, sign, text)
    if not rows:
        raise InputError(f"{file}: no row below the header; export the take again")
    times = [0, *(at for at, axis in enumerate(axes) if axis.lower().startswith("time (s"))][:2]
    moments = numbers(file, rows, start + 1, len(axes), sign, times)
    at, length = places(f"{file}: Frame", moments[:, 0])
    stated = _number(said.get("export frame rate") or said.get("capture frame rate"))
    seconds = moments[:, 1] if len(times) > 1 else None
    fps, more = rate(str(file), stated, seconds, at)
    return Take(file, said, parts, fps, (*notes, *cut, *more), rows, start + 1, sign, len(axes), at,
                length)  # fmt: skip


def _pairs(line: Sequence[str]) -> dict[str, str]:
    """Names and values of the first line; a comma in a take's name shifts those behind it."""
    known = (
        "take name", "take notes", "capture frame rate", "export frame rate", "rotation type",
        "length units", "coordinate space", "total exported frames", "total frames in take",
    )  # fmt: skip
    spelt = [cell.lower() for cell in line]
    return {name: line[spelt.index(name) + 1] for name in known if name in spelt[:-1]}


def _header(file: Path, lines: Sequence[str], sign: str) -> tuple[dict[str, list[str]], int]:
    """The rows "type", "name", "id", "parent", "kind", "axes", and where the numbers begin."""
    rows: dict[str, list[str]] = {}
    start = 0
    for at, line in enumerate(lines[1:MOST_HEADERS], 1):
        row = cells(line, sign)
        label = row[1].lower() if len(row) > 1 else ""
        if row[0].lower() == "frame":
            rows["axes"], start = row, at + 1
            break
        if label in ("type", "name", "id", "parent"):
            rows[label] = row
        elif {"Position", "Rotation"} & set(row):
            rows["kind"] = row
    if "axes" in rows and not any(rows.get("type", [])[2:]):
        raise InputError(
            f"{file}: it has frames and times alone; choose bones, markers or rigid bodies in "
            "Motive's export"
        )
    missing = [name for name in ("type", "name", "kind", "axes") if name not in rows]
    if missing:
        known = {"kind": "Rotation and Position", "axes": "Frame"}
        raise InputError(
            f"{file}: no header row of {known.get(missing[0], missing[0].title())}; export it with "
            "the header, or copy the file again"
        )
    while rows["axes"] and not rows["axes"][-1] and not _at(rows["type"], len(rows["axes"]) - 1):
        rows["axes"].pop()
    return rows, start


def _parts(header: dict[str, list[str]], axes: Sequence[str]) -> list[Part]:
    found: list[tuple[tuple[str, str, str], dict[str, list[int]]]] = []
    for column, axis in enumerate(axes):
        kind = _at(header["type"], column)
        what = _at(header["kind"], column)
        axis = axis.upper()
        if not kind or kind == "Type" or what not in ("Position", "Rotation") or axis not in _TURNS:
            continue
        key = (kind, _at(header["name"], column), _at(header.get("id", []), column))
        # Two parts may have one name and no ID: a second X begins another.
        again = found and (axis == "X" and len(found[-1][1].get(what, [])) > 0)
        if not found or found[-1][0] != key or again:
            found.append((key, {}))
        found[-1][1].setdefault(what, []).append(column)
    return [
        Part(
            kind,
            name,
            _at(header.get("parent", []), next(iter(columns.values()))[0]),
            tuple(columns.get("Position", ())[:3]),
            tuple(columns.get("Rotation", ())),
        )
        for (kind, name, _), columns in found
    ]


def _at(row: Sequence[str], column: int) -> str:
    return row[column] if column < len(row) else ""


def _number(word: str | None) -> float | None:
    try:
        return float((word or "").replace(",", "."))
    except ValueError:
        return None

"""Qualisys' TSV export (QTM): header words, and the columns of trajectories, bodies or segments.

Each header line is a word and its values; then comes a line of column names, if it was exported,
and a row for each frame, which begins with the frame and its time where these were exported.
Source: docs.qualisys.com, "Motion data (.tsv)", "6DOF data (_6D.tsv)" and "Skeleton data".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from . import source
from .look import Look
from .number_rows import cells, filled, numbers, places, rate, spread, whole_rows

WORDS = (
    "NO_OF_FRAMES", "NO_OF_CAMERAS", "FREQUENCY", "MARKER_NAMES", "BODY_NAMES", "DATA_INCLUDED",
    "FILE_VERSION", "TOT_NO_OF_CHAN", "NO_OF_FORCE_PLATES", "FORCE_PLATE_NAME",
)  # fmt: skip
BODY = 16  # columns of a rigid body: X Y Z, three angles, the residual, nine of the rotation
_WORD = re.compile(r"[A-Z][A-Z0-9_]*")
_OTHERS = {"2D": "2D points of single cameras", "ANALOG": "analog signals", "FORCE": "forces",
           "EMG": "muscle signals"}  # fmt: skip


@dataclass(frozen=True)
class Capture:
    """A file's positions.

    Args:
        joints: `(T, V, 3)` in millimetres; NaN where one was not seen.
        names: of the trajectories, bodies or segments.
        fps: frames a second.
        kind: "markers", "bodies" or "segments".
        notes: what a user should know.
    """

    joints: np.ndarray
    names: list[str]
    fps: float
    kind: str
    notes: tuple[str, ...]


def told(look: Look) -> str:
    """Why a file is such an export of positions, or ""."""
    found = _words(look)
    if len(found) > 1 and not is_other(look):
        return f"its first lines begin with {found[0]} and {found[1]}, as in Qualisys' TSV"
    return ""


def is_other(look: Look) -> bool:
    """Whether a file is Qualisys' export of something else: 2D points, analog signals, forces."""
    kinds = [line.split("\t")[1:2] for line in look.lines if line.startswith("DATA_INCLUDED\t")]
    return len(_words(look)) > 1 and any(kind[0].strip().upper() in _OTHERS for kind in kinds)


def _words(look: Look) -> list[str]:
    starts = [re.split(r"[\t;,]", line, maxsplit=1)[0].strip() for line in look.lines[:20]]
    return [word for word in WORDS if word in starts]


def load_capture(file: Path) -> Capture:
    """Reads a file.

    Raises:
        InputError: no export of 3D positions, damaged or cut off.
    """
    text, notes = source.text(file)
    lines = text.splitlines()
    said, sign, start = _header(lines)
    if not any(word in said for word in WORDS):
        raise InputError(
            f"{file}: no header of Qualisys (NO_OF_FRAMES, FREQUENCY, ...); export it from QTM as "
            "TSV with its header"
        )
    _refuse_others(file, said)
    named = [] if start >= len(lines) or _is_row(lines[start], sign) else cells(lines[start], sign)
    first = start + bool(named)
    rows = lines[first : first + filled(lines[first:], sign)]
    rows, more = whole_rows(rows, sign, text)
    notes += more
    if not rows:
        raise InputError(f"{file}: no row below the header; export it again")
    width = max(len(named), rows[0].count(sign) + 1)
    names, columns, kind = _columns(file, said, named, rows, sign)
    before = min(columns)
    leading = numbers(file, rows, first + 1, width, sign, range(before))
    frames, seconds = _times(named[:before], leading)
    count = len(rows)
    at, length = places(f"{file}: Frame", np.arange(count) if frames is None else frames)
    values = numbers(file, rows, first + 1, width, sign, columns)
    joints = spread(values.reshape(count, len(names), 3), at, length)
    joints[~joints.any(-1)] = np.nan  # QTM writes 0 0 0 where it fills empty cells
    stated = _number(said.get("FREQUENCY", [""])[0])
    fps, more = rate(str(file), stated, seconds, at)
    notes += more
    expected = _number(said.get("NO_OF_FRAMES", [""])[0])
    if expected and expected != length:
        notes += (f"NO_OF_FRAMES says {expected:.0f}, but {length} follow; all are read",)
    return Capture(joints, names, fps, kind, notes)


def _header(lines: Sequence[str]) -> tuple[dict[str, list[str]], str, int]:
    """Words and their values, what separates cells, and where the header ends."""
    said: dict[str, list[str]] = {}
    sign = "\t"
    for at, line in enumerate(lines):
        word = re.split(r"[\t;,]", line, maxsplit=1)[0].strip()
        if not line.strip():
            continue
        # A word of capitals and a value; names of columns begin with Frame, Time or a marker.
        if not _WORD.fullmatch(word) or ("_" not in word and word not in _KNOWN):
            return said, sign, at
        if len(line) > len(word) and line[len(word)] in "\t;,":
            sign = line[len(word)]
        said.setdefault(word, cells(line, sign)[1:])
    return said, sign, len(lines)


_KNOWN = ("FREQUENCY", "DESCRIPTION", "EVENT", "REFERENCE", "SCALE", "SOLVER")


def _refuse_others(file: Path, said: dict[str, list[str]]) -> None:
    kind = (said.get("DATA_INCLUDED") or [""])[0].upper()
    if kind in _OTHERS:
        raise InputError(
            f"{file}: DATA_INCLUDED is {kind}, {_OTHERS[kind]}; export the 3D data (or skeletons)"
        )
    if (said.get("REFERENCE") or [""])[0].upper() in ("LOCAL", "PARENT"):
        raise InputError(
            f"{file}: its segments are relative to their parents (REFERENCE {said['REFERENCE'][0]})"
            ", which the file does not name; export them with the global reference"
        )


def _columns(
    file: Path, said: dict[str, list[str]], named: list[str], rows: list[str], sign: str
) -> tuple[list[str], list[int], str]:
    """Names, the columns of their X, Y, Z, and what they are."""
    names = _stripped(said.get("MARKER_NAMES") or said.get("BODY_NAMES") or [])
    kind = "markers" if "MARKER_NAMES" in said else "bodies" if "BODY_NAMES" in said else "segments"
    starts = [at for at, cell in enumerate(named) if re.fullmatch(r"(.* )?X", cell)]
    if kind == "segments":
        names = [named[at][:-2] if named[at] != "X" else named[at - 1] for at in starts if at]
        if not names:
            raise InputError(f"{file}: neither MARKER_NAMES nor names of columns; export it with "
                             "its header")  # fmt: skip
    if len(starts) < len(names) or not starts:  # no names of columns, or those of one body
        starts = _starts(file, rows, sign, len(names), kind)
    if len(starts) != len(names):
        raise InputError(
            f"{file}: {len(names)} names, but {len(starts)} columns X; copy or export it again"
        )
    return names, [start + axis for start in starts for axis in range(3)], kind


def _starts(file: Path, rows: list[str], sign: str, count: int, kind: str) -> list[int]:
    """Columns X by the number of cells; the frame, the time or both may stand in front."""
    row = rows[0].split(sign)
    total = len(row)
    ended = total - all(not line.split(sign)[-1].strip() for line in rows[:50])
    # QTM 2 wrote an empty cell behind each body.
    strides = (BODY, BODY + 1) if kind == "bodies" else (3,)
    for before in (0, 1, 2):
        for stride in strides:
            blank = stride == BODY + 1 and row[before + BODY : before + BODY + 1] != [""]
            if count and before + stride * count in (total, ended) and not blank:
                return [before + stride * at for at in range(count)]
    raise InputError(
        f"{file}: {total} cells in a row do not fit {count} {kind} of {strides[0]} columns; export "
        "it with names of columns"
    )


def _stripped(names: Sequence[str]) -> list[str]:
    last = len(names)
    while last and not names[last - 1]:
        last -= 1
    return list(names[:last])


def _times(
    named: Sequence[str], leading: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Frame numbers and seconds of the rows; None where a column of them is not there."""
    spelt = [name.lower() for name in named]
    for at in range(leading.shape[1] if not spelt else 0):  # no names: whole numbers are frames
        whole = np.isfinite(leading[:, at]).all() and not (leading[:, at] % 1).any()
        spelt.append("frame" if whole and "frame" not in spelt else "time")
    found = [leading[:, spelt.index(key)] if key in spelt else None for key in ("frame", "time")]
    return found[0], found[1]


def _is_row(line: str, sign: str) -> bool:
    """Whether a line is of numbers; a marker may be called 1, a column is never."""
    words = [cell for cell in cells(line, sign) if cell]
    return bool(words) and all(re.fullmatch(r"[-+\d.,eE]+|(?i:nan|null)", word) for word in words)


def _number(word: str) -> float | None:
    try:
        return float(word.replace(",", "."))
    except ValueError:  # EXT: an external clock, which the times know
        return None

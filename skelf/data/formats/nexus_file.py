"""Vicon Nexus' ASCII export: blocks of trajectories, devices, model outputs, one after the other.

A block is its name, its rate, the names (each over its first column), the axes below `Frame, Sub
Frame`, the units, and rows until an empty line. Source: files of Nexus 1.8 to 2.16.
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
from .number_rows import cells, numbers, places, separator, spread, whole_rows

BLOCKS = ("trajectories", "devices", "joints", "segments", "model outputs", "events", "analog",
          "analog data", "forces", "markers")  # fmt: skip
POSITIONS = {"trajectories": "X", "markers": "X", "segments": "TX"}
"""Blocks that are read, the first of these that a file has, and their first axis."""


@dataclass(frozen=True)
class Trial:
    """A file's positions.

    Args:
        joints: `(T, V, 3)`; NaN where one was not seen.
        names: SUBJECT:NAME, as the file has them.
        fps: frames a second.
        unit: as the file has it, in lower case; "" where it has none.
        block: that was read.
        notes: what a user should know.
    """

    joints: np.ndarray
    names: list[str]
    fps: float
    unit: str
    block: str
    notes: tuple[str, ...]


def told(look: Look) -> str:
    """Why a file is such an export, or ""."""
    lines = [line for line in look.lines if line.strip(' \t,;"')]
    if len(lines) > 3 and _block(lines[0]) and _rate(lines[1]) is not None:
        column = cells(lines[3], separator(lines[3]))[0].lower()
        if column in ("frame", "field #") or _block(lines[0]) == "events":
            word = lines[0].strip(' \t,;"')
            return f"its first line is {word}, its second a rate, as in Vicon Nexus' export"
    return ""


def load_trial(file: Path) -> Trial:
    """Reads a file.

    Raises:
        InputError: no block with positions, damaged or cut off.
    """
    text, notes = source.text(file)
    lines = text.splitlines()
    blocks = {
        name: at
        for at, line in enumerate(lines)
        if not line[:1].isdigit() and (name := _block(line))
    }
    block = next((name for name in POSITIONS if name in blocks), "")
    if not block:
        has = ", ".join(name.title() for name in blocks) or "no block of Vicon Nexus"
        raise InputError(f"{file}: it has {has}; export Trajectories as well")
    at = blocks[block]
    below = [i for i in range(at + 1, min(at + 20, len(lines))) if lines[i].strip(' \t,;"')]
    if len(below) < 3:
        raise InputError(f"{file}: line {at + 1}: {block} end in their header; copy it again")
    fps = source.rate(f"{file}: line {below[0] + 1}", _rate(lines[below[0]]) or 0.0)
    sign = separator(lines[below[2]])
    names, axes = (cells(lines[below[i]], sign) for i in (1, 2))
    start = below[2] + 1
    units: list[str] = []
    if start < len(lines) and not re.match(r'\s*"?\d', lines[start]):
        units = cells(lines[start], sign)
        start += 1
    found = _columns(file, names, axes, POSITIONS[block])
    rows, more = whole_rows(_rows(lines[start:], sign), sign, text)
    if not rows:
        raise InputError(f"{file}: no row below {block}; export it again")
    width = len(axes)
    leading = 2 if len(axes) > 1 and axes[1].lower().startswith("sub") else 1
    moments = numbers(file, rows, start + 1, width, sign, range(leading))
    where, length = places(f"{file}: Frame", _moments(moments))
    columns = [column + axis for _, column in found for axis in range(3)]
    values = numbers(file, rows, start + 1, width, sign, columns).reshape(len(rows), -1, 3)
    values[~values.any(-1)] = np.nan  # exactly 0 0 0 is what a C3D has for a gap
    unit, odd = _unit(file, units, [column for _, column in found])
    left = [name.title() for name in blocks if name != block]
    notes += more + odd
    if left:
        notes += (f"read are its {block.title()}; left out: {', '.join(left)}",)
    return Trial(
        spread(values, where, length), [name for name, _ in found], fps, unit, block, notes
    )


def _block(line: str) -> str:
    """The name of a block, in lower case, where a line is one."""
    word = line.strip(' \t,;"').lower()
    return word if word in BLOCKS else ""


def _rate(line: str) -> float | None:
    """The rate in a line that holds it alone, or with Hz behind it."""
    words = [w for w in re.split(r'[\t;,"\s]+', line) if w and w.lower() != "hz"]
    try:
        return float(".".join(words[:2])) if len(words) in (1, 2) else None
    except ValueError:
        return None


def _columns(
    file: Path, names: Sequence[str], axes: Sequence[str], first: str
) -> list[tuple[str, int]]:
    """Names, and the columns of their first axis."""
    wanted = [first, *(first[:-1] + axis for axis in "YZ")]
    found = []
    for at in range(len(axes) - 2):
        if [axis.upper() for axis in axes[at : at + 3]] != wanted:
            continue
        over = [name for name in names[: at + 1] if name] if len(first) > 1 else names[at : at + 1]
        found.append((over[-1] if over else "", at))
    if not found:
        raise InputError(f"{file}: no columns {', '.join(wanted)}; export it again")
    return found


def _rows(lines: Sequence[str], sign: str) -> list[str]:
    """Lines until an empty one or the next block."""
    for at, line in enumerate(lines):
        if not line.strip(f'{sign} \t\r"') or (not line[:1].isdigit() and _block(line)):
            return list(lines[:at])
    return list(lines)


def _moments(columns: np.ndarray) -> np.ndarray:
    """Frames, with the frames in between of a rate above the cameras'."""
    if columns.shape[1] < 2 or not np.nan_to_num(columns[:, 1]).any():
        return columns[:, 0]
    return columns[:, 0] * (np.nanmax(columns[:, 1]) + 1) + columns[:, 1]


def _unit(file: Path, units: Sequence[str], columns: Sequence[int]) -> tuple[str, tuple[str, ...]]:
    said = {units[column].lower() for column in columns if column < len(units)} - {""}
    if len(said) > 1:
        raise InputError(f"{file}: units {', '.join(sorted(said))} in one block; export it again")
    return (said.pop(), ()) if said else ("", ("it states no unit: millimetres are taken",))

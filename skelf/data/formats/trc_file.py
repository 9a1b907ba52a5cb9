"""TRC files, read from their text: the names of markers, and rows of their coordinates.

    PathFileType  4         (X/Y/Z)    walk.trc
    DataRate      CameraRate  NumFrames  NumMarkers  Units  OrigDataRate  OrigDataStartFrame  ...
    60            60          151        41          mm     60            1
    Frame#        Time      R.ASIS                          L.ASIS
                            X1         Y1         Z1        X2            Y2          Z2

    1             0.000     617.2      1055.3     170.8     ...

Tabs count the cells, since an empty one is a gap; a name stands above the first of three columns.
Source: the format's description in OpenSim's documentation (Motion Analysis has none that is
public), and files of OpenSim, Pose2Sim, Mokka, EVaRT, Cortex and Motive.
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
from .text import NOT_SEEN

NEVER = 9_999_999.0
"""A coordinate from here on is how Motion Analysis' programs write a marker that is not there."""
_GAPS = NOT_SEEN | {"1.#qnan", "-1.#qnan", "1.#ind", "-1.#ind", "-nan(ind)", "nan(ind)"}
_COORDINATE = re.compile(r"(?i)[xyz]\d*")
_MARKS = "\t;,"


@dataclass(frozen=True)
class Recording:
    """What a file holds, in its own unit and axes.

    Args:
        names: of the markers as written; empty where a column has none.
        points: `(R, V, 3)` of each row, NaN where a marker was not seen.
        frames: `(R,)` its number; NaN where there is none.
        times: `(R,)` its time; NaN where there is none.
        rate: frames a second as the header says them; None: it does not.
        unit: the header's word, in lower case.
        notes: what a user should know.
    """

    names: tuple[str, ...]
    points: np.ndarray
    frames: np.ndarray
    times: np.ndarray
    rate: float | None
    unit: str
    notes: tuple[str, ...]


def told(look: Look) -> str:
    """Why a file is a TRC; empty where it is none."""
    first = next((line.strip().lower() for line in look.lines if line.strip()), "")
    if first.startswith("pathfiletype"):
        return "its first line is PathFileType, as in TRC"
    if first.startswith("datarate") and "nummarkers" in first and "units" in first:
        return "its first line has DataRate, NumMarkers and Units, as in TRC"
    return ""


def load_trc_file(file: Path) -> Recording:
    """Reads one file.

    Raises:
        InputError: no TRC, or damaged; the message names file, line and remedy.
    """
    content, notes = source.text(file)
    whole = content.endswith(("\n", "\r"))
    lines = [
        (i, line)
        for i, line in enumerate(re.split(r"\r*\n|\r", content), 1)
        if line.strip(" \t,;\x1a")
    ]
    at = next((i for i, (_, line) in enumerate(lines[:20]) if _is_names(line)), None)
    if at is None:
        raise InputError(
            f"{file}: no line of names (Frame#, Time, ...) among its first ones; is it a TRC? "
            "Export it again as TRC"
        )
    header = _header([line for _, line in lines[:at]])
    named = lines[at][1]
    rows = lines[at + 1 :]
    axes = 0
    if rows and _is_axes(rows[0][1]):
        axes = len(rows.pop(0)[1].replace(",", " ").replace(";", " ").split())
    if not rows:
        raise InputError(f"{file}: no row below the names; export the file again")
    mark = _mark(named, rows[0][1])
    cells, more = _cells(file, rows, mark, _says_fewer(header, len(rows)) and not whole)
    names = _names(f"{file}: line {lines[at][0]}", named, axes, max(map(len, cells)) - 2)
    lined = [number for number, _ in rows]
    values, beyond = _numbers(file, cells, lined, 2 + 3 * len(names), gaps=mark != " ")
    points = values[:, 2:].reshape(len(values), len(names), 3)
    points[(np.abs(points) >= NEVER).any(-1) | ~points.any(-1)] = np.nan
    points[np.isnan(points).any(-1)] = np.nan
    names, points = _held(header, names, points)
    source.believed(str(file), points[~np.isnan(points)])
    if beyond:
        more.append(f"{beyond} cells behind the last marker's are left out")
    return Recording(
        names,
        points,
        values[:, 0],
        values[:, 1],
        _rate(file, header),
        header.get("units", "").lower(),
        (*notes, *more, *_contradicted(header, names, len(values))),
    )


def _is_names(line: str) -> bool:
    words = re.split(r"[\s,;]+", line.strip().lower())
    return words[0].startswith("frame") and "time" in words[1:3]


def _is_axes(line: str) -> bool:
    words = re.split(r"[\s,;]+", line.strip(" \t,;"))
    return all(_COORDINATE.fullmatch(word) for word in words)


def _mark(named: str, row: str) -> str:
    """What stands between cells; a space for any white space."""
    for mark in _MARKS:
        if mark in row and mark in named:
            return mark
    return "\t" if "\t" in row else " "


def _header(lines: Sequence[str]) -> dict[str, str]:
    """Field in lower case -> its text, of the two lines above the names."""
    at = next((i for i, line in enumerate(lines) if "datarate" in line.lower()), None)
    if at is None or at + 1 >= len(lines):
        return {}
    mark = next((mark for mark in _MARKS if mark in lines[at]), None)
    keys, texts = (
        [word.strip() for word in (line.split(mark) if mark else line.split())]
        for line in lines[at : at + 2]
    )
    # Some have two tabs between the values, some spaces.
    tight = [word for word in texts if word]
    if len(tight) != len([key for key in keys if key]):
        tight = [word for word in re.split(r"[\s;]+" if mark != "," else r"[\s,]+", lines[at + 1])
                 if word]  # fmt: skip
    if len(tight) == len([key for key in keys if key]):
        keys, texts = [key for key in keys if key], tight
    return {key.lower(): text for key, text in zip(keys, texts, strict=False) if key and text}


def _says_fewer(header: dict[str, str], rows: int) -> bool:
    stated = header.get("numframes", "")
    return stated.isdigit() and int(stated) > rows


def _cells(
    file: Path, rows: Sequence[tuple[int, str]], mark: str, cut: bool
) -> tuple[list[list[str]], list[str]]:
    """The cells of each row, decimal points in place of commas."""
    commas = mark != "," and any(re.search(r"\d,\d", line) for _, line in rows[:20])
    if commas and any(re.search(r"\d\.\d", line) for _, line in rows[:20]):
        raise InputError(
            f"{file}: line {rows[0][0]}: numbers with commas and numbers with points; write one "
            "decimal mark"
        )
    texts = [line.replace(",", ".") for _, line in rows] if commas else [line for _, line in rows]
    cells = [text.rstrip(mark + " ").split(None if mark == " " else mark) for text in texts]
    notes = []
    if cut and len(cells) > 1 and len(cells[-1]) < len(cells[-2]):
        cells.pop()
        notes.append("its last row is cut off in the middle, left out")
    return cells, notes


def _numbers(
    file: Path, cells: Sequence[Sequence[str]], lines: Sequence[int], width: int, *, gaps: bool
) -> tuple[np.ndarray, int]:
    """`(R, width)` of the rows, and how many filled cells stand behind them."""
    values = np.full((len(cells), width), np.nan)
    beyond = 0
    for at, (row, line) in enumerate(zip(cells, lines, strict=False)):
        if not gaps and len(row) != width:
            raise InputError(
                f"{file}: line {line}: {len(row)} numbers instead of {width}, with spaces between "
                "them; which marker is missing cannot be told: export with tabs, or write NaN"
            )
        try:
            values[at, : len(row)] = [*map(float, row[:width])]
        except ValueError:
            values[at, : len(row)] = [_number(file, line, cell) for cell in row[:width]]
        if len(row) > width:
            beyond += sum(bool(cell.strip()) for cell in row[width:])
    return values, beyond


def _number(file: Path, line: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        if cell.strip().lower() in _GAPS:
            return float("nan")
        where = f"{file}: line {line}"
        raise InputError(f"{where}: {cell[:40]!r} is no number; mend the file") from None


def _names(where: str, line: str, axes: int, width: int) -> tuple[str, ...]:
    """The name of each marker, by where it stands, else in the order in which they come.

    Args:
        where: file and line.
        line: the names.
        axes: how many X1, Y1, ... the next line has; 0: there is none.
        width: cells of the longest row behind frame and time.
    """
    mark = next((mark for mark in _MARKS if mark in line), None)
    cells = [cell.strip() for cell in (line.split(mark) if mark else line.split())][2:]
    named = [cell for cell in cells if cell]
    suffixed = [re.sub(r"(?i)[ _.:-]x$", "", name) for name in named[::3]]
    bare = [re.sub(r"(?i)[ _.:-][xyz]$", "", name) for name in named]
    if len(named) > 3 and bare == [name for name in suffixed for _ in range(3)]:
        return tuple(suffixed)  # name_x, name_y, name_z
    count = axes // 3 or -(-width // 3)
    places = [at for at, cell in enumerate(cells) if cell]
    if places and all(at % 3 == 0 for at in places):
        count = max(count, places[-1] // 3 + 1)
        return tuple(cells[3 * at] if 3 * at < len(cells) else "" for at in range(count))
    if len(named) in (count, -(-width // 3)) or (named and not axes and len(named) > count):
        return tuple(named)
    raise InputError(
        f"{where}: {len(named)} names for {count} markers, and they do not stand above their "
        "columns; name every marker, two empty cells behind each name"
    )


def _held(
    header: dict[str, str], names: tuple[str, ...], points: np.ndarray
) -> tuple[tuple[str, ...], np.ndarray]:
    """Without names behind NumMarkers that have no number: virtual markers that Cortex lists."""
    stated = header.get("nummarkers", "")
    count = int(stated) if stated.isdigit() and len(stated) < 6 else len(names)
    if 0 < count < len(names) and np.isnan(points[:, count:]).all():
        return names[:count], points[:, :count]
    return names, points


def _rate(file: Path, header: dict[str, str]) -> float | None:
    for key in ("datarate", "camerarate"):
        text = header.get(key, "").replace(",", ".")
        try:
            rate = float(text) if text else 0.0
        except ValueError:
            where = f"{file}: {key}"
            raise InputError(f"{where}: {text[:40]!r} is no number; mend the header") from None
        if rate > 0:
            return source.rate(f"{file}: {key}", rate)
    return None


def _contradicted(header: dict[str, str], names: Sequence[str], rows: int) -> list[str]:
    """Notes on what the header says otherwise."""
    notes = []
    for key, field, have in (("nummarkers", "NumMarkers", len(names)),
                             ("numframes", "NumFrames", rows)):  # fmt: skip
        text = header.get(key, "")
        if text.isdigit() and int(text) != have:
            notes.append(f"{field} says {text[:12]}, there are {have}")
    return notes

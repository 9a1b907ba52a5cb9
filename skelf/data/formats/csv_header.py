"""What the header of a CSV of one's own says: columns of joints, frames, times, recordings."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from .landmark_columns import AXES, FRAME, SURE, VIDEO, place_of, plain
from .members import Member
from .text import MOST_BYTES, Table, column, joined, read_csv, read_text

DELIMITERS = ",;\t|"
TIME = (
    "time", "time_s", "time_sec", "time_seconds", "seconds", "sec", "secs", "timestamp",
    "timestamp_s", "time_stamp", "t", "t_s", "time_ms", "timestamp_ms", "t_ms", "milliseconds",
    "time_us", "timestamp_us", "time_ns", "timestamp_ns",
)  # fmt: skip
FRAMES = (*FRAME, "frames", "frame_nr", "framenumber", "frameid", "frame_idx")
RECORDINGS = (*VIDEO, "recording_id", "trial", "trial_id", "take", "session")
MOST_ABOVE = 30
"""Lines among which the first row of numbers is looked for."""
_NUMBER = re.compile(r"(?i)[-+]?\d*[.,]?\d+(?:e[-+]?\d+)?|nan")
METRES = {"mm": 0.001, "millimeters": 0.001, "cm": 0.01, "m": 1.0, "meters": 1.0, "metres": 1.0}
_UNIT = r"(?: ?[\[(](?:mm|cm|m|px|meters|metres|millimeters)[\])]|_(?:mm|cm|m|px))?"
_SEP = r"[ _.:/\-]*"
_SURE = "|".join(SURE)
_BEHIND = re.compile(rf"(?i)(?P<joint>.+?)(?P<sep>{_SEP})(?P<axis>[xyz]|{_SURE})(?P<unit>{_UNIT})")
_BEFORE = re.compile(rf"(?i)(?P<axis>[xyz]|{_SURE})(?P<sep>{_SEP})(?P<joint>.+?)(?P<unit>{_UNIT})")

_OTHER = re.compile(
    r"(?i)(?:.*[ _.:/\-])?(?:local|global)?[ _.]?(?:rot|rotations?|quat|quaternions?|q|euler"
    r"|angles?|ang|orientations?|ori|vel|velocity|acc|accel|accelerations?|gyro|gyroscope|mag"
    r"|magnetometer|forces?|moments?|torques?|grf|cop|offset|flexion|adduction)"
)
"""Joints' words that end so are other quantities than places: Hips_rot, left_knee_angle, gyro."""
_OTHER_CAMEL = re.compile(r".*[a-z0-9](?:Rot|Rotation|Quat|Velocity|Acceleration|Angle)s?")


class Header(NamedTuple):
    """What the columns of a file are.

    Args:
        table: the file.
        delimiter: between its cells.
        decimal: the decimal mark of its numbers.
        columns: the name of a joint's column, with `{joint}` and `{axis}`.
        words: for `{joint}`, in the order of the columns.
        axes: the words for `{axis}`, two or three.
        confidence: one more; empty: there is none.
        unit: of coordinates, as the names say it; empty: they do not.
        frame: the column of frame numbers, empty where there is none; so are the next two.
        time: the column of times.
        recording: the column that tells recordings apart.
        unused: columns that are none of these.
        lines: of the file that are the header, as "2-3"; empty: its first one.
    """

    table: Table
    delimiter: str
    decimal: str
    columns: str
    words: tuple[str, ...]
    axes: tuple[str, ...]
    confidence: str
    unit: str
    frame: str
    time: str
    recording: str
    unused: tuple[str, ...]
    lines: str

    def values(self) -> np.ndarray:
        """`(T, V, C)` coordinates of the joints; NaN where nothing was seen."""
        at = {name: i for i, name in enumerate(self.table.header)}
        named = self.columns.replace
        return np.stack(
            [
                np.stack(
                    [
                        column(self.table, at[named("{joint}", word).replace("{axis}", axis)])
                        for axis in self.axes
                    ],
                    axis=1,
                )
                for word in self.words
            ],
            axis=1,
        )


def read_header(member: Member) -> Header:
    """Finds the columns of one file.

    Raises:
        InputError: no readable table, or no column that is a joint's coordinate by its name.
    """
    delimiter, decimal = separators(member)
    above = read_text(member, MOST_BYTES).splitlines()[:MOST_ABOVE]
    span, header = names_by(above, delimiter, lambda cells: bool(_pattern(cells)[1]))
    table = read_csv(member, delimiter, decimal=decimal, header=span)
    pattern, joints, chosen = _pattern(header)
    _refuse_others(member, header, pattern, chosen, joints)
    if not joints:
        some = ", ".join(header[:6])[:200] + (", ..." if len(header) > 6 else "")
        raise InputError(
            f"{member}: no columns x and y of a joint by their names, as left_hip_x, left_hip_y "
            f"(there are {some}); rename them, or write a mapping file (docs/pose.md)"
        )
    words = list(joints)
    prefix = _prefix(words)
    axes = tuple(chosen[axis] for axis in AXES if axis in chosen)
    sure = next((chosen[word] for word in SURE if word in chosen), "")
    used = {
        pattern.replace("{joint}", joint).replace("{axis}", word)
        for joint in words
        for word in (*axes, sure)
        if word
    }
    others = [cell for cell in header if cell not in used]
    names = {word: _column(others, table, word) for word in ("frame", "time", "recording")}
    return Header(
        table=table,
        delimiter=delimiter,
        decimal=decimal,
        columns=pattern.replace("{joint}", prefix + "{joint}"),
        words=tuple(word.removeprefix(prefix) for word in words),
        axes=axes,
        confidence=sure,
        unit=re.sub(r"[^a-z]", "", pattern.rpartition("}")[2].lower()),
        unused=tuple(cell for cell in others if cell not in names.values()),
        lines=f"{span[0]}-{span[1]}" if span else "",
        **names,
    )


def names_by(
    above: Sequence[str], delimiter: str, fit: Callable[[list[str]], bool]
) -> tuple[tuple[int, int] | None, list[str]]:
    """The lines of a header and the names of its columns that are not empty.

    The first line counts, else those above the first row of numbers, as few as make names that fit
    and differ.

    Args:
        above: the first lines of a file.
        delimiter: between cells.
        fit: whether names are those that are wanted.

    Returns:
        First and last line, from 1, or None for the first one that is not empty.
    """
    try:
        cells = [next(csv.reader([line], delimiter=delimiter), []) for line in above]
    except csv.Error:  # said with its line by who reads the table
        return None, []
    first = next((row for row in cells if len(row) > 1 or (row and row[0].strip())), [])
    usual = [cell.strip() for cell in first if cell.strip()]
    if fit(usual):
        return None, usual
    for begin, end in _spans(cells):
        names = [cell for cell in joined(cells[begin - 1 : end]) if cell]
        if len(set(names)) == len(names) and fit(names):
            return (begin, end), names
    return None, usual


def _spans(rows: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Lines that may be the header, the fewest first: those above the first numbers."""
    for at, row in enumerate(rows):
        cells = [cell.strip() for cell in row if cell.strip()]
        numbers = sum(bool(_NUMBER.fullmatch(cell)) for cell in cells)
        if numbers > 1 and 2 * numbers > len(cells):
            return [(first, at) for first in range(at, 0, -1)]
    return []


def separators(member: Member) -> tuple[str, str]:
    """The delimiter of a file and its decimal mark, by its first lines.

    Raises:
        InputError: no readable text.
    """
    lines = [line for line in read_text(member, MOST_BYTES).splitlines()[:20] if line.strip()]
    counts = {mark: lines[0].count(mark) for mark in DELIMITERS}
    if not any(counts.values()):  # a title stands above the table
        counts = {mark: sum(line.count(mark) for line in lines) for mark in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: counts[mark])
    if not counts[delimiter]:
        return ",", "."
    commas = any(re.search(r"\d,\d", line) for line in lines[1:])
    points = any(re.search(r"\d\.\d", line) for line in lines[1:])
    return delimiter, "," if delimiter != "," and commas and not points else "."


def _pattern(header: Sequence[str]) -> tuple[str, list[str], dict[str, str]]:
    """The pattern of most joints, their words, and axis (or word of confidence) -> its word."""
    groups: dict[str, dict[str, dict[str, str]]] = {}
    for cell in header:
        for order, expression in (("{joint}%s{axis}", _BEHIND), ("{axis}%s{joint}", _BEFORE)):
            match = expression.fullmatch(cell)
            if not match or "{" in cell or "}" in cell:
                continue
            axis, separator = match["axis"], match["sep"]
            if axis.lower() not in AXES and not separator:
                continue
            if is_other(match["joint"]):
                continue
            pattern = order % separator + match["unit"]
            joints = groups.setdefault(pattern, {})
            joints.setdefault(match["joint"], {}).setdefault(axis, axis.lower())
    best: tuple[str, list[str], dict[str, str]] = ("", [], {})
    for pattern, joints in groups.items():
        for upper in (False, True):
            spelt = {axis: axis.upper() if upper else axis for axis in AXES}
            for axes in ("xyz", "xy"):
                words = [
                    joint
                    for joint, found in joints.items()
                    if all(spelt[axis] in found for axis in axes)
                ]
                if len(words) * len(axes) > len(best[1]) * len(_axes(best[2])):
                    chosen = {axis: spelt[axis] for axis in axes}
                    shared = set.intersection(*(set(joints[word]) for word in words))
                    chosen |= {w.lower(): w for w in shared if w.lower() not in AXES}
                    best = pattern, words, chosen
    return best


def is_other(joint: str) -> bool:
    """Whether a joint's words say a quantity that is no place.

    >>> [is_other(word) for word in ("Hips_rot", "LeftArmRotation", "ankle_r", "Hips")]
    [True, True, False, False]
    """
    return bool(_OTHER.fullmatch(joint) or _OTHER_CAMEL.fullmatch(joint))


def _refuse_others(
    member: Member, header: Sequence[str], pattern: str, chosen: dict[str, str], joints: list[str]
) -> None:
    """Refuses tables of rotations and the like.

    Raises:
        InputError: no column of a joint but those of other quantities; or x, y and z in the order
            of rotations about them.
    """
    if not joints:
        for cell in header:
            match = _BEHIND.fullmatch(cell)
            if match and match["axis"].lower() in AXES and is_other(match["joint"]):
                raise InputError(
                    f"{member}: {cell!r} and the like are no places of joints; export positions"
                )
        return
    place = {name: at for at, name in enumerate(header)}
    orders = {
        tuple(sorted(axes, key=lambda axis: place[_named(pattern, joint, chosen[axis])]))
        for joint in joints
        for axes in [[axis for axis in AXES if axis in chosen]]
    }
    if len(joints) > 1 and all(list(order) != sorted(order) for order in orders):
        order = ", ".join(sorted(orders)[0])
        raise InputError(
            f"{member}: its columns come in the order {order}, as rotations about the axes do; if "
            "they are positions, say so in a mapping file (docs/pose.md)"
        )


def _named(pattern: str, joint: str, axis: str) -> str:
    return pattern.replace("{joint}", joint).replace("{axis}", axis)


def _axes(chosen: dict[str, str]) -> list[str]:
    return [axis for axis in AXES if axis in chosen]


def _prefix(words: Sequence[str]) -> str:
    """What all words begin with, up to a separator; a side is part of a joint's name."""
    shared = re.match(r".*[ _.:/\-]", _shared(words))
    prefix = shared[0] if shared and len(words) > 1 else ""
    side = re.search(r"(?i)left|right|(?:^|[ _.:/\-])[lr][ _.:/\-]$", prefix)
    return "" if side or prefix in words else prefix


def _shared(words: Sequence[str]) -> str:
    """The letters that all words begin with."""
    first, last = min(words), max(words)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first[:same]


def _column(cells: Sequence[str], table: Table, what: str) -> str:
    """The column of frames, times or recordings; empty where there is none."""
    words = {"frame": FRAMES, "time": TIME, "recording": RECORDINGS}[what]
    plained = [plain(re.sub(r"[\[\]()#]", " ", cell)).strip("_") for cell in cells]
    at = place_of(plained, words)
    if at is None:
        return ""
    if what == "recording":  # a name for each image is none of a recording
        index = table.header.index(cells[at])
        names = {row[index] for row in table.rows if index < len(row)}
        if len(names) > 1 and 2 * len(names) > len(table.rows):
            return ""
    return cells[at]

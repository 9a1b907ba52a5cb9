"""The three kinds of PKU-MMD text: a recording, its label rows, and who trains in a split."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from .action_names import PKUMMD
from .kinect_text import JOINTS

# Part -> sequence, (subject,) view.
NAMES = {1: re.compile(r"(\d{4})-([LMR])"), 2: re.compile(r"A(\d{2})N(\d{2})-([LMR])")}
CAMERAS = {"L": 1, "M": 2, "R": 3}
NUMBERS = 2 * JOINTS * 3  # of a row: two bodies
_REMEDY = "the file is damaged: copy it again"


class Segment(NamedTuple):
    """A label row: class from 1, start and end as `segments_of` or the file has them, its line."""

    label: int
    start: int
    end: int
    row: int


def parse_skeleton(text: bytes, where: str) -> np.ndarray:
    """A recording: one row of 150 numbers a frame, zeros for a body that is not there.

    Returns:
        `(T, 2, 25, 3)` float32, metres; NaN where the file says so.

    Raises:
        InputError: no rows, another count of numbers, infinity, or no numbers at all.
    """
    if not text.strip():
        raise InputError(f"{where}: empty; copy the file again")
    try:
        rows = np.loadtxt(io.BytesIO(text), comments=None, ndmin=2, encoding="ascii")
    except (ValueError, UnicodeError) as error:  # names the row
        raise InputError(f"{where}: {str(error).splitlines()[0]}; {_REMEDY}") from None
    if rows.shape[1] != NUMBERS:
        raise InputError(
            f"{where}: {rows.shape[1]} numbers a row, PKU-MMD has {NUMBERS} (2 bodies of {JOINTS} "
            f"joints); {_REMEDY}"
        )
    with np.errstate(over="ignore"):
        joints = rows.astype(np.float32).reshape(-1, 2, JOINTS, 3)
    infinite = np.isinf(joints).any((1, 2, 3))
    if infinite.any():
        raise InputError(f"{where}: frame {int(infinite.argmax())} holds infinity; {_REMEDY}")
    return joints


def parse_labels(text: bytes, where: object) -> list[Segment]:
    """The rows `class,start,end[,confidence]` of a label file, as they are.

    Raises:
        InputError: a row of other than whole numbers.
    """
    segments = []
    for row, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        words = line.replace(b",", b" ").split()
        if len(words) not in (3, 4) or not all(re.fullmatch(rb"-?\d{1,9}", w) for w in words):
            raise InputError(
                f"{where}: row {row}: {line[:40]!r} is not class,start,end,confidence; {_REMEDY}"
            )
        label, start, end = (int(word) for word in words[:3])
        segments.append(Segment(label, start, end, row))
    return segments


def segments_of(
    rows: Sequence[Segment], frames: int, bounds: str
) -> tuple[list[Segment], list[tuple[str, str]]]:
    """The rows as frames `start:end` (from 0, end exclusive) of a recording.

    Args:
        rows: as the file has them.
        frames: of the recording.
        bounds: slice or inclusive, see `readers.pkummd.read_pkummd`.

    Returns:
        Rows that can be followed, in the file's order, and ("left out" or "shortened", why) of odd
        ones.
    """
    segments, odd = [], []
    for label, first, last, row in rows:
        told = f"row {row} ({label},{first},{last})"
        start = first - 1 if bounds == "inclusive" else first
        if not 1 <= label <= len(PKUMMD):
            odd.append(("left out", f"{told}: no such class"))
        elif last <= start:
            odd.append(("left out", f"{told}: ends before it starts"))
        elif start >= frames or last <= 0:
            odd.append(("left out", f"{told}: outside the {frames} frames"))
        else:
            if start < 0 or last > frames:
                odd.append(("shortened", f"{told}: the recording has {frames} frames"))
            segments.append(Segment(label, max(0, start), min(last, frames), row))
    return segments, odd


def parse_split(text: bytes, where: str, recordings: Collection[str]) -> dict[str, int]:
    """Recording -> 1 train, 2 test, from lines of names under "Training" and "Validation".

    Where the file lists no validation names, the other recordings are test, if it is theirs.

    Raises:
        InputError: no training names.
    """
    sides: dict[str, int] = {}
    side = 0
    for line in text.decode("ascii", "replace").splitlines():
        heading = line.strip().lower()
        if heading.startswith("train"):
            side = 1
        elif heading.startswith(("valid", "test")):
            side = 2
        for name in re.findall(r"\b(?:\d{4}|A\d{2}N\d{2})-[LMR]\b", line):
            if side and sides.setdefault(name, side) != side:
                raise InputError(f"{where}: {name} stands on both sides; load the file again")
    if 1 not in sides.values():
        raise InputError(f"{where}: no names under 'Training videos:'; load the file again")
    if 2 not in sides.values() and not sides.keys().isdisjoint(recordings):
        sides |= {name: 2 for name in recordings if name not in sides}
    return sides

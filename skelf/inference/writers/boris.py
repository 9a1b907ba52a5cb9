"""Segments as the table of aggregated events that BORIS exports; sources D6."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from math import isnan
from pathlib import Path

from ...errors import InputError
from ...files import writing
from ..result import Add, Result
from .recordings import recordings

HEADER = (
    "Observation id", "Observation date", "Description", "Media file name", "Total length", "FPS",
    "Subject", "Behavior", "Behavioral category", "Modifiers", "Behavior type", "Start (s)",
    "Stop (s)", "Duration (s)", "Comment start", "Comment stop",
)  # fmt: skip
NOBODY = "No focal subject"


@contextmanager
def write_boris(path: Path, kind: str) -> Iterator[Add]:
    """A row for each segment, a state event; the score stands in the comment of its start.

    Args:
        path: the file.
        kind: detector.

    Raises:
        InputError: answers of a classifier.
        OSError: it cannot be written.
    """
    if kind != "detector":
        raise InputError(
            f"{path}: a classifier says what a clip is, not when something happens: name a .csv, a "
            ".json or an .h5"
        )
    with writing(path) as put:
        put(_line(HEADER))
        yield lambda result: put("".join(_line(row) for row in _rows(result)))


def _rows(result: Result) -> Iterator[tuple[str, ...]]:
    for named in recordings(result):
        for s in named.segments:
            person = f"person {s.person}" if s.person >= 0 else NOBODY
            yield (
                named.name, "", "", str(result.path), f"{named.seconds:.3f}", f"{named.fps:g}",
                person, s.label, "", "", "STATE", f"{s.start:.3f}", f"{s.end:.3f}",
                f"{s.end - s.start:.3f}", "" if isnan(s.score) else f"score {s.score:.4f}", "",
            )  # fmt: skip


def _line(cells: tuple[str, ...]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()

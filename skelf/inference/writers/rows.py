"""Answers and segments as rows: the columns of every table of them."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

from ..result import Result

ANSWERS = (
    "file", "name", "person", "label", "probability", "second", "second_probability", "third",
    "third_probability", "unknown",
)  # fmt: skip
SEGMENTS = (
    "file", "name", "person", "start_s", "end_s", "start_frame", "end_frame", "label", "score",
)  # fmt: skip
Cell = str | int | float | bool | None
DIGITS = 4
"""Of probabilities; times have milliseconds."""


def columns(kind: str) -> tuple[str, ...]:
    """Of what a classifier or a detector says."""
    return ANSWERS if kind == "classifier" else SEGMENTS


def rows(result: Result) -> Iterator[tuple[Cell, ...]]:
    """The rows of one file; None stands for all persons together, and for no further class."""
    file = str(result.path)
    for a in result.answers:
        yield (
            file, a.name, _person(a.person), a.label, _share(a.probability),
            a.second or None, _share(a.second_probability) if a.second else None,
            a.third or None, _share(a.third_probability) if a.third else None, a.unknown,
        )  # fmt: skip
    for s in result.segments:
        yield (
            file, s.name, _person(s.person), round(s.start, 3), round(s.end, 3),
            s.start_frame, s.end_frame, s.label, _share(s.score),
        )  # fmt: skip


def _person(person: int) -> int | None:
    return person if person >= 0 else None


def _share(value: float) -> float | None:
    """None where there is none: labels of people have no score."""
    return None if isnan(value) else round(float(value), DIGITS)

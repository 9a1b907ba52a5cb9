"""What a search finds: stretches of recordings, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .part_file import Window


class Hit(NamedTuple):
    """A stretch of a recording that is like the query.

    Args:
        score: cosine, by the index's mean and deviation: 1 is alike, 0 no more than any two.
        source: the file, as it was indexed.
        recording: its name in that file.
        start: seconds from the recording's first frame.
        end: exclusive.
        start_frame: in frames of the file.
        end_frame: exclusive.
        label: the class's name; empty: none is known.
        subject: as the file says, -1 unknown.
        camera: likewise.
        setup: likewise.
        person: whose motion it is, where each person is searched alone; else -1.
        row: of the window in the index.
    """

    score: float
    source: str
    recording: str
    start: float
    end: float
    start_frame: int
    end_frame: int
    label: str
    subject: int
    camera: int
    setup: int
    person: int
    row: int


Nearest = Callable[[int], tuple[np.ndarray, np.ndarray]]
"""A number of rows -> their scores and they themselves, from the highest on; less at the end."""


def apart(
    window_of: Callable[[int], Window], nearest: Nearest, count: int, most: int
) -> list[tuple[float, int]]:
    """The best windows of which no two overlap in a recording: of those that do, the best stays.

    Args:
        window_of: row -> this window of the index.
        nearest: see `Nearest`.
        count: how many are wanted.
        most: rows that there are.

    Returns:
        scores and rows, from the highest score on.
    """
    ask = min(most, max(32, 8 * count))
    while True:
        scores, rows = nearest(ask)
        kept = _apart(window_of, scores, rows, count)
        if len(kept) >= count or ask >= most:
            return kept
        ask = min(most, 4 * ask)


def _apart(
    window_of: Callable[[int], Window], scores: np.ndarray, rows: np.ndarray, count: int
) -> list[tuple[float, int]]:
    kept: list[tuple[float, int]] = []
    taken: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for score, row in zip(scores.tolist(), rows.tolist(), strict=True):
        source, recording, start, end, *_ = window_of(row)
        place = source, recording
        others = taken.setdefault(place, [])
        if all(end <= begin or start >= stop for begin, stop in others):
            others.append((start, end))
            kept.append((score, row))
            if len(kept) == count:
                break
    return kept

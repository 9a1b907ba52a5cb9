"""Detections ranked by score, in the lists whose areas are average precisions.

`detection.py` says what the definitions are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

from .matching import Detections, best_overlaps, first_hits

Definition = Literal["voc", "pku", "pku_official"]
Over = Literal["action", "video"]


class RankedList(NamedTuple):
    """The detections of one list that overlap a segment enough for any question, as ranked."""

    place: np.ndarray  # among all detections of the list
    segment: np.ndarray  # the row of the truth that each belongs to
    overlap: np.ndarray
    total: int  # all detections of the list
    true: int  # all segments


class Ranked(NamedTuple):
    """All detections by score, each with the segment that it belongs to."""

    truth: np.ndarray
    detections: Detections  # as the definition ranks them
    segment: np.ndarray  # as of `best_overlaps`
    overlap: np.ndarray
    least: float  # the smallest overlap that will be asked about

    def list(self, rows: np.ndarray, true: int) -> RankedList:
        """Those of `rows` alone, beside `true` segments."""
        near = np.flatnonzero(self.overlap[rows] >= self.least)
        chosen = rows[near]
        return RankedList(near, self.segment[chosen], self.overlap[chosen], len(rows), true)


def ranked(
    truth: np.ndarray, detections: Detections, definition: Definition, least: float
) -> Ranked:
    """Detections as a definition ranks and assigns them.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label.
        detections: of the same recordings.
        definition: `voc` falls in score; `pku` rises, and `pku_official` takes the last of equal
            overlaps.
        least: the smallest overlap that will be asked about.
    """
    voc = definition == "voc"
    detections = detections.take(
        np.argsort(-detections.score if voc else detections.score, kind="stable")
    )
    best = best_overlaps(
        truth, detections, inclusive=int(voc), last_of_equals=definition == "pku_official"
    )
    return Ranked(truth, detections, *best, least)


def by_group(ranking: Ranked, over: Over) -> dict[int, RankedList]:
    """The list of each class or of each recording that the truth holds, rising."""
    column = COLUMNS[over]
    groups, true = np.unique(ranking.truth[:, column], return_counts=True)
    theirs = _rows(ranking.detections[column], groups)
    return {
        int(group): ranking.list(rows, int(count))
        for group, count, rows in zip(groups, true, theirs, strict=True)
    }


def _area_voc(ranking: RankedList, tiou: float) -> float:
    hit = np.flatnonzero(first_hits(ranking.segment, ranking.overlap, tiou) >= 0)
    # Precision falls from one hit to the next: only there it can be the best.
    precision = np.arange(1, len(hit) + 1) / (ranking.place[hit] + 1)
    return float(np.maximum.accumulate(precision[::-1]).sum() / ranking.true)


def _area_pku(ranking: RankedList, tiou: float) -> float:
    step = np.flatnonzero(ranking.overlap >= tiou)  # the detections whose going is looked at
    if len(step) == 0:
        return 0.0
    # A segment is lost with the last of its detections: the first of the list read backwards.
    lost = first_hits(ranking.segment[::-1], ranking.overlap[::-1], tiou)[::-1][step] >= 0
    left = ranking.total - 1 - ranking.place[step]
    still = lost.sum() - np.cumsum(lost)
    precision = np.divide(still, left, out=np.zeros(len(step)), where=left > 0)
    best = np.maximum.accumulate(np.concatenate([[lost.sum() / ranking.total], precision]))[1:]
    return float(best[lost].sum() / ranking.true)


AREAS: dict[Definition, Callable[[RankedList, float], float]] = {
    "voc": _area_voc,
    "pku": _area_pku,
    "pku_official": _area_pku,
}
# Which column of the truth, and of the detections, is of one value in a list.
COLUMNS: dict[Over, int] = {"action": 3, "video": 0}


def _rows(values: np.ndarray, groups: np.ndarray) -> list[np.ndarray]:
    """Indices of the rows of each group, in the order they stand in."""
    order = np.argsort(values, kind="stable")
    begin = np.searchsorted(values[order], groups, side="left")
    end = np.searchsorted(values[order], groups, side="right")
    return [order[a:b] for a, b in zip(begin, end, strict=True)]

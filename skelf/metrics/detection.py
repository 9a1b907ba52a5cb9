"""Average precision of temporal detection, in the two definitions of the field.

`voc` is PASCAL VOC's (Everingham et al. 2010), carried over to time; `pku` is that of PKU-MMD (Liu
et al. 2017), which looks at fewer points of the curve and gives the lower number of the two.
Published tables mix them, and they are not the same metric. Both are pure functions; the tests
compare each with a slow loop and with the values of the released codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from ..errors import InputError
from .matching import Detections, best_overlaps, checked, first_hits

Definition = Literal["voc", "pku"]
Over = Literal["action", "video"]


def average_precision_voc(truth: np.ndarray, detections: Detections, tiou: float) -> float:
    """Area under the precision envelope, each segment found at most once.

    Detections are taken by falling score (equal ones in the order given). Each belongs to the
    segment of its recording and class that it overlaps most (of equal ones the first): it is right
    if it does so by `tiou` and that segment was not found before, else false, even where it
    overlaps another segment enough. Precision at a recall is the best at that or a higher one, and
    the area is taken at every recall, not at 11.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label; usually of one class.
        detections: of the same recordings, and of the same class where it is one. Mixed classes are
            ranked in one list, and only equal labels match.
        tiou: smallest overlap in time, in (0, 1].

    Returns:
        Value in [0, 1]; 0 where there is no truth.

    Raises:
        InputError: a wrong shape, columns of unequal length, a NaN score, or `tiou` out of range.

    Source: VOC devkit 2010 and the released detection script of HiCLR and PCM3 (sources E9), whose
    overlap takes ends as inclusive: one frame is added to the intersection and to each length,
    although ends are exclusive. Differs: float64 instead of float32.

    >>> truth = np.array([[0, 10, 30, 0], [0, 50, 70, 0]])
    >>> columns = [[0, 0, 0], [11, 33, 50], [29, 44, 68], [0, 0, 0], [0.9, 0.8, 0.7]]
    >>> round(average_precision_voc(truth, Detections(*map(np.array, columns)), tiou=0.5), 4)
    0.8333
    """
    return _alone(truth, detections, tiou, "voc")


def average_precision_pku(truth: np.ndarray, detections: Detections, tiou: float) -> float:
    """PKU-MMD's area, with precision as the segments found over the detections made.

    Each detection belongs to the segment of its recording and class that it overlaps most (of equal
    ones the first), if it does so by `tiou`. From all detections the one of lowest score is taken
    away, then the next (equal ones in the order given). Precision is the number of segments found
    over the number of detections left, recall is over the number of segments. Whenever a detection
    that belongs to a segment goes, the recall it costs counts with the best precision met so far;
    precision between those steps is not looked at, and that is why it is mostly lower than VOC's.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label.
        detections: of the same recordings, of any mix of classes; recordings and labels must match.
        tiou: smallest overlap in time, in (0, 1].

    Returns:
        Value in [0, 1]; 0 where there is no truth.

    Raises:
        InputError: as for `average_precision_voc`.

    Source: the evaluation of PKU-MMD (Liu et al. 2017), as the released scripts compute it
    (sources E10).

    >>> truth = np.array([[0, 10, 30, 0], [0, 50, 70, 0]])
    >>> columns = [[0, 0, 0], [11, 33, 50], [29, 44, 68], [0, 0, 0], [0.9, 0.8, 0.7]]
    >>> round(average_precision_pku(truth, Detections(*map(np.array, columns)), tiou=0.5), 4)
    0.6667
    """
    return _alone(truth, detections, tiou, "pku")


def average_precisions(
    truth: np.ndarray, detections: Detections, tiou: float, *, definition: Definition, over: Over
) -> dict[int, float]:
    """Average precision of each class or of each recording.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label.
        detections: of the same recordings.
        tiou: smallest overlap in time, in (0, 1].
        definition: `voc` or `pku`.
        over: `action`: each class, the detections of all recordings in one list; `video`: each
            recording, the detections of all classes in one list.

    Returns:
        Class or recording to value, rising; only those that the truth holds. What is found of a
        class that the truth has nowhere, or in a recording without any segment, does not count: no
        average precision is defined there.

    Raises:
        InputError: as for `average_precision_voc`, or an unknown name.
    """
    if definition not in _AREAS:
        raise InputError(f"definition: {definition!r} is none of {', '.join(_AREAS)}")
    if over not in _COLUMNS:
        raise InputError(f"over: {over!r} is none of {', '.join(_COLUMNS)}")
    truth, detections = checked(truth, detections, tiou)
    lists = _by_group(_ranked(truth, detections, definition, tiou), over)
    return {group: _AREAS[definition](ranking, tiou) for group, ranking in lists.items()}


def mean_ap(
    truth: np.ndarray, detections: Detections, tiou: float, *, definition: Definition, over: Over
) -> float:
    """Mean average precision over classes (mAP_a) or over recordings (mAP_v).

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label; at least one row.
        detections: of the same recordings.
        tiou: smallest overlap in time, in (0, 1].
        definition: `voc` or `pku`. PCM3 reports mAP_a by `voc` and mAP_v by `pku`; USDRL's own
            detection code uses `pku` for both.
        over: `action` for mAP_a, `video` for mAP_v; see `average_precisions` for what is left out.

    Returns:
        Value in [0, 1].

    Raises:
        InputError: as for `average_precisions`, or no truth at all.

    Examples:
        >>> import numpy as np
        >>> truth = np.array([[0, 10, 30, 0], [0, 50, 70, 1]])
        >>> columns = [[0, 0], [11, 40], [29, 48], [0, 1], [0.9, 0.8]]  # the second is off its mark
        >>> found = Detections(*map(np.array, columns))
        >>> mean_ap(truth, found, 0.5, definition="voc", over="action")
        0.5
    """
    values = average_precisions(truth, detections, tiou, definition=definition, over=over)
    _refuse_nothing(truth)
    return float(np.mean(list(values.values())))


def mean_aps(
    truth: np.ndarray, detections: Detections, tious: Sequence[float]
) -> dict[tuple[Over, Definition], list[float]]:
    """All that `mean_ap` gives, at several overlaps; detections are matched once for all of them.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label; at least one row.
        detections: of the same recordings.
        tious: smallest overlaps in time, each in (0, 1], at least one.

    Returns:
        For each `over` and `definition` one value for each overlap.

    Raises:
        InputError: as for `mean_ap`.
    """
    for tiou in tious:
        truth, detections = checked(truth, detections, tiou)
    _refuse_nothing(truth)
    values: dict[tuple[Over, Definition], list[float]] = {}
    for definition, area in _AREAS.items():
        ranked = _ranked(truth, detections, definition, min(tious))
        for over in _COLUMNS:
            lists = _by_group(ranked, over).values()
            values[over, definition] = [
                float(np.mean([area(ranking, tiou) for ranking in lists])) for tiou in tious
            ]
    return values


class _List(NamedTuple):
    """The detections of one list that overlap a segment enough for any question, as ranked."""

    place: np.ndarray  # among all detections of the list
    segment: np.ndarray  # the row of the truth that each belongs to
    overlap: np.ndarray
    total: int  # all detections of the list
    true: int  # all segments


class _Ranked(NamedTuple):
    truth: np.ndarray
    detections: Detections  # as the definition ranks them
    segment: np.ndarray  # as of `best_overlaps`
    overlap: np.ndarray
    least: float  # the smallest overlap that will be asked about

    def list(self, rows: np.ndarray, true: int) -> _List:
        near = np.flatnonzero(self.overlap[rows] >= self.least)
        chosen = rows[near]
        return _List(near, self.segment[chosen], self.overlap[chosen], len(rows), true)


def _alone(truth: np.ndarray, detections: Detections, tiou: float, definition: Definition) -> float:
    """The average precision of all detections in one list."""
    truth, detections = checked(truth, detections, tiou)
    ranked = _ranked(truth, detections, definition, tiou)
    everything = ranked.list(np.arange(len(detections.score)), len(truth))
    return _AREAS[definition](everything, tiou) if len(truth) else 0.0


def _ranked(
    truth: np.ndarray, detections: Detections, definition: Definition, least: float
) -> _Ranked:
    voc = definition == "voc"
    detections = detections.take(
        np.argsort(-detections.score if voc else detections.score, kind="stable")
    )
    return _Ranked(truth, detections, *best_overlaps(truth, detections, inclusive=int(voc)), least)


def _by_group(ranked: _Ranked, over: Over) -> dict[int, _List]:
    """The list of each class or of each recording that the truth holds, rising."""
    column = _COLUMNS[over]
    groups, true = np.unique(ranked.truth[:, column], return_counts=True)
    theirs = _rows(ranked.detections[column], groups)
    return {
        int(group): ranked.list(rows, int(count))
        for group, count, rows in zip(groups, true, theirs, strict=True)
    }


def _area_voc(ranking: _List, tiou: float) -> float:
    hit = np.flatnonzero(first_hits(ranking.segment, ranking.overlap, tiou) >= 0)
    # Precision falls from one hit to the next: only there it can be the best.
    precision = np.arange(1, len(hit) + 1) / (ranking.place[hit] + 1)
    return float(np.maximum.accumulate(precision[::-1]).sum() / ranking.true)


def _area_pku(ranking: _List, tiou: float) -> float:
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


_AREAS: dict[Definition, Callable[[_List, float], float]] = {"voc": _area_voc, "pku": _area_pku}
# Which column of the truth, and of the detections, is of one value in a list.
_COLUMNS: dict[Over, int] = {"action": 3, "video": 0}


def _rows(values: np.ndarray, groups: np.ndarray) -> list[np.ndarray]:
    """Indices of the rows of each group, in the order they stand in."""
    order = np.argsort(values, kind="stable")
    begin = np.searchsorted(values[order], groups, side="left")
    end = np.searchsorted(values[order], groups, side="right")
    return [order[a:b] for a, b in zip(begin, end, strict=True)]


def _refuse_nothing(truth: np.ndarray) -> None:
    if not len(truth):
        raise InputError("truth: no segments, so that no average precision is defined")

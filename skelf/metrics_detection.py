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

from .errors import InputError

Definition = Literal["voc", "pku"]
Over = Literal["action", "video"]


class Detections(NamedTuple):
    """What was found in some recordings, one row a detection, in any order.

    Args:
        recording: `(P,)` int64, index of the recording, as in the truth.
        start: `(P,)` int64, first frame.
        end: `(P,)` int64, the frame after the last.
        label: `(P,)` int64, class in `0..K-1`; background is none.
        score: `(P,)` float64, higher is more certain.
    """

    recording: np.ndarray
    start: np.ndarray
    end: np.ndarray
    label: np.ndarray
    score: np.ndarray

    def take(self, rows: np.ndarray) -> Detections:
        """Those of `rows`, a mask or indices."""
        return Detections(*(column[rows] for column in self))


def average_precision_voc(truth: np.ndarray, found: Detections, tiou: float) -> float:
    """Area under the precision envelope, each segment found at most once.

    Detections are taken by falling score (equal ones in the order given). Each belongs to the
    segment of its recording and class that it overlaps most (of equal ones the first): it is right
    if it does so by `tiou` and that segment was not found before, else false, even where it
    overlaps another segment enough. Precision at a recall is the best at that or a higher one, and
    the area is taken at every recall, not at 11.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label; usually of one class.
        found: detections of the same recordings, and of the same class where it is one. Mixed
            classes are ranked in one list, and only equal labels match.
        tiou: smallest overlap in time, in (0, 1].

    Returns:
        Value in [0, 1]; 0 where there is no truth.

    Raises:
        InputError: a wrong shape, columns of unequal length, a NaN score, or `tiou` out of range.

    Source: VOC devkit 2010 and the released detection script of HiCLR and PCM3, whose overlap takes
    ends as inclusive: one frame is added to the intersection and to each length, although ends are
    exclusive. Differs: float64 instead of float32.

    >>> truth = np.array([[0, 10, 30, 0], [0, 50, 70, 0]])
    >>> columns = [[0, 0, 0], [11, 33, 50], [29, 44, 68], [0, 0, 0], [0.9, 0.8, 0.7]]
    >>> round(average_precision_voc(truth, Detections(*map(np.array, columns)), tiou=0.5), 4)
    0.8333
    """
    return _alone(truth, found, tiou, "voc")


def average_precision_pku(truth: np.ndarray, found: Detections, tiou: float) -> float:
    """PKU-MMD's area, with precision as the segments found over the detections made.

    Each detection belongs to the segment of its recording and class that it overlaps most (of equal
    ones the first), if it does so by `tiou`. From all detections the one of lowest score is taken
    away, then the next (equal ones in the order given). Precision is the number of segments found
    over the number of detections left, recall is over the number of segments. Whenever a detection
    that belongs to a segment goes, the recall it costs counts with the best precision met so far;
    precision between those steps is not looked at, and that is why it is mostly lower than VOC's.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label.
        found: detections of the same recordings, of any mix of classes; recordings and labels must
            match.
        tiou: smallest overlap in time, in (0, 1].

    Returns:
        Value in [0, 1]; 0 where there is no truth.

    Raises:
        InputError: as for `average_precision_voc`.

    Source: the evaluation of PKU-MMD (Liu et al. 2017), as the released scripts compute it.

    >>> truth = np.array([[0, 10, 30, 0], [0, 50, 70, 0]])
    >>> columns = [[0, 0, 0], [11, 33, 50], [29, 44, 68], [0, 0, 0], [0.9, 0.8, 0.7]]
    >>> round(average_precision_pku(truth, Detections(*map(np.array, columns)), tiou=0.5), 4)
    0.6667
    """
    return _alone(truth, found, tiou, "pku")


def average_precisions(
    truth: np.ndarray, found: Detections, tiou: float, *, definition: Definition, over: Over
) -> dict[int, float]:
    """Average precision of each class or of each recording.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label.
        found: detections of the same recordings.
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
    truth, found = _checked(truth, found, tiou)
    lists = _by_group(_ranked(truth, found, definition, tiou), over)
    return {group: _AREAS[definition](one, tiou) for group, one in lists.items()}


def mean_ap(
    truth: np.ndarray, found: Detections, tiou: float, *, definition: Definition, over: Over
) -> float:
    """Mean average precision over classes (mAP_a) or over recordings (mAP_v).

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label; at least one row.
        found: detections of the same recordings.
        tiou: smallest overlap in time, in (0, 1].
        definition: `voc` or `pku`. PCM3 reports mAP_a by `voc` and mAP_v by `pku`; USDRL's own
            detection code uses `pku` for both.
        over: `action` for mAP_a, `video` for mAP_v; see `average_precisions` for what is left out.

    Returns:
        Value in [0, 1].

    Raises:
        InputError: as for `average_precisions`, or no truth at all.
    """
    values = average_precisions(truth, found, tiou, definition=definition, over=over)
    _refuse_nothing(truth)
    return float(np.mean(list(values.values())))


def mean_aps(
    truth: np.ndarray, found: Detections, tious: Sequence[float]
) -> dict[tuple[Over, Definition], list[float]]:
    """All that `mean_ap` gives, at several overlaps; detections are matched once for all of them.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label; at least one row.
        found: detections of the same recordings.
        tious: smallest overlaps in time, each in (0, 1], at least one.

    Returns:
        For each `over` and `definition` one value for each overlap.

    Raises:
        InputError: as for `mean_ap`.
    """
    for tiou in tious:
        truth, found = _checked(truth, found, tiou)
    _refuse_nothing(truth)
    values: dict[tuple[Over, Definition], list[float]] = {}
    for definition, area in _AREAS.items():
        ranked = _ranked(truth, found, definition, min(tious))
        for over in _COLUMNS:
            lists = _by_group(ranked, over).values()
            values[over, definition] = [
                float(np.mean([area(one, tiou) for one in lists])) for tiou in tious
            ]
    return values


def match(truth: np.ndarray, found: Detections, tiou: float) -> np.ndarray:
    """The segment that each detection is the one hit of, by the rule of `average_precision_voc`.

    Overlap is that of exclusive ends, without the extra frame.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label.
        found: detections of the same recordings.
        tiou: smallest overlap in time, in (0, 1].

    Returns:
        `(P,)` int64 row of `truth`, each at most once; -1 for a false detection.

    Raises:
        InputError: as for `average_precision_voc`.
    """
    truth, found = _checked(truth, found, tiou)
    order = np.argsort(-found.score, kind="stable")
    hits = np.empty(len(order), np.int64)
    hits[order] = _first_hits(*_best(truth, found.take(order), inclusive=0), tiou)
    return hits


def overlap_in_time(
    start: np.ndarray, end: np.ndarray, other_start: np.ndarray, other_end: np.ndarray
) -> np.ndarray:
    """Intersection over union of intervals with exclusive ends, negative where they are apart.

    The arguments broadcast. The union is the span of both, which is the same for all that overlap.
    """
    shared = np.minimum(end, other_end) - np.maximum(start, other_start)
    span = np.maximum(end, other_end) - np.minimum(start, other_start)
    return np.divide(shared, span, out=np.zeros(np.shape(span)), where=span > 0)


class _List(NamedTuple):
    """The detections of one list that overlap a segment enough for any question, as ranked."""

    place: np.ndarray  # among all detections of the list
    segment: np.ndarray  # the row of the truth that each belongs to
    overlap: np.ndarray
    made: int  # all detections of the list
    true: int  # all segments


class _Ranked(NamedTuple):
    truth: np.ndarray
    found: Detections  # as the definition ranks them
    segment: np.ndarray  # as of `_best`
    overlap: np.ndarray
    least: float  # the smallest overlap that will be asked about

    def list(self, rows: np.ndarray, true: int) -> _List:
        near = np.flatnonzero(self.overlap[rows] >= self.least)
        chosen = rows[near]
        return _List(near, self.segment[chosen], self.overlap[chosen], len(rows), true)


def _alone(truth: np.ndarray, found: Detections, tiou: float, definition: Definition) -> float:
    """The average precision of all detections in one list."""
    truth, found = _checked(truth, found, tiou)
    ranked = _ranked(truth, found, definition, tiou)
    everything = ranked.list(np.arange(len(found.score)), len(truth))
    return _AREAS[definition](everything, tiou) if len(truth) else 0.0


def _ranked(truth: np.ndarray, found: Detections, definition: Definition, least: float) -> _Ranked:
    voc = definition == "voc"
    found = found.take(np.argsort(-found.score if voc else found.score, kind="stable"))
    return _Ranked(truth, found, *_best(truth, found, inclusive=int(voc)), least)


def _by_group(ranked: _Ranked, over: Over) -> dict[int, _List]:
    """The list of each class or of each recording that the truth holds, rising."""
    column = _COLUMNS[over]
    groups, true = np.unique(ranked.truth[:, column], return_counts=True)
    theirs = _rows(ranked.found[column], groups)
    return {
        int(group): ranked.list(rows, int(count))
        for group, count, rows in zip(groups, true, theirs, strict=True)
    }


def _area_voc(one: _List, tiou: float) -> float:
    hit = np.flatnonzero(_first_hits(one.segment, one.overlap, tiou) >= 0)
    # Precision falls from one hit to the next: only there it can be the best.
    precision = np.arange(1, len(hit) + 1) / (one.place[hit] + 1)
    return float(np.maximum.accumulate(precision[::-1]).sum() / one.true)


def _area_pku(one: _List, tiou: float) -> float:
    step = np.flatnonzero(one.overlap >= tiou)  # the detections whose going is looked at
    if len(step) == 0:
        return 0.0
    # A segment is lost with the last of its detections: the first of the list read backwards.
    lost = _first_hits(one.segment[::-1], one.overlap[::-1], tiou)[::-1][step] >= 0
    left = one.made - 1 - one.place[step]
    still = lost.sum() - np.cumsum(lost)
    precision = np.divide(still, left, out=np.zeros(len(step)), where=left > 0)
    best = np.maximum.accumulate(np.concatenate([[lost.sum() / one.made], precision]))[1:]
    return float(best[lost].sum() / one.true)


_AREAS: dict[Definition, Callable[[_List, float], float]] = {"voc": _area_voc, "pku": _area_pku}
# Which column of the truth, and of the detections, is of one value in a list.
_COLUMNS: dict[Over, int] = {"action": 3, "video": 0}


def _best(truth: np.ndarray, found: Detections, *, inclusive: int) -> tuple[np.ndarray, np.ndarray]:
    """Row of `truth` that each detection overlaps most, and by how much (0 where it has none).

    Pairs are listed only within a recording and class, so that the work follows their number.
    """
    group, other = _groups(truth, found)
    order = np.argsort(group, kind="stable")
    group = group[order]
    first = np.searchsorted(group, other, side="left")
    count = np.searchsorted(group, other, side="right") - first
    segment, overlap = np.full(len(count), -1), np.zeros(len(count))
    some = np.flatnonzero(count)
    count = count[some]
    if len(some) == 0:
        return segment, overlap
    begin = np.cumsum(count) - count
    here = np.repeat(some, count)
    there = order[np.arange(count.sum()) - np.repeat(begin - first[some], count)]
    pairs = overlap_in_time(
        found.start[here], found.end[here] + inclusive,
        truth[there, 1], truth[there, 2] + inclusive,
    )  # fmt: skip
    overlap[some] = np.maximum.reduceat(pairs, begin)
    best = np.flatnonzero(pairs == overlap[here])[::-1]  # backwards: the first of equals stays
    segment[here[best]] = there[best]
    return segment, overlap


def _groups(truth: np.ndarray, found: Detections) -> tuple[np.ndarray, np.ndarray]:
    """One number for recording and class, of each segment and of each detection."""
    label = np.concatenate([truth[:, 3], found.label]).astype(np.int64)
    recording = np.concatenate([truth[:, 0], found.recording]).astype(np.int64)
    label -= label.min(initial=0)
    number = recording * (label.max(initial=0) + 1) + label
    return number[: len(truth)], number[len(truth) :]


def _first_hits(segment: np.ndarray, overlap: np.ndarray, tiou: float) -> np.ndarray:
    """The segment where a detection is the first of the list that belongs to it, else -1."""
    near = np.flatnonzero(overlap >= tiou)
    first = near[np.unique(segment[near], return_index=True)[1]]
    hits = np.full(len(segment), -1)
    hits[first] = segment[first]
    return hits


def _rows(values: np.ndarray, groups: np.ndarray) -> list[np.ndarray]:
    """Indices of the rows of each group, in the order they stand in."""
    order = np.argsort(values, kind="stable")
    begin = np.searchsorted(values[order], groups, side="left")
    end = np.searchsorted(values[order], groups, side="right")
    return [order[a:b] for a, b in zip(begin, end, strict=True)]


def _refuse_nothing(truth: np.ndarray) -> None:
    if not len(truth):
        raise InputError("truth: no segments, so that no average precision is defined")


def _checked(truth: np.ndarray, found: Detections, tiou: float) -> tuple[np.ndarray, Detections]:
    truth = np.asarray(truth)
    if truth.ndim != 2 or truth.shape[1] != 4:
        raise InputError(
            f"truth: shape {truth.shape}, expected (G, 4): recording, start, end, label"
        )
    found = Detections(*(np.asarray(column) for column in found))
    if wrong := [name for name in found._fields if getattr(found, name).ndim != 1]:
        raise InputError(f"found.{wrong[0]}: expected one value a detection, in one dimension")
    if len({len(column) for column in found}) > 1:
        lengths = ", ".join(f"{name} {len(c)}" for name, c in found._asdict().items())
        raise InputError(f"found: columns of unequal length: {lengths}")
    if np.isnan(found.score).any():
        raise InputError("found.score: holds NaN; drop detections without a score")
    if not 0 < tiou <= 1:
        raise InputError(f"tiou: {tiou:g} must lie above 0 and not above 1")
    return truth, found

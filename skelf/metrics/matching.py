"""Which segment of the truth a detection in time belongs to.

Average precision in each of its definitions, and the pictures of what was found and missed, rest on
this.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..errors import InputError


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


def match(truth: np.ndarray, detections: Detections, tiou: float) -> np.ndarray:
    """The segment that each detection is the one hit of, by the rule of `average_precision_voc`.

    Overlap is that of exclusive ends, without the extra frame.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label.
        detections: of the same recordings.
        tiou: smallest overlap in time, in (0, 1].

    Returns:
        `(P,)` int64 row of `truth`, each at most once; -1 for a false detection.

    Raises:
        InputError: as for `average_precision_voc`.

    Examples:
        >>> import numpy as np
        >>> truth = np.array([[0, 10, 30, 0], [0, 50, 70, 1]])
        >>> columns = [[0, 0, 0], [11, 10, 40], [29, 30, 48], [0, 0, 1], [0.9, 0.7, 0.8]]
        >>> match(truth, Detections(*map(np.array, columns)), tiou=0.5)  # a segment has one hit
        array([ 0, -1, -1])
    """
    truth, detections = checked(truth, detections, tiou)
    order = np.argsort(-detections.score, kind="stable")
    hits = np.empty(len(order), np.int64)
    hits[order] = first_hits(*best_overlaps(truth, detections.take(order), inclusive=0), tiou)
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


def best_overlaps(
    truth: np.ndarray, detections: Detections, *, inclusive: int, last_of_equals: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Row of `truth` that each detection overlaps most, and by how much (0 where it has none).

    Pairs are listed only within a recording and class, so that the work follows their number.

    Args:
        truth: `(G, 4)` int64 recording, start, end (exclusive), label.
        detections: `P`, of the same recordings.
        inclusive: frames added to each end: 1 takes ends as inclusive, as VOC's released code does.
        last_of_equals: of segments that it overlaps alike the last row, else the first.

    Returns:
        Rows `(P,)` int64, -1 where no segment has that recording and label, and overlaps `(P,)`.
    """
    group, other = _groups(truth, detections)
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
        detections.start[here], detections.end[here] + inclusive,
        truth[there, 1], truth[there, 2] + inclusive,
    )  # fmt: skip
    overlap[some] = np.maximum.reduceat(pairs, begin)
    best = np.flatnonzero(pairs == overlap[here])
    best = best if last_of_equals else best[::-1]  # what is written last stays
    segment[here[best]] = there[best]
    return segment, overlap


def _groups(truth: np.ndarray, detections: Detections) -> tuple[np.ndarray, np.ndarray]:
    """One number for recording and class, of each segment and of each detection."""
    label = np.concatenate([truth[:, 3], detections.label]).astype(np.int64)
    recording = np.concatenate([truth[:, 0], detections.recording]).astype(np.int64)
    label -= label.min(initial=0)
    number = recording * (label.max(initial=0) + 1) + label
    return number[: len(truth)], number[len(truth) :]


def first_hits(segment: np.ndarray, overlap: np.ndarray, tiou: float) -> np.ndarray:
    """The segment where a detection is the first of the list that belongs to it, else -1."""
    near = np.flatnonzero(overlap >= tiou)
    first = near[np.unique(segment[near], return_index=True)[1]]
    hits = np.full(len(segment), -1)
    hits[first] = segment[first]
    return hits


def checked(
    truth: np.ndarray, detections: Detections, tiou: float
) -> tuple[np.ndarray, Detections]:
    """The arguments as arrays; InputError for what does not hold of them."""
    truth = np.asarray(truth)
    if truth.ndim != 2 or truth.shape[1] != 4:
        raise InputError(
            f"truth: shape {truth.shape}, expected (G, 4): recording, start, end, label"
        )
    detections = Detections(*(np.asarray(column) for column in detections))
    if wrong := [name for name in detections._fields if getattr(detections, name).ndim != 1]:
        raise InputError(f"detections.{wrong[0]}: expected one value a detection, in one dimension")
    if len({len(column) for column in detections}) > 1:
        lengths = ", ".join(f"{name} {len(c)}" for name, c in detections._asdict().items())
        raise InputError(f"detections: columns of unequal length: {lengths}")
    if np.isnan(detections.score).any():
        raise InputError("detections.score: holds NaN; drop detections without a score")
    if not 0 < tiou <= 1:
        raise InputError(f"tiou: {tiou:g} must lie above 0 and not above 1")
    return truth, detections

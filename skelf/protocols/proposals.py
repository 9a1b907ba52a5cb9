"""From frame probabilities of a recording to detections: four rules, and suppression.

The rules are those of the released detection codes (see each function). All functions are pure and
take `(T, K + 1)` probabilities whose column 0 is the background; labels are classes in `0..K-1`.
They count frames; `recordings.Rules` makes them of seconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..metrics.matching import overlap_in_time
from .smoothing import checked

BACKGROUND, CLASS, HIT_RATE = 0.4, 0.02, 0.1
"""Thresholds of `background_runs`, `class_runs` and `argmax_growing` where none is set."""


class Proposals(NamedTuple):
    """Intervals of one recording, one row each.

    Args:
        start: `(P,)` int64, first frame.
        end: `(P,)` int64, the frame after the last.
        label: `(P,)` int64, class in `0..K-1`.
        score: `(P,)` float64, in [0, 1].
    """

    start: np.ndarray
    end: np.ndarray
    label: np.ndarray
    score: np.ndarray


def background_runs(p: np.ndarray, threshold: float = BACKGROUND) -> Proposals:
    """Wherever it is not background, one interval, of the class that is likeliest on average.

    Two actions without a gap between them become one interval.

    Args:
        p: `(T, K + 1)` probabilities, as a rule smoothed.
        threshold: a frame is active if its probabilities but the background's make up as much.

    Returns:
        One interval for each longest run of active frames, in time's order; the score is the mean
        probability of its class.

    Raises:
        InputError: a wrong shape, or NaN.

    Source: the released detection script of HiCLR and PCM3.
    """
    p = checked(p)
    start, end, _ = runs((1 - p[:, 0] >= threshold)[:, None])
    mean = _run_means(p[:, 1:], start, end)
    label = mean.argmax(axis=1)
    return Proposals(start, end, label, mean[np.arange(len(label)), label])


def class_runs(p: np.ndarray, threshold: float = CLASS) -> Proposals:
    """For each class by itself, wherever its probability is above a low threshold.

    Makes many intervals of many classes, most of them with a low score.

    Args:
        p: `(T, K + 1)` probabilities.
        threshold: what a frame's probability of the class must exceed.

    Returns:
        One interval for each longest run, class by class; the score is the mean probability.

    Raises:
        InputError: a wrong shape, or NaN.

    Source: the released detection script of USDRL.
    """
    p = checked(p)
    start, end, label = runs(p[:, 1:] > threshold)
    # One column below the other, so that a run is a range of one long array.
    column = p[:, 1:].T.reshape(-1, 1)
    mean = _run_means(column, start + label * len(p), end + label * len(p))
    return Proposals(start, end, label, mean[:, 0])


def argmax_growing(
    p: np.ndarray, window: int = 15, back: int = 2, hit_rate: float = HIT_RATE
) -> Proposals:
    """Intervals that grow from the likeliest class of each frame, over short breaks.

    From the first frame whose likeliest class is not background an interval of that class grows. It
    looks at `window` frames that begin `back` frames before its end, but not before its start; if
    the class is the likeliest in at least `hit_rate` of `window` frames there, the interval now
    ends with the last of them. It looks again until it does not grow. An interval that fails at the
    first look, a lone frame, is dropped. The search goes on behind it, or with the next frame.

    Args:
        p: `(T, K + 1)` probabilities.
        window: frames of one look; the defaults bridge breaks of up to 12 frames.
        back: frames of a look that lie before the end, fewer than `window`.
        hit_rate: share of the look that must be of the class, in [0, 1]; the frames beyond the end
            of the recording count as others.

    Returns:
        Intervals in time's order, which do not overlap; the score is the mean probability of the
        class.

    Raises:
        InputError: a wrong shape, NaN, or a window that does not reach beyond `back`.

    Source: our reading of the first release of HiCLR's and PCM3's detection, of which only the
    constants were known then; `growing_official` is that release in full.
    """
    p = checked(p)
    if not 0 <= back < window:
        raise InputError(f"back: {back} must lie in 0..{window - 1}, below window")
    intervals, _ = grown(p.argmax(axis=1), window, back, hit_rate)
    return of_classes(p, intervals)


def grown(
    best: np.ndarray, window: int, back: int, hit_rate: float, *, complete: bool = True
) -> tuple[list[tuple[int, int, int]], int]:
    """The search of `argmax_growing`: start, end and label of intervals, and where it stands.

    Args:
        best: `(T,)` likeliest class of each frame, 0 the background.
        window: see there; so are the next two.
        back: see there.
        hit_rate: see there.
        complete: False: the recording goes on. The search then ends at the start of the first
            interval whose end these frames do not settle; from there it can go on with more.
    """
    intervals: list[tuple[int, int, int]] = []
    active = np.flatnonzero(best)
    # Where each class is the likeliest, as lists: a look is two searches in one of them.
    labels = best[active]
    places = {int(label): active[labels == label].tolist() for label in np.unique(labels)}
    start, count = 0, len(best)
    while (place := int(np.searchsorted(active, start))) < len(active):
        start = int(active[place])
        label = int(labels[place])
        end = _grown(places[label], start, window, back, hit_rate, None if complete else count)
        if end is None:
            return intervals, start
        if end > start:
            intervals.append((start, end, label))
        start = max(end, start + 1)
    return intervals, count


def of_classes(p: np.ndarray, intervals: list[tuple[int, int, int]]) -> Proposals:
    """Intervals with labels from 1 on, scored by the mean probability of their class."""
    start, end, label = np.array(intervals, np.int64).reshape(-1, 3).T
    score = [p[a:b, k].mean() for a, b, k in intervals]
    return Proposals(start, end, label - 1, np.array(score, np.float64))


def growing_official(
    p: np.ndarray, window: int = 15, back: int = 2, hit_rate: float = 0.1
) -> Proposals:
    """Intervals that grow by whole windows, as the first release made them.

    A frame is a hit of a class if that is its likeliest. At a frame of a class the `window` frames
    after it are looked at. If more than `hit_rate` of them are hits, the interval reaches to the
    last of them, and by another window as long as the next one has more than `hit_rate` too. Then
    its end goes back by `back` frames at a time until at least `hit_rate` of the last `back` frames
    are hits. The search goes on at the end itself. An interval starts only where two windows fit
    between it and the recording's last frame, and grows only while two fit behind its end, so that
    nothing is found in a recording of 30 frames. The release pads recordings first, see `padded`.

    Args:
        p: `(T, K + 1)` probabilities.
        window: frames of one look; 15 as released.
        back: frames of a step back, at least 1; 2 as released.
        hit_rate: share of a look that must be hits, in [0, 1]; 0.1 as released.

    Returns:
        Intervals in time's order. `end` is the released number, which its average precision
        compares as it stands with the ends of PKU-MMD's labels; the score takes that frame in: the
        mean probability of the class from `start` to `end` inclusive, rounded to five digits.

    Raises:
        InputError: a wrong shape, NaN, or a window or step below 1.

    Source: `JHang2020/Simple-Skeleton-Detection`, sources E13.
    """
    probabilities, p = np.asarray(p), checked(p)
    if min(window, back) < 1:
        raise InputError(f"window: {window}, back: {back}: both must be at least 1")
    best = p.argmax(axis=1)
    of_label = best[:, None] == np.arange(p.shape[1])
    hits = np.cumsum(of_label, axis=0)  # up to each frame and with it
    intervals: list[tuple[int, int, int, float]] = []
    start = 0
    while start + 2 * window < len(best):
        label = int(best[start])
        end = _grown_official(hits[:, label], start, window, back, hit_rate) if label else start
        if end > start:
            # In the type it came in: the release takes this mean in float32.
            mean = probabilities[start : end + 1, label].mean()
            intervals.append((start, end, label - 1, float(np.round(mean, 5))))
        start = max(end, start + 1)
    columns = np.array(intervals, np.float64).reshape(-1, 4).T
    start_of, end_of, labels = columns[:3].astype(np.int64)
    return Proposals(start_of, end_of, labels, columns[3])


def suppress(intervals: Proposals, tiou: float, *, across: bool = False) -> Proposals:
    """Drops intervals that overlap a better one (non-maximum suppression).

    Args:
        intervals: of one recording.
        tiou: an interval goes if it overlaps one that stays, with a higher score (of equal scores
            the first), by more than this; in [0, 1]. The released code of USDRL holds a suppression
            at 0.1 that it does not use.
        across: of whatever class the better one is; False: of its own class only. The rules here
            never make two intervals of one class that overlap.

    Returns:
        Those that stay, in the order given.

    Raises:
        InputError: `tiou` out of range.
    """
    if not 0 <= tiou <= 1:
        raise InputError(f"tiou: {tiou:g} must lie in [0, 1]")
    stays: list[int] = []
    group = np.zeros_like(intervals.label) if across else intervals.label
    for label in np.unique(group):
        rest = np.flatnonzero(group == label)
        rest = rest[np.argsort(-intervals.score[rest], kind="stable")]
        while len(rest):
            first, rest = rest[0], rest[1:]
            stays.append(int(first))
            overlap = overlap_in_time(
                intervals.start[rest],
                intervals.end[rest],
                intervals.start[first],
                intervals.end[first],
            )
            rest = rest[overlap <= tiou]
    return Proposals(*(column[np.sort(np.array(stays, np.int64))] for column in intervals))


RULES: dict[str, Callable[..., Proposals]] = {
    "background_runs": background_runs,
    "class_runs": class_runs,
    "argmax_growing": argmax_growing,
    "growing_official": growing_official,
}


def runs(active: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, end and column of each longest run in the columns of `(T, K)`, column by column."""
    edge = np.zeros((1, active.shape[1]), np.int8)
    change = np.diff(active.astype(np.int8), axis=0, prepend=edge, append=edge).T
    column, start = np.nonzero(change == 1)
    return start, np.nonzero(change == -1)[1], column


def _run_means(values: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Mean of the rows of each run: `(T, K)` -> `(P, K)`."""
    # Each run is summed by itself, so that a score does not depend on what came before it; the row
    # of zeros is there for a run that ends with the values.
    padded = np.concatenate([values, np.zeros((1, values.shape[1]))])
    total = np.add.reduceat(padded, np.stack([start, end], axis=1).ravel(), axis=0)[::2]
    return total / (end - start)[:, None]


def _grown(
    hits: list[int], start: int, window: int, back: int, hit_rate: float, known: int | None
) -> int | None:
    """End of the interval of `argmax_growing` from `start`; `start` where there is none.

    Args:
        hits: frames of the class, in order.
        start: the first frame.
        window: see there; so are the next two.
        back: see there.
        hit_rate: see there.
        known: frames that are there of a recording that goes on; None: all.

    Returns:
        None: it may go on behind what is known.
    """
    end, reached = start + 1, start
    while True:
        begin = max(start, end - back)
        if known is not None and begin + window > known:
            return None
        first, after = bisect_left(hits, begin), bisect_left(hits, begin + window)
        if after == first or after - first < hit_rate * window:
            return reached
        reached = hits[after - 1] + 1
        if reached == end:
            return reached
        end = reached


def _grown_official(hits: np.ndarray, start: int, window: int, back: int, hit_rate: float) -> int:
    """End of the interval of `growing_official` from `start`; `start` where there is none."""

    def rate(begin: int, end: int) -> float:
        """Share of hits after `begin` up to `end`."""
        return float(hits[end] - (hits[begin] if begin >= 0 else 0)) / (end - begin)

    end = start
    while end + 2 * window < len(hits) and rate(end, end + window) > hit_rate:
        end += window
    while end > start and rate(end - back, end) < hit_rate:
        end -= back
    return max(end, start)

"""From one frame to the borders of what goes on around it."""

from __future__ import annotations

import numpy as np

from ...protocols.rules import Rules
from .answers import BACKGROUND
from .learnt import Learnt
from .suggesting import columns, detected, without
from .table import Table, directions

LONGER = 1.5
"""Times the longest label of its class that the model's interval may be: a model of few labels runs
on over what it does not know."""
SCALES = (1.0, 2.0, 3.0)
"""Seconds of the means that the motion is looked at by: a motion that repeats, as steps do, is like
itself only over a repetition or more."""
LIKE = 0.8
"""Cosine to the mean at the click from which on the same goes on."""
WHOLE = 1.25
"""Times its means that a stretch of a scale lasts at least; a shorter one is only their blur."""
REACH = 60.0
"""Seconds to either side that are looked at."""


def grow(table: Table, recording: str, frame: int, learnt: Learnt | None = None) -> tuple[int, int]:
    """Start and end (exclusive) of what likely goes on around one frame.

    What the model has found there, if it is sure and that is no longer than labels of this class
    are; else what is alike. It ends where another label begins.

    Args:
        table: the features.
        recording: its name.
        frame: of it.
        learnt: of the labels of this moment.

    Raises:
        InputError: a recording without features, or a frame that it does not have.
    """
    number = table.number(recording)
    at, _ = table.bins(number, frame, frame + 1)
    found = None if learnt is None else _found(learnt, number, at)
    start, end = table.span(number, *(found or _alike(table, number, at)))
    start, end = min(start, frame), max(end, frame + 1)
    taken = [] if learnt is None else [(a, b) for r, a, b, _ in learnt.labels if r == number]
    left = without((start, end), [(a, b) for a, b in taken if not a <= frame < b])
    return next((a, b) for a, b in left if a <= frame < b)


def _alike(table: Table, recording: int, at: int) -> tuple[int, int]:
    """The bins around one that are alike, by the largest scale at which that means something.

    They hold the stretch between two changes of the motion, by which all recordings are cut.
    """
    rows = table.stretches[table.stretches[:, 0] == recording]
    cut = rows[int(np.searchsorted(rows[:, 2], at, side="right")), 1:].tolist()
    values, rate = table.values[recording], float(table.fps[recording] / table.step[recording])
    low = max(0, min(cut[0], at - round(REACH * rate)))
    values = values[low : max(cut[1], at + round(REACH * rate))]
    at, first, last = at - low, cut[0] - low, cut[1] - low
    found = first, last
    for scale in SCALES:
        means = directions(moving_mean(values, max(1, round(scale * rate))))
        like = means @ means[at] >= LIKE
        like[first:last] = True
        a, b = _run(like, at)
        if scale == SCALES[0] or b - a >= WHOLE * scale * rate:
            found = a, b
    return found[0] + low, found[1] + low


def moving_mean(values: np.ndarray, size: int) -> np.ndarray:
    """Means of `(B, D)` over `size` bins around each, of fewer at the ends.

    Examples:
        >>> moving_mean(np.array([[0.0], [3.0], [6.0], [9.0]]), 3).ravel().tolist()
        [1.5, 3.0, 6.0, 7.5]
    """
    total = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(axis=0, dtype=float)])
    middle = np.arange(len(values))
    first = np.maximum(0, middle - size // 2)
    last = np.minimum(len(values), middle + size - size // 2)
    return np.asarray((total[last] - total[first]) / (last - first)[:, None])


def _run(true: np.ndarray, at: int) -> tuple[int, int]:
    """The run of true ones around a place.

    Examples:
        >>> _run(np.array([True, False, True, True, False]), 3)
        (2, 4)
    """
    false = np.flatnonzero(~true)
    after = int(np.searchsorted(false, at))
    first = int(false[after - 1]) + 1 if after else 0
    return first, int(false[after]) if after < len(false) else len(true)


def _found(learnt: Learnt, recording: int, at: int) -> tuple[int, int] | None:
    """The bins of the surest interval around a bin; None: there is none to be trusted."""
    p = columns(learnt, recording)
    found = detected(learnt, recording, Rules().settled(learnt.short), p)
    inside = np.flatnonzero((found.start <= at) & (at < found.end) & (found.score > 0.5))
    if not len(inside):
        return None
    best = inside[int(found.score[inside].argmax())]
    first, last = int(found.start[best]), int(found.end[best])
    classes = [number for number, name in enumerate(learnt.class_names) if name != BACKGROUND]
    seconds = (last - first) * float(learnt.table.step[recording] / learnt.table.fps[recording])
    usual = seconds <= LONGER * learnt.longest(classes[int(found.label[best])])
    return (first, last) if usual else None

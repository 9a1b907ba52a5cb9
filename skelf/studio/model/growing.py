"""From one frame to the borders of what goes on around it."""

from __future__ import annotations

import numpy as np

from ...protocols.rules import Rules
from .answers import BACKGROUND
from .learnt import Learnt
from .suggesting import columns, detected, without
from .table import Table

LONGER = 1.5
"""Times the longest label of its class that the model's interval may be: a model of few labels runs
on over what it does not know."""


def grow(table: Table, recording: str, frame: int, learnt: Learnt | None = None) -> tuple[int, int]:
    """Start and end (exclusive) of what likely goes on around one frame.

    What the model has found there, if it is sure and that is no longer than labels of this class
    are; else the stretch between two changes of the motion. It ends where another label begins.

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
    if found is None:
        rows = table.stretches[table.stretches[:, 0] == number]
        first, last = rows[int(np.searchsorted(rows[:, 2], at, side="right")), 1:].tolist()
        found = first, last
    start, end = table.span(number, *found)
    start, end = min(start, frame), max(end, frame + 1)
    taken = [] if learnt is None else [(a, b) for r, a, b, _ in learnt.labels if r == number]
    left = without((start, end), [(a, b) for a, b in taken if not a <= frame < b])
    return next((a, b) for a, b in left if a <= frame < b)


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

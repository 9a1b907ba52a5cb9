"""In whose order the labels come: each is a walk that yields what was learnt at some budgets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skelf.studio.labels.segment import Segment
from skelf.studio.model import Learnt, Stretch, grow, learn, next_stretch, suggest

from .recordings import Task

SHARES = (0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.16, 0.2, 0.24, 0.3, 0.4, 0.5, 0.7, 1.0)
MOST = 0.3
"""Of all labels, in the studio's order: it learns after each."""


class Point(NamedTuple):
    """What is known after some labels.

    Args:
        budget: labels that were to be given.
        labels: that were.
        accepted: of them the page had suggested; 0 where labels come in an order of their own.
        learnt: the head.
    """

    budget: int
    labels: int
    accepted: int
    learnt: Learnt


def budgets(total: int) -> list[int]:
    """Numbers of labels after which is judged, by `SHARES` of them all."""
    return sorted({max(2, round(share * total)) for share in SHARES})


def ours(
    task: Task, marks: Collection[int], seed: int, *, clicked: bool = False
) -> Iterator[Point]:
    """Labels in the studio's order: where it points, the segment of the truth is given.

    Args:
        task: the recordings.
        marks: budgets.
        seed: without a use: the order has no chance in it.
        clicked: a frame of the segment is labelled alone, and its borders are those of `grow`.
    """
    given: list[Segment] = []
    passed: list[Stretch] = []
    left, learnt, accepted = {segment.id: segment for segment in task.truth}, None, 0
    while marks and len(given) < max(marks) and left:
        one = next_stretch(task.table, learnt, given, passed=passed)
        if one is None:
            return
        own = [s for s in left.values() if s.recording == one.recording]
        inside = [s for s in own if s.overlaps(one.start, one.end)]
        if not inside:
            passed.append(one)
            continue
        best = max(inside, key=lambda s: min(s.end, one.end) - max(s.start, one.start))
        del left[best.id]
        accepted += was_suggested(task, learnt, given, best)
        if clicked:
            middle = (max(best.start, one.start) + min(best.end, one.end)) // 2
            start, end = grow(task.table, best.recording, middle, learnt)
            best = replace(best, start=start, end=end)
        given.append(best)
        learnt = learn(task.table, given, before=learnt)
        assert learnt is not None
        if len(given) in marks:
            yield Point(len(given), len(given), accepted, learnt)


def clicked(task: Task, marks: Collection[int], seed: int) -> Iterator[Point]:
    """`ours` by one click a segment."""
    return ours(task, marks, seed, clicked=True)


def random(task: Task, marks: Collection[int], seed: int) -> Iterator[Point]:
    """Any segment, each as likely."""
    mixed = np.random.default_rng(seed).permutation(len(task.truth))
    for budget in sorted(marks):
        learnt = learn(task.table, [task.truth[at] for at in mixed[:budget]])
        assert learnt is not None
        yield Point(budget, budget, 0, learnt)


def uniform(task: Task, marks: Collection[int], seed: int) -> Iterator[Point]:
    """For each budget anew: the segments at evenly spaced moments of all recordings."""
    chance = np.random.default_rng(seed)
    first = np.cumsum(task.table.frames) - task.table.frames
    total = int(task.table.frames.sum())
    for budget in budgets(len(task.truth)):
        moments = ((np.arange(budget) + chance.random()) / budget * total).astype(int)
        given: dict[str, Segment] = {}
        for moment in moments.tolist():
            number = int(np.searchsorted(first, moment, side="right")) - 1
            at, name = moment - int(first[number]), task.table.names[number]
            given |= {s.id: s for s in task.truth if s.recording == name and s.overlaps(at, at + 1)}
        learnt = learn(task.table, list(given.values())) if budget in marks else None
        if learnt is not None:
            yield Point(budget, len(given), 0, learnt)


def was_suggested(
    task: Task, learnt: Learnt | None, given: list[Segment], segment: Segment
) -> bool:
    """Whether the page showed this very segment already, by half of what both cover."""
    if learnt is None:
        return False
    for one in suggest(task.table, learnt, given, only=[segment.recording]):
        both = min(one.end, segment.end) - max(one.start, segment.start)
        either = max(one.end, segment.end) - min(one.start, segment.start)
        if one.label == segment.label and 2 * both >= either:
            return True
    return False


Walk = Callable[[Task, Collection[int], int], Iterator[Point]]


class Order(NamedTuple):
    """An order of labels.

    Args:
        walk: it.
        pretrained: on features of an encoder that learnt from the recordings; else the ready one.
        most: of all labels, that it is walked to.
        draws: walks by chance whose mean is told.
        style: of its curve.
    """

    walk: Walk
    pretrained: bool = True
    most: float = 1.0
    draws: int = 1
    style: str = "o-"


ORDERS = {
    "ours": Order(ours, most=MOST),
    "random": Order(random, draws=3, style="s--"),
    "uniform": Order(uniform, draws=3, style="^:"),
    "untrained": Order(ours, pretrained=False, most=MOST, style="x-."),
    "clicked": Order(clicked, most=MOST, style="d:"),
}

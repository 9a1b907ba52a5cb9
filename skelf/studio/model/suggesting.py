"""What the model would label where nobody has: detections of its probabilities, between labels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ...protocols.intervals import kept, propose, smoothed
from ...protocols.proposals import Proposals
from ...protocols.rules import Rules
from .answers import BACKGROUND, Suggestion
from .learnt import Learnt
from .table import Table

if TYPE_CHECKING:
    from ..labels.segment import Segment

Stretches = list[tuple[int, int]]


def suggest(
    table: Table,
    learnt: Learnt,
    segments: Sequence[Segment],
    *,
    finished: Collection[str] = (),
    least: float = 0.5,
    only: Iterable[str] | None = None,
) -> list[Suggestion]:
    """What the model would label, by recording and start.

    Probabilities are smoothed and intervals of the likeliest class grow over short breaks, as a
    saved detector does. What overlaps a label is cut at it, and what a person refused is not
    suggested there again; pieces shorter than half a short label go.

    Args:
        table: the features.
        learnt: of these labels.
        segments: all labels.
        finished: recordings in which nothing is suggested.
        least: probability that a suggestion has, in [0, 1].
        only: names of recordings; None: all.
    """
    by_recording: dict[str, list[Segment]] = {}
    for segment in segments:
        by_recording.setdefault(segment.recording, []).append(segment)
    rules = Rules().settled(learnt.short)
    names = table.names if only is None else [name for name in only if name in table.numbers]
    found: list[Suggestion] = []
    for name in names:
        if name in finished:
            continue
        here = by_recording.get(name, [])
        found += _of_recording(table, learnt, table.number(name), here, rules, least)
    return found


def _of_recording(
    table: Table,
    learnt: Learnt,
    recording: int,
    here: Sequence[Segment],
    rules: Rules,
    least: float,
) -> list[Suggestion]:
    name = table.names[recording]
    p = columns(learnt, recording)
    total = np.concatenate([np.zeros((1, p.shape[1])), np.cumsum(p, axis=0, dtype=np.float64)])
    classes = [c for c in learnt.class_names if c != BACKGROUND]
    taken = [[(s.start, s.end) for s in here if s.kind == "is" or s.label == c] for c in classes]
    shortest = max(1.0, 0.5 * learnt.short * float(table.fps[recording]))
    said: list[Suggestion] = []
    intervals = detected(learnt, recording, rules, p)
    rows = (column.tolist() for column in intervals[:3])
    for first, last, label in zip(*rows, strict=True):
        span = table.span(recording, first, last)
        for start, end in without(span, taken[label]):
            if end - start < shortest and (start, end) != span:
                continue
            a, b = table.bins(recording, start, end)
            probability = float(total[b, 1 + label] - total[a, 1 + label]) / (b - a)
            if probability >= least:
                said.append(Suggestion(name, start, end, classes[label], probability))
    return sorted(said, key=lambda one: (one.start, one.end, one.label))


def remaining(suggestions: Sequence[Suggestion], here: Sequence[Segment]) -> list[Suggestion]:
    """What later labels of a recording leave of its suggestions, before the model has learnt again.

    They are cut as `suggest` cuts them; pieces shorter than half of a suggestion go.

    Args:
        suggestions: of one recording.
        here: all its labels.
    """
    found = []
    for one in suggestions:
        taken = [(s.start, s.end) for s in here if s.kind == "is" or s.label == one.label]
        for start, end in without((one.start, one.end), taken):
            if 2 * (end - start) >= one.end - one.start:
                found.append(one._replace(start=start, end=end))
    return found


def columns(learnt: Learnt, recording: int) -> np.ndarray:
    """`(B, K + 1)` probabilities, column 0 the background; 0 where nobody ever labelled any."""
    p = learnt.probabilities(recording)
    names = learnt.class_names
    of_background = [at for at, name in enumerate(names) if name == BACKGROUND]
    others = [at for at, name in enumerate(names) if name != BACKGROUND]
    nothing = p[:, of_background] if of_background else np.zeros((len(p), 1))
    return np.concatenate([nothing, p[:, others]], axis=1)


def detected(learnt: Learnt, recording: int, rules: Rules, p: np.ndarray) -> Proposals:
    """Intervals in bins of `(B, K + 1)` probabilities, as a detector with these rules has them."""
    table = learnt.table
    if p.shape[1] < 2:  # nothing but background is known
        none = np.zeros(0, np.int64)
        return Proposals(none, none, none, np.zeros(0))
    rate = float(table.fps[recording]) / int(table.step[recording])
    counts = rules.counts(rate, learnt.short)
    return kept(propose(smoothed(p, rules, counts.radius), rules, counts), rules, counts, len(p))


def without(span: tuple[int, int], taken: Stretches) -> Stretches:
    """What is left of a stretch.

    Examples:
        >>> without((0, 10), [(2, 3), (8, 12)])
        [(0, 2), (3, 8)]
    """
    left, (at, end) = [], span
    met = sorted(pair for pair in taken if pair[0] < end and pair[1] > at)
    for start, stop in chain(met, [(end, end)]):
        if start > at:
            left.append((at, min(start, end)))
        at = max(at, stop)
        if at >= end:
            break
    return left

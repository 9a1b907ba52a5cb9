"""What the model would label where nobody has: detections of its probabilities, between labels."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ...protocols.proposals import Proposals
from ...protocols.recordings import kept, propose, smoothed
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
    classes = [c for c in learnt.class_names if c != BACKGROUND]
    shortest = max(1.0, 0.5 * learnt.short * float(table.fps[recording]))
    said: list[Suggestion] = []
    for first, last, label, _ in zip(*detected(learnt, recording, rules, p), strict=True):
        taken = [(s.start, s.end) for s in here if s.kind == "is" or s.label == classes[int(label)]]
        span = table.span(recording, int(first), int(last))
        for start, end in without(span, taken):
            if end - start < shortest and (start, end) != span:
                continue
            a, b = table.bins(recording, start, end)
            probability = float(p[a:b, 1 + int(label)].mean())
            if probability >= least:
                said.append(Suggestion(name, start, end, classes[int(label)], probability))
    return sorted(said, key=lambda one: (one.start, one.end, one.label))


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
    for start, stop in chain(sorted(taken), [(end, end)]):
        if start > at:
            left.append((at, min(start, end)))
        at = max(at, stop)
        if at >= end:
            break
    return left

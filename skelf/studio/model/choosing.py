"""What to label next: the stretch that stands for most of what the model is unsure of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .answers import Stretch
from .learnt import Learnt
from .table import Table

if TYPE_CHECKING:
    from ..labels.segment import Segment

SHARPNESS = 6.0
"""How fast likeness falls with the distance of two stretches."""
MOST = 4000
"""Stretches that are compared; of more, evenly drawn ones."""


def next_stretch(
    table: Table,
    learnt: Learnt | None,
    segments: Sequence[Segment],
    *,
    finished: Collection[str] = (),
    passed: Collection[Stretch] = (),
) -> Stretch | None:
    """The stretch whose label teaches most; None: all is labelled, refused or passed over.

    Args:
        table: the features.
        learnt: of these labels; None at the very start.
        segments: all labels.
        finished: recordings that are never asked about.
        passed: stretches that the person did not want to label.
    """
    said = [(s.recording, s.start, s.end) for s in segments]
    said += [(s.recording, s.start, s.end) for s in passed]
    free = _free(table, said)
    ended = np.array([name in finished for name in table.names], bool)
    open_ = (_counted(table, free) > 0) & ~ended[table.stretches[:, 0]]
    # What was refused is not asked again, but what is like it may be.
    refused = {(s.recording, s.start, s.end) for s in segments if s.kind == "not"}
    taught = _counted(table, _free(table, [span for span in said if span not in refused]))
    known = 2 * taught <= table.stretches[:, 2] - table.stretches[:, 1]
    rows = _some(len(open_), known)
    if not open_[rows].any():
        rows = np.flatnonzero(open_)[:MOST]
    if not len(rows):
        return None
    chosen = table.stretches[rows]
    gained = gains(table.vectors[rows], _unsure(learnt, chosen), known[rows])
    gained[~open_[rows]] = -1
    best = int(gained.argmax())
    recording, first, last = chosen[best].tolist()
    a, b = _longest(free[recording], first, last)
    start, end = table.span(recording, a, b)
    return Stretch(table.names[recording], start, end, _reason(learnt, recording, a, b))


def gains(
    vectors: np.ndarray,
    unsure: np.ndarray,
    labelled: np.ndarray,
    sharpness: float = SHARPNESS,
) -> np.ndarray:
    """How many unsure stretches each would stand for that no labelled one stands for.

    A stretch stands for another as far as they are alike. So a stretch gains by being like many
    others (no odd moment is asked about first), unlike all labelled ones (nothing is asked twice),
    and among those that the model is unsure of. Long and short ones count alike: by time the
    longest class would be asked about most (docs/results/studio.md).

    Args:
        vectors: `(S, D)` of length 1.
        unsure: `(S,)` in [0, 1].
        labelled: `(S,)` bool, those that a person spoke of.
        sharpness: of the likeness `exp(sharpness * (cosine - 1))`.

    Returns:
        `(S,)` unsure stretches, 0 for labelled ones.

    Source: facility location, as in Wei, Iyer and Bilmes (ICML 2015). differs: uncertainty weighs
    those who are stood for, where theirs decides who may be chosen at all.
    """
    alike = np.exp(sharpness * (vectors @ vectors.T - 1))
    best = alike[:, labelled].max(axis=1, initial=0.0)
    more = np.maximum(alike - best[:, None], 0)  # row: who is stood for; column: by whom
    gained = np.asarray(unsure @ more, np.float64)
    gained[labelled] = 0
    return gained


def unsureness(p: np.ndarray) -> np.ndarray:
    """`(B,)`: 1 less the distance of the two likeliest classes of `(B, K)`; 1 with one class."""
    if p.shape[1] < 2:
        return np.ones(len(p))
    two = np.partition(p, -2, axis=1)[:, -2:]
    return np.asarray(1 - (two[:, 1] - two[:, 0]))


def _unsure(learnt: Learnt | None, chosen: np.ndarray) -> np.ndarray:
    if learnt is None:
        return np.ones(len(chosen))
    by_recording = {r: unsureness(learnt.probabilities(r)) for r in set(chosen[:, 0].tolist())}
    return np.array([by_recording[r][a:b].mean() for r, a, b in chosen.tolist()])


def _free(table: Table, said: Collection[tuple[str, int, int]]) -> list[np.ndarray]:
    """Of each recording `(B,)` bool, the bins outside of some spans of frames."""
    free = [np.ones(len(values), bool) for values in table.values]
    for name, start, end in said:
        if name in table.numbers:
            recording = table.numbers[name]
            step = int(table.step[recording])
            free[recording][start // step : -(-end // step)] = False
    return free


def _counted(table: Table, free: Sequence[np.ndarray]) -> np.ndarray:
    """`(S,)` free bins of each stretch: together they are the recordings."""
    if not len(table.stretches):
        return np.zeros(0, np.int64)
    first = np.cumsum([0, *map(len, free)])[table.stretches[:, 0]] + table.stretches[:, 1]
    return np.add.reduceat(np.concatenate(free).astype(np.int64), first)


def _some(count: int, known: np.ndarray) -> np.ndarray:
    """Rows that are compared: all, or some of those that are known and of those that are not."""
    if count <= MOST:
        return np.arange(count)
    parts = [np.flatnonzero(known), np.flatnonzero(~known)]
    take = min(len(parts[0]), MOST // 2)
    sizes = (take, MOST - take)
    some = [
        part[np.linspace(0, len(part) - 1, min(size, len(part))).astype(int)]
        for part, size in zip(parts, sizes, strict=True)
        if len(part) and size
    ]
    return np.sort(np.concatenate(some))


def _longest(free: np.ndarray, first: int, last: int) -> tuple[int, int]:
    """The longest run of free bins in a stretch."""
    edges = np.flatnonzero(np.diff(free[first:last].astype(np.int8), prepend=0, append=0))
    runs = edges.reshape(-1, 2)
    a, b = runs[int((runs[:, 1] - runs[:, 0]).argmax())].tolist()
    return first + a, first + b


def _reason(learnt: Learnt | None, recording: int, first: int, last: int) -> str:
    if learnt is None:
        return "like many others"
    p = learnt.probabilities(recording)[first:last].mean(axis=0)
    order = np.argsort(-p, kind="stable")
    best = learnt.class_names[int(order[0])]
    if len(order) > 1 and p[order[1]] > 0.5 * p[order[0]]:
        return f"unsure between {best} and {learnt.class_names[int(order[1])]}"
    return f"like many others, perhaps {best}"

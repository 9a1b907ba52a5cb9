"""Labels as what a head learns from: rows of a table, and which classes each may be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .answers import BACKGROUND
from .table import Table

if TYPE_CHECKING:
    from ..labels.segment import Segment

MOST = 20
"""Bins of one label that are learnt from, evenly over it."""


class Lessons(NamedTuple):
    """What labels say of bins.

    Args:
        class_names: in order; of all segments that say what is.
        recording: `(R,)` int64, of the row's recording.
        at: `(R,)` int64, its bin.
        allowed: `(R, K)` bool, the classes that it may be.
        weight: `(R,)`.
        label: `(R,)` int64, the number of the label that it is of.
    """

    class_names: tuple[str, ...]
    recording: np.ndarray
    at: np.ndarray
    allowed: np.ndarray
    weight: np.ndarray
    label: np.ndarray

    def rows(self, table: Table) -> np.ndarray:
        """`(R, D)` of the table."""
        found = np.empty((len(self.at), table.values[0].shape[1]), np.float32)
        for recording in np.unique(self.recording).tolist():
            own = self.recording == recording
            found[own] = table.values[recording][self.at[own]]
        return found

    def take(self, chosen: np.ndarray) -> Lessons:
        """Some of the rows."""
        return Lessons(self.class_names, *(column[chosen] for column in self[1:]))


def lessons(
    table: Table, segments: Sequence[Segment], finished: Collection[str] = ()
) -> Lessons | None:
    """What may be learnt from labels; None: nothing says what anything is.

    A label speaks of its own frames alone: what lies beside it may be anything, unless the
    recording is finished; then it is background. Every label weighs as much, however long it is,
    and rare classes weigh more, by the root of how rare they are.

    Args:
        table: the features; labels of recordings that it lacks are left out.
        segments: all labels.
        finished: recordings that are labelled as a whole.
    """
    known = [s for s in segments if s.recording in table.numbers]
    names = tuple(dict.fromkeys(s.label for s in known if s.kind == "is"))
    rest = _rests(table, known, finished)
    if rest and BACKGROUND not in names:
        names = (*names, BACKGROUND)
    if not names:
        return None
    number = {name: at for at, name in enumerate(names)}
    columns: list[tuple[int, np.ndarray, np.ndarray]] = []
    for s in known:
        if s.label not in number:  # refused, and nobody ever said that something is of it
            continue
        recording = table.number(s.recording)
        bins = thinned(*table.bins(recording, s.start, s.end))
        of = np.arange(len(names)) == number[s.label]
        columns.append((recording, bins, of if s.kind == "is" else ~of))
    for recording, first, last in rest:
        of = np.arange(len(names)) == number[BACKGROUND]
        columns.append((recording, thinned(first, last), of))
    columns = [part for part in columns if part[2].any()]
    return _weighted(names, columns) if columns else None


def _weighted(
    names: tuple[str, ...], columns: Sequence[tuple[int, np.ndarray, np.ndarray]]
) -> Lessons:
    count = [len(bins) for _, bins, _ in columns]
    allowed = np.array([of for _, _, of in columns])  # (labels, K)
    sure = allowed.sum(axis=1) == 1
    often = np.maximum(1, allowed[sure].sum(axis=0))  # labels of each class
    rare = np.where(sure, (often.max() / often)[allowed.argmax(axis=1)] ** 0.5, 1.0)
    each = np.repeat(np.arange(len(columns)), count)
    return Lessons(
        names,
        np.repeat([recording for recording, _, _ in columns], count),
        np.concatenate([bins for _, bins, _ in columns]),
        allowed[each],
        (rare / np.array(count))[each],
        each,
    )


def _rests(
    table: Table, segments: Sequence[Segment], finished: Collection[str]
) -> list[tuple[int, int, int]]:
    """Runs of bins that no label covers in finished recordings."""
    runs: list[tuple[int, int, int]] = []
    by_recording: dict[str, list[Segment]] = {}
    for segment in segments:
        by_recording.setdefault(segment.recording, []).append(segment)
    for name in sorted(set(finished) & set(table.numbers)):
        recording = table.number(name)
        free = ~covered(table, recording, by_recording.get(name, ()))
        edges = np.flatnonzero(np.diff(free.astype(np.int8), prepend=0, append=0))
        pairs = edges.reshape(-1, 2).tolist()
        runs += [(recording, first, last) for first, last in pairs]
    return runs


def covered(table: Table, recording: int, own: Sequence[Segment]) -> np.ndarray:
    """`(B,)` bool: bins of which a recording's labels say what they are."""
    there = np.zeros(len(table.values[recording]), bool)
    step = int(table.step[recording])
    for s in own:
        if s.kind == "is":
            there[s.start // step : -(-s.end // step)] = True
    return there


def thinned(first: int, last: int) -> np.ndarray:
    """Bins from `first` to `last`, evenly and at most `MOST` of them."""
    count = last - first
    if count <= MOST:
        return np.arange(first, last)
    return first + (np.arange(MOST) * count + count // 2) // MOST

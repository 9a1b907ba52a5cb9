"""A head that learnt from a person's labels, and what it says of every bin."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .head import Head, head_of
from .lessons import lessons
from .recount import Recount
from .table import Table

if TYPE_CHECKING:
    from ..labels.segment import Segment


@dataclass(frozen=True, eq=False)
class Learnt:
    """What was learnt from the labels of one moment.

    Args:
        table: the features.
        class_names: in the order of the columns.
        head: what says the class of a bin.
        labels: recording, start, end and class of each label that says what is, in frames.
        recount: sums of the head's votes.
    """

    table: Table
    class_names: tuple[str, ...]
    head: Head
    labels: tuple[tuple[int, int, int, int], ...]
    recount: Recount = field(default_factory=Recount, repr=False)
    _known: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    @cached_property
    def short(self) -> float:
        """Seconds that a tenth of the labels are shorter than; detections follow it."""
        seconds = [(end - start) / float(self.table.fps[r]) for r, start, end, _ in self.labels]
        return float(np.quantile(seconds, 0.1)) if seconds else 0.0

    def longest(self, label: int) -> float:
        """Seconds of the longest label of a class; 0 where there is none."""
        fps = self.table.fps
        return max((float((b - a) / fps[r]) for r, a, b, c in self.labels if c == label), default=0)

    def probabilities(self, recording: int) -> np.ndarray:
        """`(B, K)` float32 of a recording's bins; computed when it is first asked for."""
        if recording not in self._known:
            x = self.table.values[recording]
            said = self.recount.of(self.head.votes, recording, x)
            self._known[recording] = self.head.probabilities(x, said)
        return self._known[recording]


def learn(
    table: Table,
    segments: Sequence[Segment],
    *,
    finished: Collection[str] = (),
    before: Learnt | None = None,
) -> Learnt | None:
    """A head trained on the labels; under a second for an hour of recordings.

    Args:
        table: the features.
        segments: all labels, of kind "is" and "not".
        finished: names of recordings in which everything is labelled: the rest is background.
        before: what was learnt before the last labels; saves time where the classes are the same.

    Returns:
        None: no label says yet what anything is in the recordings of the table.
    """
    found = lessons(table, segments, finished)
    if found is None:
        return None
    # Of another table, or of other classes, nothing is left to go on from.
    same = before is not None and (before.table, before.class_names) == (table, found.class_names)
    known = before if same else None
    head = head_of(found.rows(table), found, known.head if known else None)
    labels = tuple(
        (table.numbers[s.recording], s.start, s.end, found.class_names.index(s.label))
        for s in segments
        if s.kind == "is" and s.recording in table.numbers
    )
    return Learnt(table, found.class_names, head, labels, Recount(known.recount if known else None))

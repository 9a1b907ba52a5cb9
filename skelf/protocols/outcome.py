"""Outcome: what a protocol hands back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from .recordings import Recordings


class Outcome(NamedTuple):
    """The numbers of one protocol and what they were computed from.

    Args:
        values: `metric.selection` or `metric.condition.selection` (`top1.spatial.last`) -> value in
            [0, 1]; `selection` says which state of a trained classifier was judged: `last`,
            `best_on_test`, `validated`, or `none` where nothing is trained.
        scores: `(N, K)` class scores of the labelled test clips, higher is more likely (for fusion
            and confusion matrices), of the state `last` or `none`; None where the protocol gives no
            scores.
        labels: `(N,)` true labels of the labelled test clips, in the test split's order.
        definition: one line saying exactly what was computed.
        selected: the scores `(N, K)` of further selections and conditions, where the protocol has
            any: `best_on_test`, `spatial.last`; those of a `last` or `none` first.
        recordings: the frame probabilities of untrimmed recordings, where the protocol finds
            segments in them; `scores` is None then and `labels` are empty.
    """

    values: dict[str, float]
    scores: np.ndarray | None
    labels: np.ndarray
    definition: str
    selected: Mapping[str, np.ndarray] = MappingProxyType({})
    recordings: Recordings | None = None

    @property
    def clips(self) -> int:
        """How many clips (of recordings: recordings) were judged."""
        return len(self.labels) if self.recordings is None else len(self.recordings.frames)

    def by_selection(self) -> dict[str, np.ndarray]:
        """Selection -> scores, a `last` or `none` first; empty where there are no scores."""
        if self.scores is None:
            return dict(self.selected)
        trained = any(key.endswith(".last") for key in self.values)
        return {"last" if trained else "none": self.scores, **self.selected}

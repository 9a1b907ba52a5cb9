"""What says which class a bin is of: a linear head and the labelled moments' votes, multiplied.

Either alone is worse, the linear head with few labels, the votes with many:
docs/results/studio.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .lessons import Lessons
from .softmax import Linear, fit
from .voting import Votes, votes

PENALTY = 10.0
"""Of the linear head's squared weights, beside a loss to which each label adds about 1."""
LEAST = 1e-6
"""Of each class's share of the votes, so that none says never."""


class Head(NamedTuple):
    """A head.

    Args:
        linear: features to logits.
        votes: of examples.
    """

    linear: Linear
    votes: Votes

    def probabilities(self, x: np.ndarray, said: np.ndarray | None = None) -> np.ndarray:
        """`(B, K)` float32.

        Args:
            x: `(B, D)`.
            said: what the votes say of it, where somebody has asked; None: they are asked.
        """
        said = self.votes.of(x) if said is None else said
        said = said / np.maximum(said.sum(axis=1, keepdims=True), 1e-30)
        p = self.linear.probabilities(x) * (said + LEAST)
        return np.asarray(p / p.sum(axis=1, keepdims=True), np.float32)


def head_of(x: np.ndarray, found: Lessons, before: Head | None = None) -> Head:
    """The head that learns from labels.

    Args:
        x: `(R, D)`, the lessons' rows.
        found: what the labels say of them.
        before: of the same classes and features, where the linear head begins.
    """
    start = None if before is None else before.linear
    return Head(
        fit(x, found.allowed, found.weight, PENALTY, start),
        votes(x, found.allowed, found.weight, found.label),
    )

"""Labelled moments that vote for what is like them, so that a class may be several places."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .table import directions

SHARPNESS = 16.0
"""How fast a vote falls with the distance: it is `exp(SHARPNESS * (cosine - 1))`."""
PARTS = 4
"""Parts of a label whose means are examples; fewer where there are many labels."""
MOST = 2000
"""Examples, about: with so many an hour of recordings is asked in a fifth of a second."""
ROWS = 512
"""Asked at a time: what they are told stays near the processor."""


class Votes(NamedTuple):
    """Examples, and how much each says for each class.

    Args:
        examples: `(E, D)` float32 of length 1.
        share: `(E, K)` float32; a class's shares are 1 together, or 0 where it has no example.
    """

    examples: np.ndarray
    share: np.ndarray

    def of(self, x: np.ndarray) -> np.ndarray:
        """`(B, K)`, the mean vote of each class's examples for each of `(B, D)`, in [0, 1]."""
        toward, examples = directions(x) * np.float32(SHARPNESS), self.examples.T
        share = self.share * np.float32(np.exp(-SHARPNESS))  # of exp(SHARPNESS * cosine)
        found = np.empty((len(x), share.shape[1]), np.float32)
        for first in range(0, len(x), ROWS):
            vote = toward[first : first + ROWS] @ examples
            np.matmul(np.exp(vote, out=vote), share, out=found[first : first + ROWS])
        return found


def votes(x: np.ndarray, allowed: np.ndarray, weight: np.ndarray, label: np.ndarray) -> Votes:
    """The examples of what labels say is there; what they say is not there has none.

    Args:
        x: `(R, D)`, rows of labels in time's order.
        allowed: `(R, K)` bool, the classes that a row may be.
        weight: `(R,)`.
        label: `(R,)` ascending, the label that a row is of.

    Examples:
        >>> x, one = np.array([[2.0, 0], [4, 0], [0, 1]]), np.ones(3)
        >>> of = np.array([[True, False], [True, False], [False, True]])
        >>> votes(x, of, one, np.array([0, 0, 1])).of(np.array([[3.0, 0]])).round(2).tolist()
        [[1.0, 0.0]]
    """
    sure = np.flatnonzero(allowed.sum(axis=1) == 1)
    first = np.unique(label[sure], return_index=True)[1]
    parts = max(1, min(PARTS, MOST // max(1, len(first))))
    rows = [part for own in np.split(sure, first[1:]) for part in np.array_split(own, parts)]
    rows = [part for part in rows if len(part)]
    examples = np.array([x[part].mean(axis=0) for part in rows]).reshape(len(rows), x.shape[1])
    share = np.array([(allowed[part] * weight[part, None]).sum(axis=0) for part in rows])
    share = share.reshape(len(rows), allowed.shape[1])
    total = share.sum(axis=0)
    share /= np.where(total > 0, total, 1)
    return Votes(directions(examples), share.astype(np.float32))

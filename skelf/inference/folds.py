"""Parts of a set that are held out in turn, with no person on both sides."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

Fold = tuple[np.ndarray, np.ndarray]
"""Rows to learn from, and rows to be judged by."""


def folds(labels: np.ndarray, groups: np.ndarray | None, count: int, seed: int) -> list[Fold]:
    """Up to `count` folds, each class spread over them as evenly as its groups allow.

    A row whose class is not learnt from, as all that show it are held out together, is judged by
    nothing: it could not be right. Nor is anything where a single class is left to learn from.

    Args:
        labels: `(N,)` classes.
        groups: `(N,)` what must not be on both sides; None, or a single one: each row by itself.
        count: of folds, at least 2; fewer where there are fewer groups, or rows of any class.
        seed: of the draws.

    Returns:
        The folds that judge something; none where no class could be held out.

    Examples:
        >>> labels, people = np.tile([0, 1], 6), np.repeat([3, 5, 9], 4)
        >>> parts = folds(labels, people, 5, seed=0)
        >>> sorted(set(people[judged].tolist()).pop() for _, judged in parts)
        [3, 5, 9]
        >>> folds(np.array([0, 1, 2]), None, 5, seed=0)  # one clip a class
        []
    """
    apart = groups is not None and len(np.unique(groups)) > 1
    most = len(np.unique(groups)) if apart else int(np.unique(labels, return_counts=True)[1].max())
    count = min(count, most)
    if count < 2:
        return []
    split = (StratifiedGroupKFold if apart else StratifiedKFold)(
        count, shuffle=True, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class of fewer rows than folds
        parts = list(split.split(labels, labels, groups))
    found = []
    for learnt, judged in parts:
        known = np.unique(labels[learnt])
        judged = judged[np.isin(labels[judged], known)]
        if len(judged) and len(known) > 1:
            found.append((learnt, judged))
    return found

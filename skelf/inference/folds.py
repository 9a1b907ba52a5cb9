"""Parts of a set that are held out in turn, with no person on both sides."""

from __future__ import annotations

import numpy as np

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
    _, classes = np.unique(labels, return_inverse=True)
    group = np.arange(len(labels))
    if groups is not None and len(np.unique(groups)) > 1:
        group = np.unique(groups, return_inverse=True)[1]
        most = int(group.max()) + 1
    else:
        most = int(np.bincount(classes).max())
    found = []
    fold = _fold_of(classes, group, min(count, most), seed)[group]
    for number in range(min(count, most) if most > 1 else 0):
        learnt, judged = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        known = np.unique(labels[learnt])
        judged = judged[np.isin(labels[judged], known)]
        if len(judged) and len(known) > 1:
            found.append((learnt, judged))
    return found


def _fold_of(classes: np.ndarray, group: np.ndarray, count: int, seed: int) -> np.ndarray:
    """A fold for each group: those whose classes differ most first, each where least of them is."""
    table = np.zeros((int(group.max()) + 1, int(classes.max()) + 1))
    np.add.at(table, (group, classes), 1)
    table /= table.sum(axis=0)  # shares of each class
    order = np.random.default_rng(seed).permutation(len(table))
    order = order[np.argsort(-table[order].std(axis=1), kind="stable")]
    held = np.zeros((count, table.shape[1]))
    fold = np.zeros(len(table), np.int64)
    for at in order:
        # Squares of shares summed over folds grow by twice this: the least keeps them even.
        crowded = held @ table[at] + 1e-9 * held.sum(axis=1)
        fold[at] = crowded.argmin()
        held[fold[at]] += table[at]
    return fold

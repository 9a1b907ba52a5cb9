"""Metrics as pure functions of tensors (or arrays): accuracy, confusion, retrieval.

Every value lies in [0, 1]. The definitions are the textbook ones (Manning et al. 2008, chapter 8,
for retrieval); the tests compare each with a slow loop and, where it has one, with scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError

Values = Tensor | np.ndarray


def topk_accuracy(scores: Values, labels: Values, k: int = 1) -> float:
    """Share of clips whose true class is among the `k` highest scores.

    Equal scores rank by class index, the lower first, so that a constant classifier predicts class
    0 and not everything; a row that holds NaN counts as wrong.

    Args:
        scores: `(N, K)` class scores, higher is more likely.
        labels: `(N,)` true classes in `0..K-1`.
        k: number of guesses, at least 1.

    Raises:
        InputError: no clips, a label out of range, or `k < 1`.

    >>> scores = torch.tensor([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
    >>> topk_accuracy(scores, torch.tensor([1, 1]), k=1)
    0.5
    >>> topk_accuracy(scores, torch.tensor([1, 1]), k=2)
    1.0
    """
    scores, labels = torch.as_tensor(scores), torch.as_tensor(labels)
    _in_range(labels, scores.shape[1], "labels")
    if len(labels) == 0 or k < 1:
        raise InputError(f"top-k accuracy needs clips and k >= 1, got {len(labels)} clips, k={k}")
    truth = labels.to(scores.device)[:, None]
    of_truth = scores.gather(1, truth)
    before = torch.arange(scores.shape[1], device=scores.device) < truth
    ahead = ((scores > of_truth) | ((scores == of_truth) & before)).sum(dim=1)
    hits = (ahead < k) & ~scores.isnan().any(dim=1)
    return int(hits.sum()) / len(labels)


def confusion(labels: Values, predictions: Values, classes: int) -> Tensor:
    """Confusion matrix: entry `[i, j]` counts the clips of class `i` that were taken for class `j`.

    Args:
        labels: `(N,)` true classes in `0..classes-1`.
        predictions: `(N,)` predicted classes in the same range.
        classes: number of classes.

    Returns:
        `(classes, classes)` int64 on the CPU; rows are the truth, and their sums the clips of each
        class.

    Raises:
        InputError: a class out of range.

    >>> confusion(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), classes=2).tolist()
    [[1, 1], [0, 1]]
    """
    truth, guess = torch.as_tensor(labels).cpu().long(), torch.as_tensor(predictions).cpu().long()
    _in_range(truth, classes, "labels")
    _in_range(guess, classes, "predictions")
    counts = torch.bincount(truth * classes + guess, minlength=classes * classes)
    return counts.reshape(classes, classes)


def precision_at(relevance: Values, ks: Sequence[int]) -> Tensor:
    """Precision at `k` of each query: the share of its `k` first results that are relevant.

    Args:
        relevance: `(Q, G)` boolean, column `r` says whether the result of rank `r` is relevant.
        ks: the ranks, each in `1..G`.

    Returns:
        `(Q, len(ks))` float32, to be averaged over the queries.

    Raises:
        InputError: a rank outside `1..G`.

    >>> precision_at(torch.tensor([[True, False, True, True]]), ks=(1, 2, 4)).tolist()
    [[1.0, 0.5, 0.75]]
    """
    relevance = torch.as_tensor(relevance).bool()
    results = relevance.shape[1]
    if wrong := [k for k in ks if not 1 <= k <= results]:
        raise InputError(f"ks: precision@{wrong[0]} needs k in 1..{results}, the gallery's size")
    columns = [relevance[:, :k].float().mean(dim=1) for k in ks]
    return (
        torch.stack(columns, dim=1) if columns else relevance.new_zeros(len(relevance), 0).float()
    )


def average_precision(relevance: Values) -> Tensor:
    """Average precision of each query: the mean of the precisions at its relevant results' ranks.

    The whole list counts, nothing is interpolated, and the divisor is the number of relevant
    results in it.

    Args:
        relevance: `(Q, G)` boolean, column `r` says whether the result of rank `r` is relevant.

    Returns:
        `(Q,)` float64, NaN for a query without any relevant result; mAP is the mean over the
        others.

    >>> average_precision(torch.tensor([[True, False, True], [False, True, False]])).tolist()
    [0.8333333333333333, 0.5]
    """
    relevance = torch.as_tensor(relevance).bool()
    row, rank = relevance.nonzero(as_tuple=True)  # row by row, ranks ascending
    count = relevance.sum(dim=1)
    first = count.cumsum(0) - count
    hits = torch.arange(len(row), device=row.device) - first[row] + 1
    precision = hits.double() / (rank + 1)
    return torch.bincount(row, weights=precision, minlength=len(relevance)) / count


def _in_range(classes: Tensor, count: int, field: str) -> None:
    if len(classes) and (classes.min() < 0 or classes.max() >= count):
        low, high = int(classes.min()), int(classes.max())
        raise InputError(
            f"{field}: {low}..{high} must lie in 0..{count - 1}; drop unlabelled clips"
        )

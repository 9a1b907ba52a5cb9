"""Weighted k-NN on frozen features: no training, so it also is the monitor during pretraining.

Idea: Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", CVPR
2018, section 3.4.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from ..data.clips import ClipSet
from ..errors import InputError
from ..metrics.classes import topk_accuracy
from . import features
from .outcome import Outcome


def run(
    encoder: nn.Module,
    train: ClipSet,
    test: ClipSet,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
    k: Annotated[int, Field(ge=1)] = 20,
    temperature: Annotated[float, Field(gt=0)] = 0.1,
    centre: bool = False,
) -> Outcome:
    """Top-1 accuracy of weighted k-NN, the training split being the gallery.

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: labelled gallery; unlabelled clips are dropped.
        test: queries; unlabelled clips are dropped.
        seed: without influence, nothing is drawn.
        device: where to compute.
        cache: folder for the features.
        k: neighbours, capped at the gallery's size.
        temperature: above 0; the smaller, the more the nearest count (Wu et al. 0.07, SimSiam's
            monitor 0.1).
        centre: subtract the gallery's mean from both sides first. Differs: the published protocols
            don't.

    Returns:
        `top1.none`; the scores are the votes, normalised to sum 1.

    Raises:
        InputError: a split without labelled clips, a single class, `k < 1` or `temperature <= 0`.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> from skelf.protocols import PROTOCOLS
        >>> train, test = generate(clips=48).split("xview")
        >>> encoder = ENCODERS["gru"](train.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> outcome = PROTOCOLS["knn"](encoder, train, test)
        >>> list(outcome.values)
        ['top1.none']
    """
    _check(k, temperature)
    f = features.extract_splits(encoder, train, test, device=device, cache=cache)
    gallery, queries = f.train.to(device), f.test.to(device)
    if centre:
        mean = gallery.mean(dim=0)
        gallery, queries = gallery - mean, queries - mean
    scores = knn_scores(gallery, f.train_labels.to(device), queries, f.classes, k, temperature)
    return Outcome(
        {"top1.none": topk_accuracy(scores, f.test_labels)},
        scores.cpu().numpy(),
        f.test_labels.numpy(),
        f"top-1 accuracy of k-NN on frozen features{' minus the gallery mean' if centre else ''}: "
        f"cosine similarity, k={min(k, len(gallery))}, votes weighted "
        f"exp(similarity/{temperature:g}), gallery = training split ({len(gallery)} clips); whole "
        "clips, no augmentation",
    )


def knn_scores(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    classes: int,
    k: int = 20,
    temperature: float = 0.1,
) -> Tensor:
    """Class votes of the `k` nearest features, each weighted `exp(cosine / temperature)`.

    Works through the queries in blocks (at most 64 MiB of similarities at a time).

    Args:
        train: `(N, D)` gallery features, of any length (they are L2-normalised here).
        train_labels: `(N,)` int64 in `0..classes-1`, on the same device.
        test: `(Q, D)` query features on the same device.
        classes: number of classes `K`.
        k: neighbours, capped at `N`.
        temperature: above 0.

    Returns:
        `(Q, K)` float32, rows sum to 1.

    Raises:
        InputError: an empty gallery, `k < 1` or `temperature <= 0`.

    Source: Wu et al. 2018, section 3.4.

    Examples:
        >>> import torch
        >>> gallery = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
        >>> labels, query = torch.tensor([0, 0, 1]), torch.tensor([[0.0, 2.0]])
        >>> knn_scores(gallery, labels, query, classes=2, k=2).argmax(dim=1)
        tensor([1])
    """
    _check(k, temperature)
    if len(train) == 0:
        raise InputError("k-NN: the gallery is empty, give it labelled clips")
    votes = test.new_zeros(len(test), classes, dtype=torch.float32)
    for block, similarity in features.cosine_blocks(test, train):
        nearest, index = similarity.topk(min(k, len(train)), dim=1)
        # Relative to the nearest: the same votes after normalisation, and exp() cannot overflow.
        weight = torch.exp((nearest - nearest[:, :1]) / temperature)
        votes[block].scatter_add_(1, train_labels[index], weight)
    return votes / votes.sum(dim=1, keepdim=True)


def _check(k: int, temperature: float) -> None:
    if k < 1:
        raise InputError(f"eval.k: {k}, at least 1 neighbour is needed")
    if not temperature > 0:
        raise InputError(f"eval.temperature: {temperature}, must be above 0")

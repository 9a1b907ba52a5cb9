"""Weighted k-NN on frozen features: no training, so it also is the monitor during pretraining.

Paper: Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", CVPR
2018, section 3.4. AimCLR's code has no k-NN; what its author said stands in sources E6.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..errors import InputError
from ..metrics.classes import topk_accuracy
from ..settings.options import option, options
from . import features, similarity
from .crop import Crop, of_clips
from .outcome import Outcome


@options("eval")
class Votes:
    """How neighbours vote. The published protocols do not centre."""

    k: int = option(20, "neighbours, capped at the gallery's size", ge=1)
    temperature: float = option(
        0.1,
        "the smaller, the more the nearest count (Wu et al. 0.07, SimSiam's monitor 0.1)",
        gt=0,
    )
    centre: bool = option(False, "subtract the gallery's mean from both sides first")


@options("eval")
class KNN(Votes):
    """How neighbours vote, and which part of a clip is judged."""

    crop: Crop = option("whole", "what is read of a clip: whole, or its middle, central-95 (CMD)")


def knn(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: KNN = KNN(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Top-1 accuracy of weighted k-NN, the training split being the gallery.

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: labelled gallery; unlabelled clips are dropped.
        test: queries; unlabelled clips are dropped.
        how: the options.
        seed: without influence, nothing is drawn.
        device: where to compute.
        cache: folder for the features.

    Returns:
        `top1.none`; the scores are the votes, normalised to sum 1.

    Raises:
        InputError: a split without labelled clips, or a single class.

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
    f = features.extract_splits(encoder, train, test, device=device, cache=cache, crop=how.crop)
    gallery, labels, queries = (x.to(device) for x in (f.train, f.train_labels, f.test))
    # Nobody else has these features, and a copy of a large gallery is what takes most memory.
    scores = knn_scores(gallery, labels, queries, f.classes, how, overwrite=True)
    return Outcome(
        {"top1.none": topk_accuracy(scores, f.test_labels)},
        scores.cpu().numpy(),
        f.test_labels.numpy(),
        f"top-1 accuracy of {described(how, len(gallery))}, gallery = training split "
        f"({len(gallery)} clips); {of_clips(how.crop)}, no augmentation",
    )


def described(how: Votes, gallery: int) -> str:
    """What a definition says of the votes among `gallery` features."""
    return (
        f"k-NN on frozen features{' minus the gallery mean' if how.centre else ''}: cosine "
        f"similarity, k={min(how.k, gallery)}, votes weighted exp(similarity/{how.temperature:g})"
    )


def knn_scores(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    classes: int,
    how: Votes = KNN(),
    *,
    overwrite: bool = False,
) -> Tensor:
    """Class votes of the `k` nearest features, each weighted `exp(cosine / temperature)`.

    Works through the queries in blocks, see `similarity.cosine_blocks`.

    Args:
        train: `(N, D)` gallery features, of any length (they are L2-normalised here).
        train_labels: `(N,)` int64 in `0..classes-1`, on the same device.
        test: `(Q, D)` query features on the same device.
        classes: number of classes `K`.
        how: the options.
        overwrite: features are centred and normalised where they are: without a copy of them, and
            of no use afterwards.

    Returns:
        `(Q, K)` float32, rows sum to 1.

    Raises:
        InputError: an empty gallery.

    Source: Wu et al. 2018, section 3.4.

    Examples:
        >>> import torch
        >>> gallery = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
        >>> labels, query = torch.tensor([0, 0, 1]), torch.tensor([[0.0, 2.0]])
        >>> knn_scores(gallery, labels, query, 2, KNN(k=2)).argmax(dim=1)
        tensor([1])
    """
    if len(train) == 0:
        raise InputError("k-NN: the gallery is empty, give it labelled clips")
    if how.centre:
        mean = train.mean(dim=0)
        train, test = (x.sub_(mean) if overwrite else x - mean for x in (train, test))
        overwrite = True  # both are this function's own
    votes = test.new_zeros(len(test), classes, dtype=torch.float32)
    for block, cosines in similarity.cosine_blocks(test, train, overwrite=overwrite):
        nearest, index = cosines.topk(min(how.k, len(train)), dim=1)
        # Relative to the nearest: the same votes after normalisation, and exp() cannot overflow.
        weight = torch.exp((nearest - nearest[:, :1]) / how.temperature)
        votes[block].scatter_add_(1, train_labels[index], weight)
        del cosines  # or it would be there beside the next block
    return votes / votes.sum(dim=1, keepdim=True)

"""Heads of a model: features to logits, one row for each row of features; `over_time` has one that
looks at rows before and after, `voted` the studio's.

Each is a module of plain tensor operations, so that it can be exported, and says in `sizes` what it
has to be built with. Centres and neighbours are compared by the cosine of standardised features:
encoders give all motions a large part in common, beside which cosines of plain features hardly
differ.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .over_time import OverTime
from .voted import Voted


class Linear(nn.Module):
    """Logits by one matrix product: fine-tuning, frame heads.

    Args:
        dim: length of a feature `D`.
        classes: length of the logits `K`.

    Examples:
        >>> import torch
        >>> head = folded(torch.eye(2), torch.zeros(2), torch.tensor([5.0, 0.0]), torch.ones(2))
        >>> head(torch.tensor([[7.0, 1.0]])).tolist()  # the first feature is 2 above its mean
        [[2.0, 1.0]]
    """

    def __init__(self, *, dim: int, classes: int) -> None:
        super().__init__()
        self.sizes = {"dim": dim, "classes": classes}
        self.weight = nn.Parameter(torch.zeros(classes, dim))
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(..., K)` of features `(..., D)`."""
        return F.linear(x, self.weight, self.bias)


def folded(weight: Tensor, bias: Tensor, mean: Tensor, deviation: Tensor) -> Linear:
    """The head that does to features what a linear one does to standardised features.

    Args:
        weight: `(K, D)`.
        bias: `(K,)`.
        mean: `(D,)`, subtracted from features first.
        deviation: `(D,)`, by which they are divided then.
    """
    scaled = weight.double() / deviation.double()
    head = Linear(dim=weight.shape[1], classes=len(weight))
    head.weight = nn.Parameter(scaled.float())
    head.bias = nn.Parameter((bias.double() - scaled @ mean.double()).float())
    return head.requires_grad_(False)


class Cosine(nn.Module):
    """Logits by one matrix product with the direction of standardised features.

    That of logistic regression: no clip is surer than others for the length of its features alone.

    Args:
        dim: length of a feature `D`.
        classes: length of the logits `K`.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, dim: int, classes: int) -> None:
        super().__init__()
        self.sizes = {"dim": dim, "classes": classes}
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        self.weight = nn.Parameter(torch.zeros(classes, dim), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(classes), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(..., K)` of features `(..., D)`."""
        return F.linear(_unit(x, self.mean, self.deviation), self.weight, self.bias)


class Prototype(nn.Module):
    """The cosine to each class's centre.

    Args:
        dim: length of a feature `D`.
        classes: number of classes `K`.
    """

    mean: Tensor
    deviation: Tensor
    centres: Tensor

    def __init__(self, *, dim: int, classes: int) -> None:
        super().__init__()
        self.sizes = {"dim": dim, "classes": classes}
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        self.register_buffer("centres", torch.zeros(classes, dim))  # of length 1

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(..., K)` in [-1, 1] of features `(..., D)`."""
        return F.linear(_unit(x, self.mean, self.deviation), self.centres)


class Neighbours(nn.Module):
    """The logarithm of the share of the nearest clips' votes that each class has.

    A neighbour votes with `exp(cosine / 0.1)`, as in the protocol `knn`. Each class has a vote of
    0.01 to begin with (the nearest neighbour's is 1), so that no logit is infinite.

    Args:
        dim: length of a feature `D`.
        classes: number of classes `K`.
        clips: clips that it learnt from, `G`.
        k: neighbours that vote, at most `clips`.
    """

    mean: Tensor
    deviation: Tensor
    gallery: Tensor
    votes: Tensor

    def __init__(self, *, dim: int, classes: int, clips: int, k: int) -> None:
        super().__init__()
        if not 1 <= k <= clips:
            raise ValueError(f"k={k}: from 1 to the {clips} clips that there are")
        self.sizes = {"dim": dim, "classes": classes, "clips": clips, "k": k}
        self.k = k
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        self.register_buffer("gallery", torch.zeros(clips, dim))  # of length 1
        self.register_buffer("votes", torch.zeros(clips, classes))  # one-hot

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(..., K)`, the logarithms of shares, of features `(..., D)`."""
        cosines = F.linear(_unit(x, self.mean, self.deviation), self.gallery)  # (..., G)
        nearest, index = cosines.topk(self.k, dim=-1)
        weight = torch.exp((nearest - nearest[..., :1]) / 0.1)
        votes = (weight[..., None] * self.votes[index]).sum(dim=-2) + 0.01  # (..., K)
        return torch.log(votes / votes.sum(dim=-1, keepdim=True))


HEADS: dict[str, type[Linear | Cosine | Prototype | Neighbours | OverTime | Voted]] = {
    "dilated": OverTime,
    "linear": Linear,
    "cosine": Cosine,
    "prototype": Prototype,
    "neighbours": Neighbours,
    "voted": Voted,
}


def kind_of(head: nn.Module) -> str:
    """The name in `HEADS` of a head."""
    return next(name for name, cls in HEADS.items() if isinstance(head, cls))


def _unit(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    return F.normalize((x - mean) / deviation, dim=-1)

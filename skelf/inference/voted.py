"""The head of the studio's models: a linear one, and labelled moments that vote, multiplied.

As `studio.model.head` has it, in operations that can be exported.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Voted(nn.Module):
    """The logarithm of a linear head's probabilities times the votes of examples.

    Args:
        dim: length of a feature `F`.
        classes: length of the logits `K`.
        reduced: length of a reduced feature `D`.
        examples: labelled moments `E`.
        sharpness: a vote is `exp(sharpness * (cosine - 1))`.
        least: share of the votes that each class has beside its own.

    Raises:
        ValueError: sizes that none has.
    """

    mean: Tensor
    deviation: Tensor
    axes: Tensor
    weight: Tensor
    bias: Tensor
    examples: Tensor
    share: Tensor

    def __init__(
        self, *, dim: int, classes: int, reduced: int, examples: int,
        sharpness: float, least: float,
    ) -> None:  # fmt: skip
        super().__init__()
        if min(reduced, examples) < 1 or not 0 < sharpness < 40 or not 0 < least < 1:
            raise ValueError(
                f"reduced={reduced}, examples={examples}, sharpness={sharpness}, least={least}: "
                "sizes from 1, a sharpness between 0 and 40, a share between 0 and 1"
            )
        self.sizes = {
            "dim": dim, "classes": classes, "reduced": reduced, "examples": examples,
            "sharpness": sharpness, "least": least,
        }  # fmt: skip
        self.sharpness, self.least = sharpness, least
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        self.register_buffer("axes", torch.zeros(dim, reduced))
        self.register_buffer("weight", torch.zeros(classes, reduced))
        self.register_buffer("bias", torch.zeros(classes))
        self.register_buffer("examples", torch.zeros(examples, reduced))  # of length 1
        self.register_buffer("share", torch.zeros(examples, classes))  # a class's are 1 together

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(..., K)` of features `(..., F)`."""
        x = (x - self.mean) / self.deviation @ self.axes  # (..., D)
        cosine = F.linear(F.normalize(x, dim=-1), self.examples)  # (..., E)
        votes = torch.exp(self.sharpness * (cosine - 1)) @ self.share  # (..., K)
        votes = votes / votes.sum(dim=-1, keepdim=True).clamp_min(1e-30)
        return F.linear(x, self.weight, self.bias) + torch.log(votes + self.least)

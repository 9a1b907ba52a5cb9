"""A head that sees seconds of a recording: dilated convolutions over the features of its frames.

Paper: Abu Farha and Gall, MS-TCN, CVPR 2019: one of its stages. Code: github.com/yabufarha/ms-tcn
(MIT with a Commons Clause), sources E21.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Dilated(nn.Module):
    """Features of every frame of recordings to logits of every frame.

    A convolution of width 1, residual layers each of which sees frames twice as far away as the one
    before, and a convolution of width 1. What lies behind a recording's end never reaches it.

    Args:
        dim: length of a feature `D`.
        classes: length of the logits `K`.
        width: numbers a frame within (released: 64).
        layers: residual layers `L`; a frame sees `2**L - 1` frames on either side (released: 10).
        dropout: in each layer (released: 0.5).

    Source: sources E21. differs: padding is 0 before every convolution, where the released first
    one leaves its bias there, and features are standardised by `mean` and `deviation`.

    Examples:
        >>> head = Dilated(6, 3, layers=2)
        >>> head(torch.randn(2, 9, 6), torch.tensor([9, 5])).shape
        torch.Size([2, 9, 3])
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, dim: int, classes: int, *, width: int = 64, layers: int = 7, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("deviation", torch.ones(dim))
        self.first = nn.Conv1d(dim, width, 1)
        self.layers = nn.ModuleList(Layer(width, 2**depth, dropout) for depth in range(layers))
        self.last = nn.Conv1d(width, classes, 1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Logits `(N, T, K)` of features `(N, T, D)`, the first `lengths` `(N,)` of which are real.

        What is said of the others means nothing.
        """
        x = ((x - self.mean) / self.deviation).transpose(1, 2)  # (N, D, T)
        real = known(lengths, x.shape[2]).to(x.dtype)[:, None]  # (N, 1, T)
        x = self.first(x) * real
        for layer in self.layers:
            x = layer(x) * real
        logits: Tensor = self.last(x)
        return logits.transpose(1, 2)


class Layer(nn.Module):
    """A frame and the two at a distance of `dilation`, `(N, W, T)` to `(N, W, T)`, residual."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.wide = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.narrow = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Zeros stand for what is not there."""
        change: Tensor = self.dropout(self.narrow(F.relu(self.wide(x))))
        return x + change


def known(lengths: Tensor, longest: int) -> Tensor:
    """`(N, longest)` bool, which rows of a padded batch are real.

    >>> known(torch.tensor([1, 2]), 2).tolist()
    [[True, False], [True, True]]
    """
    return torch.arange(longest, device=lengths.device) < lengths[:, None]


def layers_for(frames: float) -> int:
    """The layers with which a frame sees so many frames on either side, or a few more.

    >>> layers_for(30), layers_for(31), layers_for(32)
    (5, 5, 6)
    """
    return max(1, math.ceil(math.log2(frames + 1)))

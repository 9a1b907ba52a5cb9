"""PCM3's neck and decoder: from the encoder's states back to coordinates (sources P3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..encoders._norms import RowNorm
from ..encoders._recurrence import recur


class Decoder(nn.Module):
    """Linear, BatchNorm, ReLU, Linear on every frame; then two layers of GRU and a Linear.

    Args:
        states: numbers a state, 2H.
        width: of neck and GRU (released: 512).
        features: numbers a frame to predict, V*C*M.
    """

    neck: Any  # a Sequential; torch types its parts, which `reduce` takes, as modules alone

    def __init__(self, states: int, width: int, features: int) -> None:
        super().__init__()
        self.neck = nn.Sequential(
            nn.Linear(states, width), RowNorm(width), nn.ReLU(), nn.Linear(width, width)
        )
        self.gru = nn.GRU(width, width, 2)
        self.out = nn.Linear(width, features)

    def reduce(self, states: Tensor, shift: Tensor | None = None) -> Tensor:
        """The neck: states `(T, N, 2H)` to `(T, N, width)`.

        Args:
            states: of the encoder.
            shift: what is added to every state `(2H,)` without the BatchNorm taking it off again.
        """
        first, norm, relu, second = self.neck
        y = first(states)
        with torch.autocast(y.device.type, enabled=False):
            y = y.to(torch.promote_types(y.dtype, torch.float32))
            y = norm(y.flatten(0, 1)).view_as(y)
        if shift is not None:
            y = y + F.linear(shift, first.weight)
        return second(relu(y))

    def forward(self, reduced: Tensor) -> Tensor:
        """Predicted rows `(T, N, V*C*M)` of the neck's `(T, N, width)`."""
        return self.out(recur(reduced, self.gru))

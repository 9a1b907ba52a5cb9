"""The projector of methods that decorrelate: several views of a batch, each by itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..encoders._norms import RowNorm


class Projector(nn.Sequential):
    """Linear, BatchNorm, ReLU twice, then Linear (sources U6), on `(K, B, features)`.

    BatchNorm normalises each view by its own statistics, as separate calls for separate views do,
    in float32.
    """

    def __init__(self, features: int, width: int, out: int) -> None:
        super().__init__(
            nn.Linear(features, width), RowNorm(width), nn.ReLU(),
            nn.Linear(width, width), RowNorm(width), nn.ReLU(),
            nn.Linear(width, out),
        )  # fmt: skip
        for module in self:
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02, a=-2.0, b=2.0)
                nn.init.zeros_(module.bias)

    def forward(self, y: Tensor) -> Tensor:
        """`(K, B, features)` to `(K, B, out)`, float32."""
        for module in self:
            if isinstance(module, nn.BatchNorm1d):
                with torch.autocast(y.device.type, enabled=False):
                    y = torch.stack([module(view) for view in y.float()])
            else:
                y = module(y)
        return y.float()

"""The projector of methods without negatives: several views of a batch, each by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..contracts import Encoder
from ..encoders._norms import RowNorm
from ..machine.distributed import gather


class Projector(nn.Sequential):
    """Linear, BatchNorm, ReLU twice, then Linear (sources U6), on `(K, B, features)`.

    BatchNorm normalises each view by its own statistics, as separate calls for separate views do,
    in float32 at least.

    Args:
        features: length of what comes in.
        width: of the hidden layers.
        out: length of what goes out.
        hidden: layers of BatchNorm and ReLU (BYOL: 1).
    """

    def __init__(self, features: int, width: int, out: int, hidden: int = 2) -> None:
        layers: list[nn.Module] = []
        for depth in range(hidden):
            layers += [nn.Linear(width if depth else features, width), RowNorm(width), nn.ReLU()]
        super().__init__(*layers, nn.Linear(width, out))
        for module in self:
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02, a=-2.0, b=2.0)
                nn.init.zeros_(module.bias)

    def forward(self, y: Tensor) -> Tensor:
        """`(K, B, features)` to `(K, B, out)`, float32 at least."""
        for module in self:
            if isinstance(module, nn.BatchNorm1d):
                with torch.autocast(y.device.type, enabled=False):
                    y = torch.stack([module(view) for view in _precise(y)])
            else:
                y = module(y)
        return _precise(y)


def encoded(encoder: Encoder, views: Sequence[Tensor]) -> Tensor:
    """Clip vectors `(K, B, dim)` of K views, B the batch over all processes.

    Each view passes by itself, so that BatchNorm within the encoder sees one view at a time.
    """
    return gather(torch.stack([encoder(view) for view in views]), dim=1)


def _precise(y: Tensor) -> Tensor:
    return y.to(torch.promote_types(y.dtype, torch.float32))

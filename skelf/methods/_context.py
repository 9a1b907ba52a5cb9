"""What methods share whose encoder learns from the clip itself: their heads and what is predicted.

Clip vectors stand as `(K, B, D)` before a head: K views of the B clips of all processes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..contracts import Encoder
from ..encoders._norms import RowNorm
from ..streams import derive


class Head(nn.Sequential):
    """Linear, BatchNorm, ReLU, Linear on `(K, B, D)`; each view has statistics of its own.

    Args:
        dim: D of a clip vector.
        width: hidden width.
        out: numbers it gives.

    Source: MS2L's heads (sources T1): weights by Glorot's normal draw, biases 0.
    """

    def __init__(self, dim: int, width: int, out: int) -> None:
        super().__init__(nn.Linear(dim, width), RowNorm(width), nn.ReLU(), nn.Linear(width, out))
        for module in self:
            if isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, vectors: Tensor) -> Tensor:
        """`(K, B, D)` to `(K, B, out)`, float32 at least."""
        first, norm, relu, last = self
        y = first(vectors)
        with torch.autocast(y.device.type, enabled=False):
            y = y.to(torch.promote_types(y.dtype, torch.float32))
            y = torch.stack([norm(view) for view in y])
            return last(relu(y))


def numbers(encoder: Encoder) -> int:
    """Numbers a frame that is predicted: the coordinates of all persons' joints."""
    return encoder.coordinates * encoder.skeleton.joints * encoder.persons


def prediction_target(x: Tensor, encoder: Encoder) -> tuple[Tensor, Tensor]:
    """What of clips is to be predicted: the coordinates of the encoder's own stream.

    Args:
        x: joints `(N, C, T, V, M)`.
        encoder: says which stream, and which channels are coordinates.

    Returns:
        Rows `(T, N, C*V*M)`, and bool of the same shape: entries of joints that are there, so that
        nobody has to predict zeros where a joint or a person is absent.
    """
    stream = derive(x, encoder.stream, encoder.skeleton, encoder.coordinates)
    there = (x[:, : encoder.coordinates] != 0).any(dim=1, keepdim=True)
    coordinates = stream[:, : encoder.coordinates]
    return rows(coordinates), rows(there.expand_as(coordinates))


def rows(x: Tensor) -> Tensor:
    """Clips `(N, C, T, V, M)` as one row a frame, frames first: `(T, N, C*V*M)`."""
    return x.permute(2, 0, 1, 3, 4).flatten(2)

"""Encoders: skeleton clips `(N, C, T, V, M)` to one vector a clip, or one a frame.

Contract: `Encoder(skeleton, ..., frames, in_channels, persons, stream, confidence)`;
`forward(x) -> (N, dim)`; `frames(x) -> (N, T, dim)`; attributes `dim`, `num_frames`, `persons`,
`in_channels`, `stream`, `skeleton`, `confidence` (the last input channel is one) and `coordinates`
(input channels without it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..tables import Table

if TYPE_CHECKING:
    from torch import nn

ENCODERS: Table[type[nn.Module]] = Table(
    __name__,
    {"dste": "dste.DSTE", "sttr": "sttr.STTR", "stgcn": "stgcn.STGCN", "gru": "gru.GRU"},
)

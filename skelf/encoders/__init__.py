"""Encoders: skeleton clips `(N, C, T, V, M)` to one vector a clip, or one a frame.

Contract: `Encoder(skeleton, ..., frames, in_channels, persons, stream, confidence)`;
`forward(x) -> (N, dim)`; `frames(x) -> (N, T, dim)`; attributes `dim`, `num_frames`, `persons`,
`in_channels`, `stream`, `skeleton`, `confidence` (the last input channel is one) and `coordinates`
(input channels without it).
"""

from .dste import DSTE
from .gru import GRU
from .stgcn import STGCN
from .sttr import STTR

ENCODERS = {"dste": DSTE, "sttr": STTR, "stgcn": STGCN, "gru": GRU}

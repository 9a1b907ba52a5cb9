"""Encoders: skeleton clips `(N, C, T, V, M)` to one vector a clip, or one a frame.

Contract: `Encoder(skeleton, ..., frames, in_channels, persons, stream)`; `forward(x) -> (N, dim)`;
`frames(x) -> (N, T, dim)`; attributes `dim`, `num_frames`, `persons`, `in_channels`, `stream`,
`skeleton`.
"""

from .dste import DSTE
from .stgcn import STGCN
from .sttr import STTR

ENCODERS = {"dste": DSTE, "sttr": STTR, "stgcn": STGCN}

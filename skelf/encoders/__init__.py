"""Encoders: skeleton clips `(N, C, T, V, M)` to one vector a clip, or one a frame.

`contracts.Encoder` says what they have in common.
"""

from ..contracts import Encoder
from .dste import DSTE
from .gru import GRU
from .stgcn import STGCN
from .sttr import STTR

ENCODERS: dict[str, type[Encoder]] = {"dste": DSTE, "sttr": STTR, "stgcn": STGCN, "gru": GRU}

"""STTR: the plain two-stream transformer that USDRL is compared on.

Paper: Weng et al., USDRL, AAAI 2025, after Plizzari et al., CVIU 2021. Code:
github.com/wengwanjiang/USDRL (no licence file), `model/STTR.py`.

Each stream is a stack of standard post-norm transformer layers (sources U5): residual, then
LayerNorm; ReLU FFN of width `dim`; no dropout, no final norm. Positional encodings are added once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..settings.ranges import Depth, Size
from ..skeleton import Skeleton
from ._products import Linear
from ._tokens import (
    Attention,
    TokenEmbedding,
    check_arguments,
    check_clip,
    dense,
    init_linear,
    pool,
    sinusoids,
    tokenise,
)
from .chunks import in_chunks


class STTR(nn.Module):
    """Two-stream transformer encoder.

    Args:
        skeleton: the joint layout.
        in_channels: numbers a joint, C: its coordinates, and its confidence where there is one.
        persons: persons M.
        stream: what is derived from the joints: joint, motion or bone.
        confidence: the last channel is a confidence, see `streams.derive`.
        dim: hidden width H (paper: 1024); the clip vector has 2H numbers.
        layers: transformer layers a stream (paper: 2).
        frames: frames T of every input (paper: 64).
        heads: attention heads (released: 1).

    Raises:
        ValueError: an unknown stream, or a `dim` that the heads do not divide.

    Source: USDRL, "STTR" rows; released code, sources U5.
    """

    any_length = False
    position_t: Tensor
    chunk: int | None = None  # clips that `forward` takes at a time, see `chunks`

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        persons: int = 2,
        stream: str = "joint",
        confidence: bool = False,
        *,
        dim: Size = 1024,
        layers: Depth = 2,
        frames: Size = 64,
        heads: Size = 1,
    ) -> None:
        super().__init__()
        check_arguments(stream, dim, heads)
        self.skeleton, self.stream, self.persons = skeleton, stream, persons
        self.confidence, self.coordinates = confidence, in_channels - confidence
        self.in_channels, self.num_frames, self.dim = in_channels, frames, 2 * dim
        self.heads = heads
        tokens = persons * skeleton.joints
        self.embed_t = TokenEmbedding(tokens * in_channels, dim)
        self.embed_s = TokenEmbedding(frames * in_channels, dim)
        self.register_buffer("position_t", sinusoids(frames, dim), persistent=False)
        self.position_s = nn.Parameter(torch.empty(1, tokens, dim))
        self.layers_t = nn.ModuleList(STTRLayer(dim, heads) for _ in range(layers))
        self.layers_s = nn.ModuleList(STTRLayer(dim, heads) for _ in range(layers))
        nn.init.trunc_normal_(self.position_s, std=0.02)
        self.apply(init_linear)

    def tokens(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Dense tokens of `(N, C, T, V, M)`: temporal `(N, T, H)` and spatial `(N, M*V, H)`."""
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        temporal, spatial = tokenise(x, self.stream, self.skeleton, self.coordinates)
        temporal = self.embed_t(temporal) + self.position_t
        spatial = self.embed_s(spatial) + self.position_s
        for layer in self.layers_t:
            temporal = layer(temporal)
        for layer in self.layers_s:
            spatial = layer(spatial)
        return temporal, spatial

    def forward(self, x: Tensor) -> Tensor:
        """Clip vector `(N, 2H)` of `(N, C, T, V, M)`."""
        return in_chunks(lambda piece: pool(*self.tokens(piece)), x, self.chunk)

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, 2H)`, one for each input frame."""
        return dense(*self.tokens(x))

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` and `frames` give, in one pass."""
        tokens = self.tokens(x)
        return pool(*tokens), dense(*tokens)


class STTRLayer(nn.Module):
    """One post-norm layer: `torch.nn.TransformerEncoderLayer`'s defaults without dropout."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.attention = Attention(dim, heads)
        self.fc1, self.fc2 = Linear(dim, dim), Linear(dim, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor] | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """`(N, L, dim)` to `(N, L, dim)`; see `Attention` for the rest."""
        x = self.norm1(x + self.attention(x, turn, mask))
        return self.norm2(x + self.fc2(self.fc1(x).relu()))

"""Fused: joint, bone and motion in one transformer, their embeddings averaged; UmURL's encoder.

Paper: Sun et al., Unified Multi-modal Unsupervised Representation Learning for Skeleton-based
Action Understanding (UmURL), ACM MM 2023. Code: github.com/HuiGuanLab/UmURL (Apache-2.0),
`umurl.py`; sources W1, W2.

STTR with an embedding for each stream. The mean of the three embeddings passes a linear layer and
then the layers, which cost what one stream costs; a stream alone passes them as it is embedded.
Temporal tokens have sinusoids for positions, spatial ones have none: what tells joints apart is
what they do.
"""

from __future__ import annotations

from copy import copy
from typing import Self

from torch import Tensor, nn

from ..settings.ranges import Depth, Size
from ..skeleton import Skeleton
from ..streams import STREAMS
from ._products import Linear
from ._tokens import TokenEmbedding, check_arguments, check_clip, dense, pool, sinusoids, tokenise
from .chunks import in_chunks
from .sttr import STTRLayer

Tokens = tuple[Tensor, Tensor]
"""Temporal `(N, T, H)` and spatial `(N, M*V, H)`."""


class Fused(nn.Module):
    """Two-stream transformer encoder of joint, bone and motion at once.

    Args:
        skeleton: the joint layout.
        in_channels: numbers a joint, C: its coordinates, and its confidence where there is one.
        persons: persons M.
        stream: joint, from which all three are derived.
        confidence: the last channel is a confidence, see `streams.derive`.
        dim: hidden width H (released: 1024); the clip vector has 2H numbers.
        layers: transformer layers of each kind of tokens (released: 1).
        frames: frames T of every input (released: 64).
        heads: attention heads (released: 1).

    Raises:
        ValueError: a stream other than joint, or a `dim` that the heads do not divide.

    Source: released code, sources W1.
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
        layers: Depth = 1,
        frames: Size = 64,
        heads: Size = 1,
    ) -> None:
        super().__init__()
        check_arguments(stream, dim, heads)
        if stream != "joint":
            raise ValueError(f"fused derives its streams itself: use stream joint, not {stream!r}")
        self.skeleton, self.stream, self.persons = skeleton, stream, persons
        self.streams: tuple[str, ...] = STREAMS
        self.confidence, self.coordinates = confidence, in_channels - confidence
        self.in_channels, self.num_frames, self.dim = in_channels, frames, 2 * dim
        of_frame, of_joint = persons * skeleton.joints * in_channels, frames * in_channels
        self.embed_t = nn.ModuleDict({name: TokenEmbedding(of_frame, dim) for name in STREAMS})
        self.embed_s = nn.ModuleDict({name: TokenEmbedding(of_joint, dim) for name in STREAMS})
        self.fuse_t, self.fuse_s = Linear(dim, dim, bias=False), Linear(dim, dim, bias=False)
        self.register_buffer("position_t", sinusoids(frames, dim), persistent=False)
        self.layers_t = nn.ModuleList(STTRLayer(dim, heads) for _ in range(layers))
        self.layers_s = nn.ModuleList(STTRLayer(dim, heads) for _ in range(layers))

    def only(self, stream: str) -> Self:
        """An encoder with the same weights that reads one stream alone, without the fusion.

        Raises:
            ValueError: an unknown stream.
        """
        check_arguments(stream, self.dim, heads=1)
        one = copy(self)
        one.streams, one.stream = (stream,), stream
        return one

    def embedded(self, x: Tensor, stream: str) -> Tokens:
        """Embedded tokens of one stream of joints `(N, C, T, V, M)`."""
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        temporal, spatial = tokenise(x, stream, self.skeleton, self.coordinates)
        return self.embed_t[stream](temporal), self.embed_s[stream](spatial)

    def fused(self, x: Tensor) -> Tokens:
        """Embedded tokens of all streams of joints `(N, C, T, V, M)`, as one."""
        streams = [self.embedded(x, stream) for stream in STREAMS]
        temporal, spatial = (sum(kind) / len(STREAMS) for kind in zip(*streams, strict=True))
        return self.fuse_t(temporal), self.fuse_s(spatial)

    def mixed(self, temporal: Tensor, spatial: Tensor) -> Tokens:
        """Embedded tokens through the layers."""
        temporal = temporal + self.position_t
        for layer in self.layers_t:
            temporal = layer(temporal)
        for layer in self.layers_s:
            spatial = layer(spatial)
        return temporal, spatial

    def tokens(self, x: Tensor) -> Tokens:
        """Dense tokens of joints `(N, C, T, V, M)`."""
        alone = len(self.streams) == 1
        return self.mixed(*(self.embedded(x, self.streams[0]) if alone else self.fused(x)))

    def alone(self, x: Tensor, stream: str) -> Tensor:
        """Clip vector `(N, 2H)` of one stream of joints `(N, C, T, V, M)`."""
        return in_chunks(
            lambda piece: pool(*self.mixed(*self.embedded(piece, stream))), x, self.chunk
        )

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

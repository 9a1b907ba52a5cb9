"""DSTE: USDRL's dense spatio-temporal encoder, convolutional beside dense shift attention.

Paper: Weng et al., USDRL, AAAI 2025, equations 1 to 6. Code: github.com/wengwanjiang/USDRL (no
licence file), `model/DSTE.py`. `form="official"` is the released code, which gave the published
numbers and loads the published weights; `form="paper"` is the equations as printed. Where they
differ (sources U4, U17):

| | official | paper |
|---|---|---|
| dense shift (Eq. 2) | mixes all but every gap-th token | mixes every gap-th token |
| DSA (Eq. 3) | mean of the two branches | their sum |
| CA's convolution (Eq. 4) | dense, 1 wide, then ReLU | depth-wise, 3 wide |
| CA's residuals | x around attention, none around the FFN | as in a transformer block |
| positional encodings | before every layer | once |

The paper is silent on normalisation, residuals and DropPath within SA and FFN: its form uses the
official pre-norm ones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..settings.ranges import Depth, Form, Rate, Share, Size, check_form
from ..skeleton import Skeleton
from ._products import Linear, linear
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


class DSTE(nn.Module):
    """Dense spatio-temporal encoder.

    Args:
        skeleton: the joint layout.
        in_channels: numbers a joint, C: its coordinates, and its confidence where there is one.
        persons: persons M.
        stream: what is derived from the joints: joint, motion or bone.
        confidence: the last channel is a confidence, see `streams.derive`.
        dim: hidden width H (paper: 1024); the clip vector has 2H numbers.
        layers: layers a stream (paper: 2).
        frames: frames T of every input (paper: 64).
        heads: attention heads (released: 1).
        alpha: weight of CA; DSA gets `1 - alpha` (Eq. 5; released: 0.5). At 0 or 1 the other branch
            is not built.
        gap: period of the dense shift (released: 4).
        kernel_size: width of CA's convolution along the tokens; odd. None: 1 (official), 3 (paper,
            which names none).
        drop_path: probability of dropping a residual branch for a clip (released: 0.1).
        form: "official" or "paper".

    Raises:
        ValueError: a value outside the range given above, or an unknown form or stream.
    """

    position_t: Tensor
    any_length = False
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
        alpha: Share = 0.5,
        gap: Size = 4,
        kernel_size: Size | None = None,
        drop_path: Rate = 0.1,
        form: Form = "official",
    ) -> None:
        super().__init__()
        check_arguments(stream, dim, heads)
        check_form(form)
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha={alpha}: a weight between 0 and 1")
        if gap < 1 or not 0 <= drop_path < 1:
            raise ValueError(f"gap={gap}, drop_path={drop_path}: from 1 on, and in [0, 1)")
        if kernel_size is None:
            kernel_size = 1 if form == "official" else 3
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size={kernel_size}: must be odd and positive")
        self.skeleton, self.stream, self.persons = skeleton, stream, persons
        self.confidence, self.coordinates = confidence, in_channels - confidence
        self.in_channels, self.num_frames, self.dim = in_channels, frames, 2 * dim
        self.repeat_positions = form == "official"
        tokens = persons * skeleton.joints
        self.embed_t = TokenEmbedding(tokens * in_channels, dim)
        self.embed_s = TokenEmbedding(frames * in_channels, dim)
        self.register_buffer("position_t", sinusoids(frames, dim), persistent=False)
        self.position_s = nn.Parameter(torch.empty(1, tokens, dim))

        def stack(length: int) -> nn.ModuleList:
            return nn.ModuleList(
                DSTELayer(length, dim, heads, alpha, gap, kernel_size, drop_path, form)
                for _ in range(layers)
            )

        self.layers_t, self.layers_s = stack(frames), stack(tokens)
        nn.init.trunc_normal_(self.position_s, std=0.02)
        self.apply(init_linear)

    def tokens(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Dense tokens of `(N, C, T, V, M)`: temporal `(N, T, H)` and spatial `(N, M*V, H)`."""
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        temporal, spatial = tokenise(x, self.stream, self.skeleton, self.coordinates)
        temporal, spatial = self.embed_t(temporal), self.embed_s(spatial)
        for depth, (layer_t, layer_s) in enumerate(zip(self.layers_t, self.layers_s, strict=True)):
            if depth == 0 or self.repeat_positions:
                temporal, spatial = temporal + self.position_t, spatial + self.position_s
            temporal, spatial = layer_t(temporal), layer_s(spatial)
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


class DSTELayer(nn.Module):
    """`alpha * CA(x) + (1 - alpha) * DSA(x)` (Eq. 5), with one shared attention (sources U4)."""

    ca: ConvAttention | None  # None at alpha 0
    dsa: DenseShiftAttention | None  # None at alpha 1

    def __init__(
        self,
        length: int,
        dim: int,
        heads: int,
        alpha: float,
        gap: int,
        kernel_size: int,
        drop_path: float,
        form: str,
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.attention = Attention(dim, heads)
        self.ca = ConvAttention(dim, kernel_size, drop_path, form) if alpha > 0 else None
        self.dsa = DenseShiftAttention(length, dim, gap, drop_path, form) if alpha < 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """`(N, L, dim)` to `(N, L, dim)`."""
        if self.ca is not None and self.dsa is not None:
            ca, dsa = self.ca(x, self.attention), self.dsa(x, self.attention)
            return self.alpha * ca + (1 - self.alpha) * dsa
        branch = self.ca or self.dsa
        assert branch is not None  # alpha is not 0 and 1 at once
        return branch(x, self.attention)


class ConvAttention(nn.Module):
    """CA (Eq. 4): a convolution along the tokens, then attention and FFN."""

    def __init__(self, dim: int, kernel_size: int, drop_path: float, form: str) -> None:
        super().__init__()
        self.form, self.drop = form, DropPath(drop_path)
        groups = 1 if form == "official" else dim
        self.conv = nn.Conv1d(dim, dim, kernel_size, padding=kernel_size // 2, groups=groups)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mlp = FeedForward(dim)

    def forward(self, x: Tensor, attention: Attention) -> Tensor:
        """`(N, L, dim)` to `(N, L, dim)`."""
        if self.form == "paper":
            h = x + self.convolve(x)
            h = h + self.drop(attention(self.norm1(h)))
            return h + self.drop(self.mlp(self.norm2(h)))
        # Released: the attention's residual is x, not the convolved input, and the FFN has none.
        h = x + self.drop(attention(self.norm1(x + self.convolve(x).relu())))
        return self.drop(self.mlp(self.norm2(h)))

    def convolve(self, x: Tensor) -> Tensor:
        """The convolution on `(N, L, dim)`; at width 1 a matrix product: no transposes."""
        if self.conv.kernel_size == (1,) and self.conv.groups == 1:
            return linear(x, self.conv.weight[:, :, 0], self.conv.bias)
        return self.conv(x.transpose(1, 2)).transpose(1, 2)


class DenseShiftAttention(nn.Module):
    """DSA (Eq. 1 to 3): one transformer block on globally mixed and on unmixed tokens."""

    mixed: Tensor

    def __init__(self, length: int, dim: int, gap: int, drop_path: float, form: str) -> None:
        super().__init__()
        self.drop = DropPath(drop_path)
        self.scale = 0.5 if form == "official" else 1.0
        self.mix1, self.mix2 = nn.Linear(length, length), nn.Linear(length, length)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mlp = FeedForward(dim)
        every_gap = torch.arange(length) % gap == 0
        mixed = ~every_gap if form == "official" else every_gap
        self.register_buffer("mixed", mixed[:, None], persistent=False)  # (L, 1)

    def forward(self, x: Tensor, attention: Attention) -> Tensor:
        """`(N, L, dim)` to `(N, L, dim)`."""
        f = x.transpose(1, 2)  # (N, dim, L)
        g = (self.mix2(self.mix1(f).relu()) + f).transpose(1, 2)
        u = torch.cat([torch.where(self.mixed, g, x), x])  # both branches in one pass
        u = u + self.drop(attention(self.norm1(u)))
        u = u + self.drop(self.mlp(self.norm2(u)))
        shifted, plain = u.view(2, *x.shape)  # no chunk: a traced one fixes the batch's size
        return self.scale * (shifted + plain)


class FeedForward(nn.Module):
    """Linear to twice the width, exact GELU, Linear back."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = Linear(dim, 2 * dim), Linear(2 * dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, L, dim)` to `(N, L, dim)`."""
        return self.fc2(F.gelu(self.fc1(x)))


class DropPath(nn.Module):
    """`drop_path` in training, the identity else."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """`(N, ...)` to `(N, ...)`."""
        return drop_path(x, self.probability) if self.training else x


def drop_path(x: Tensor, probability: float) -> Tensor:
    """Zeroes each sample of `(N, ...)` with the probability and scales the others up."""
    if not probability:
        return x
    keep = 1 - probability
    mask = torch.empty(len(x), *[1] * (x.dim() - 1), dtype=x.dtype, device=x.device)
    return x * mask.bernoulli_(keep).div_(keep)

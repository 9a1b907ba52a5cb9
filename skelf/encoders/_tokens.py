"""What DSTE and STTR share: tokens of both domains, embedding, pooling to a clip, dense frames.

Source: USDRL (AAAI 2025) and its released code (sources U1, U3, U6, E7).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import unknown
from ..skeleton import Skeleton
from ..streams import STREAMS, derive
from ._attention import attend, foldable
from ._products import Linear, linear


def check_arguments(stream: str, dim: int, heads: int) -> None:
    """Refuses what would otherwise fail only once a batch arrives.

    Raises:
        ValueError: an unknown stream, or a width that the heads do not divide.
    """
    if stream not in STREAMS:
        raise unknown("stream", stream, STREAMS)
    if heads < 1 or dim % heads:
        raise ValueError(f"heads={heads}: must divide dim={dim}")


def check_clip(x: Tensor, skeleton: Skeleton, channels: int, frames: int, persons: int) -> None:
    """Refuses a batch that is not `(N, C, T, V, M)` of the encoder's sizes.

    Raises:
        ValueError: naming both shapes.
    """
    expected = (channels, frames, skeleton.joints, persons)
    if x.dim() != 5 or tuple(x.shape[1:]) != expected:
        raise ValueError(
            f"encoder takes (N, C, T, V, M) with (C, T, V, M) = {expected}, got {tuple(x.shape)}"
        )


def tokenise(
    x: Tensor, stream: str, skeleton: Skeleton, coordinates: int | None = None
) -> tuple[Tensor, Tensor]:
    """A stream of `(N, C, T, V, M)` as temporal `(N, T, M*V*C)` and spatial `(N, M*V, T*C)`."""
    rows = derive(x, stream, skeleton, coordinates).permute(0, 2, 4, 3, 1)  # (N, T, M, V, C)
    return rows.flatten(2), rows.permute(0, 2, 3, 1, 4).flatten(1, 2).flatten(2)


class TokenEmbedding(nn.Sequential):
    """Linear, LayerNorm, ReLU, Linear: `(N, L, features)` to `(N, L, dim)`."""

    def __init__(self, features: int, dim: int) -> None:
        super().__init__(Linear(features, dim), nn.LayerNorm(dim), nn.ReLU(), Linear(dim, dim))


class Attention(nn.Module):
    """Multi-head self-attention: one fused projection, torch's scaled-dot-product kernel.

    Of one head, on a CPU, see `_attention`.

    Parameters carry the names and shapes of `torch.nn.MultiheadAttention`.
    """

    def __init__(self, dim: int, heads: int = 1) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor] | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """`(N, L, dim)` to `(N, L, dim)`.

        Args:
            x: tokens.
            turn: by `turns`: tokens are told apart by how far they are from each other.
            mask: is added to what each token asks of each, `(N, 1, L, L)`.
        """
        # Turned queries and keys are no longer one matrix of the tokens.
        if turn is None and mask is None and foldable(x, self.heads):
            weights = self.in_proj_weight, self.in_proj_bias
            return attend(x, *weights, self.out_proj.weight, self.out_proj.bias)
        N, L, D = x.shape
        qkv = linear(x, self.in_proj_weight, self.in_proj_bias)
        q, k, v = qkv.view(N, L, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        if turn is not None:
            q, k = turned(q, *turn), turned(k, *turn)
        # (N, heads, L, D / heads)
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out_proj(out.transpose(1, 2).reshape(N, L, D))


def turns(length: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines `(length, width // 2)` by which `turned` turns tokens (sources N1)."""
    rate = 10000.0 ** -(torch.arange(width // 2, device=device) / max(1, width // 2))
    angle = torch.arange(length, device=device)[:, None] * rate
    return angle.cos(), angle.sin()


def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Tokens `(..., L, width)`, their numbers turned in pairs by the token's place.

    What two of them have in common then depends on how far apart they are, wherever they stand. Of
    an odd width the last number stays.
    """
    half = cos.shape[1]
    one, other = x[..., :half], x[..., half : 2 * half]
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([one * cos - other * sin, one * sin + other * cos, x[..., 2 * half :]], dim=-1)


def sinusoids(length: int, dim: int) -> Tensor:
    """Fixed positions `(1, length, dim)`: even columns sine, odd ones cosine (sources U3)."""
    position = torch.arange(length)[:, None]
    rate = torch.exp(torch.arange(0, dim, 2) * (-math.log(10000.0) / dim))
    table = torch.zeros(1, length, dim)
    table[0, :, 0::2] = torch.sin(position * rate)
    table[0, :, 1::2] = torch.cos(position * rate)[:, : dim // 2]
    return table


def init_linear(module: nn.Module) -> None:
    """Draws Linear layers as released (sources U6): weight N(0, 0.02), bias 0; others stay."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02, a=-2.0, b=2.0)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def pool(temporal: Tensor, spatial: Tensor) -> Tensor:
    """The maximum over tokens `(N, T, H)` and over `(N, M*V, H)`, side by side: `(N, 2H)`."""
    return torch.cat([temporal.amax(dim=1), spatial.amax(dim=1)], dim=1)


def dense(temporal: Tensor, spatial: Tensor) -> Tensor:
    """One row a frame, `(N, T, 2H)`: temporal tokens, spatial ones in T bins (sources E7)."""
    binned = F.adaptive_avg_pool1d(spatial.transpose(1, 2), temporal.shape[1]).transpose(1, 2)
    return torch.cat([temporal, binned], dim=2)

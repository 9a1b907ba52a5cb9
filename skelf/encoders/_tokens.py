"""What DSTE and STTR share: tokens of both domains, their embedding, pooling to a clip vector, dense frames.

Source: USDRL (AAAI 2025) and its released code (facts A1, A2, A5, A14a).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..skeleton import Skeleton
from ..streams import derive


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


def tokenise(x: Tensor, stream: str, skeleton: Skeleton) -> tuple[Tensor, Tensor]:
    """Joints `(N, C, T, V, M)` to temporal tokens `(N, T, M*V*C)` and spatial tokens `(N, M*V, T*C)` of a stream."""
    rows = derive(x, stream, skeleton).permute(0, 2, 4, 3, 1)  # (N, T, M, V, C)
    return rows.flatten(2), rows.permute(0, 2, 3, 1, 4).flatten(1, 2).flatten(2)


class TokenEmbedding(nn.Sequential):
    """Linear, LayerNorm, ReLU, Linear: `(N, L, features)` to `(N, L, dim)`."""

    def __init__(self, features: int, dim: int) -> None:
        super().__init__(
            nn.Linear(features, dim), nn.LayerNorm(dim), nn.ReLU(), nn.Linear(dim, dim)
        )


class Attention(nn.Module):
    """Multi-head self-attention with one fused projection and the framework's scaled-dot-product kernel.

    Parameters carry the names and shapes of `torch.nn.MultiheadAttention`.
    """

    def __init__(self, dim: int, heads: int = 1) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * dim, dim))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * dim))
        self.out_proj = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, L, dim)` to `(N, L, dim)`."""
        N, L, D = x.shape
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        q, k, v = qkv.view(N, L, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(q, k, v)  # (N, heads, L, D / heads)
        return self.out_proj(out.transpose(1, 2).reshape(N, L, D))


def sinusoids(length: int, dim: int) -> Tensor:
    """Fixed positional encoding `(1, length, dim)`: even columns sine, odd ones cosine (A2)."""
    position = torch.arange(length)[:, None]
    rate = torch.exp(torch.arange(0, dim, 2) * (-math.log(10000.0) / dim))
    table = torch.zeros(1, length, dim)
    table[0, :, 0::2] = torch.sin(position * rate)
    table[0, :, 1::2] = torch.cos(position * rate)[:, : dim // 2]
    return table


def init_linear(module: nn.Module) -> None:
    """The released initialisation of a Linear layer: weight N(0, 0.02), bias 0; other modules stay (A5)."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02, a=-2.0, b=2.0)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def pool(temporal: Tensor, spatial: Tensor) -> Tensor:
    """Tokens `(N, T, H)` and `(N, M*V, H)` to the clip vector `(N, 2H)`: maximum over tokens, temporal half first."""
    return torch.cat([temporal.amax(dim=1), spatial.amax(dim=1)], dim=1)


def dense(temporal: Tensor, spatial: Tensor) -> Tensor:
    """One row a frame, `(N, T, 2H)`: the spatial tokens averaged into T bins stand beside the temporal ones (A14a)."""
    binned = F.adaptive_avg_pool1d(spatial.transpose(1, 2), temporal.shape[1]).transpose(1, 2)
    return torch.cat([temporal, binned], dim=2)

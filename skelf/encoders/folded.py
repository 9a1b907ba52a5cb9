"""A frozen encoder and a linear head as one function, with fewer products where that is exact.

What stands between two softmaxes of one attention head is linear: `q_i . k_j` is a bilinear form of
the tokens, and values and the output projection are one matrix. So a layer of STTR needs four
products of width by width instead of six, keys and values are the tokens themselves, and biases go
into the norms before them. The answers are the same up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..contracts import Encoder
from . import _products
from ._tokens import TokenEmbedding, check_clip, tokenise
from .sttr import STTR, STTRLayer

Answer = Callable[[Tensor], Tensor]


def frame_logits(encoder: Encoder, weight: Tensor, bias: Tensor) -> Answer:
    """What a linear head says of every frame: `(N, C, T, V, M)` to `(N, T, K)`.

    The weights are taken as they are now: one that trains further needs a new function. It is to
    be called without gradients, of an encoder in evaluation mode.

    Args:
        encoder: any; STTR with one attention head is folded, others are called.
        weight: `(K, dim)` of the head.
        bias: `(K,)`.

    Examples:
        >>> import torch
        >>> from skelf.layouts import KINECT20
        >>> encoder = STTR(KINECT20, persons=1, dim=8, frames=16).eval()
        >>> head = torch.nn.Linear(encoder.dim, 4)
        >>> x = torch.randn(2, 3, 16, 20, 1)
        >>> with torch.no_grad():
        ...     fast = frame_logits(encoder, head.weight, head.bias)(x)
        ...     bool((fast - head(encoder.frames(x))).abs().max() < 1e-5)
        True
    """
    if isinstance(encoder, STTR) and encoder.heads == 1 and weight.dtype is torch.float32:
        return _sttr(encoder, weight.detach(), bias.detach())
    return lambda x: F.linear(encoder.frames(x), weight, bias)


def _sttr(encoder: STTR, weight: Tensor, bias: Tensor) -> Answer:
    temporal = _stream(encoder.embed_t, encoder.position_t, encoder.layers_t)
    spatial = _stream(encoder.embed_s, encoder.position_s, encoder.layers_s)
    of_temporal, of_spatial = weight.chunk(2, dim=1)
    tokens = encoder.persons * encoder.skeleton.joints
    # The mean of the spatial tokens in each frame's bin, as `dense` takes it, as a matrix (T, M*V).
    same = torch.eye(tokens, device=weight.device)
    bins = F.adaptive_avg_pool1d(same[None], encoder.num_frames)[0].T.contiguous()
    sizes = encoder.skeleton, encoder.in_channels, encoder.num_frames, encoder.persons

    def answer(x: Tensor) -> Tensor:
        check_clip(x, *sizes)
        of_frames, of_joints = tokenise(x, encoder.stream, encoder.skeleton, encoder.coordinates)
        logits = F.linear(temporal(of_frames), of_temporal, bias)  # (N, T, K)
        return logits.add_(bins @ F.linear(spatial(of_joints), of_spatial))

    return answer


class _Layer(NamedTuple):
    """One layer; matrices are transposed, so that rows are multiplied from the left.

    Args:
        queries: `(D, D)`, what a token asks of others, scaled.
        asked: `(D,)`, added to it.
        values: `(D, D)`.
        shift: `(D,)`, the bias of the attention.
        norm1: weight and bias; the bias holds that of `fc2` too.
        fc1: `(D, D)`.
        bias1: `(D,)`, made up for that.
        fc2: `(D, D)`.
        norm2: weight and bias.
    """

    queries: Tensor
    asked: Tensor
    values: Tensor
    shift: Tensor
    norm1: tuple[Tensor, Tensor]
    fc1: Tensor
    bias1: Tensor
    fc2: Tensor
    norm2: tuple[Tensor, Tensor]


def _layer(layer: STTRLayer) -> _Layer:
    attention = layer.attention
    ours = (attention.in_proj_weight, attention.in_proj_bias)
    (w_q, w_k, w_v), (b_q, _, b_v) = (_exact(part).chunk(3) for part in ours)
    w_o, b_o = _exact(attention.out_proj.weight), _exact(attention.out_proj.bias)
    w1, b1, w2, b2 = (
        _exact(part)
        for part in (layer.fc1.weight, layer.fc1.bias, layer.fc2.weight, layer.fc2.bias)
    )
    scale = 1 / math.sqrt(len(w_q))
    norm1, norm2 = ((_exact(norm.weight), _exact(norm.bias)) for norm in (layer.norm1, layer.norm2))
    # A key's bias is the same for all that a token looks at, and goes with the softmax.
    return _Layer(
        queries=_single(w_q.T @ w_k * scale),
        asked=_single(b_q @ w_k * scale),
        values=_single((w_o @ w_v).T),
        shift=_single(w_o @ b_v + b_o),
        norm1=(_single(norm1[0]), _single(norm1[1] + b2)),
        fc1=_single(w1.T),
        bias1=_single(b1 - w1 @ b2),
        fc2=_single(w2.T),
        norm2=(_single(norm2[0]), _single(norm2[1])),
    )


def _stream(embed: TokenEmbedding, position: Tensor, layers: Iterable[nn.Module]) -> Answer:
    """Tokens `(N, L, features)` to tokens `(N, L, D)` of one domain."""
    first, norm, second = embed[0], embed[1], embed[3]
    assert isinstance(first, nn.Linear) and isinstance(norm, nn.LayerNorm)
    assert isinstance(second, nn.Linear)
    weight, bias = _single(_exact(first.weight).T), _single(_exact(first.bias))
    onwards = _single(_exact(second.weight).T)
    place = _single(_exact(position)[0] + _exact(second.bias))  # (L, D)
    folded = [_layer(layer) for layer in layers if isinstance(layer, STTRLayer)]
    D = len(onwards)

    def run(tokens: Tensor) -> Tensor:
        N, L, features = tokens.shape
        h = _affine(tokens.reshape(N * L, features), weight, bias)
        h = F.layer_norm(h, (D,), norm.weight, norm.bias, norm.eps).relu_()
        x = _affine(h, onwards, None)
        x.view(N, L, D).add_(place)
        for layer in folded:
            asked = _affine(x, layer.queries, layer.asked).view(N, 1, L, D)
            seen = x.view(N, 1, L, D)
            mixed = F.scaled_dot_product_attention(asked, seen, seen, scale=1.0)
            x = _added(x.add_(layer.shift), mixed.reshape(N * L, D), layer.values)
            x = F.layer_norm(x, (D,), *layer.norm1)
            h = _affine(x, layer.fc1, layer.bias1).relu_()
            x = F.layer_norm(_added(x, h, layer.fc2), (D,), *layer.norm2)
        return x.view(N, L, D)

    return run


def _affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`x @ weight + bias`."""
    if _products.prefers_onednn(x):
        return _products.product(x, weight.T, bias)
    return x @ weight if bias is None else torch.addmm(bias, x, weight)


def _added(into: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """`into + x @ weight`, in its place."""
    if _products.prefers_onednn(x):
        return into.add_(_products.product(x, weight.T))
    return into.addmm_(x, weight)


def _exact(weight: Tensor) -> Tensor:
    return weight.detach().double()


def _single(weight: Tensor) -> Tensor:
    return weight.float().contiguous()

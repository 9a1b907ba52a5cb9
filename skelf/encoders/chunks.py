"""A batch that passes an encoder in pieces: memory of one piece, the gradients of all.

Activations of a piece are thrown away after it and computed again, from the same random state, when
its gradients are due (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016). What
follows the encoder sees the whole batch, so that a loss over a batch's statistics stays what it is;
gradients accumulated over smaller batches would be those of another loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..contracts import Method
from ..errors import InputError


def in_chunks(encode: Callable[[Tensor], Tensor], x: Tensor, size: int | None) -> Tensor:
    """`encode(x)`, at most `size` clips at a time; None: all at once.

    Args:
        encode: treats each clip by itself, but for random draws.
        x: clips `(N, ...)`.
        size: clips of a piece.

    Returns:
        `(N, ...)`; equal to `encode(x)` up to rounding, but that random draws come piece by piece.
    """
    if size is None or torch.compiler.is_compiling() or len(x) <= size:
        return encode(x)
    pieces = torch.split(x, size)
    if not torch.is_grad_enabled():
        return torch.cat([encode(piece) for piece in pieces])
    return torch.cat([checkpoint(encode, piece, use_reentrant=False) for piece in pieces])


@runtime_checkable
class Chunked(Protocol):
    """An encoder that takes each clip by itself, and so may take a batch in pieces."""

    chunk: int | None


def set_chunk(method: Method, size: int | None) -> None:
    """Has the encoders of a method take at most `size` views at a time (`train.chunk`).

    Raises:
        InputError: an encoder whose clips are not independent: BatchNorm's statistics are those of
            the whole batch.
    """
    encoder = method.encoder
    if size is None:
        return
    if not isinstance(encoder, Chunked):
        raise InputError(
            f"train.chunk: {type(encoder).__name__} normalises over its whole batch and cannot "
            "take it in pieces; use train.chunk=none, or encoder.name=dste or sttr"
        )
    for module in method.modules():
        if isinstance(module, type(encoder)):
            module.chunk = size

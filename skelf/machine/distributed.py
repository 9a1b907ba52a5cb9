"""Gathering over all processes with gradients, for losses that look at the whole batch."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from ..contracts import Context


def gather(x: Tensor, dim: int = 0) -> Tensor:
    """Concatenates `x` of all processes along `dim`, in rank order; `x` itself in a single process.

    Every process must hold the same shape and go on to compute the same loss. Its gradient is this
    process's slice times the number of processes, so that the mean of gradients that
    DistributedDataParallel takes equals the gradient of one process with the whole batch: exactly
    for what lies before the gather, trivially for what lies behind it.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return x
    gathered: Tensor = _Gather.apply(x, dim)  # type: ignore[no-untyped-call]  # untyped in torch
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, x: Tensor, dim: int) -> Tensor:
        ctx.dim, ctx.size = dim, x.shape[dim]
        parts = [torch.empty_like(x) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts, dim)

    @staticmethod
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor, None]:
        mine = gradient.narrow(ctx.dim, dist.get_rank() * ctx.size, ctx.size)
        return mine * dist.get_world_size(), None

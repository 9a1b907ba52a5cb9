"""BatchNorm over the batch of all processes, on any device, so that several train as one does.

torch's SyncBatchNorm needs CUDA; this one is a few all-reduces.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from ..contracts import Context
from ..encoders._norms import InputNorm, RowNorm, in_blocks, momentum, normalise, remember


def synchronize(module: nn.Module) -> None:
    """Gives every BatchNorm within `module` the statistics of all processes' batches.

    Parameters, buffers and their names stay. Every process must hold as many clips as the others.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            kind = SyncInputNorm if isinstance(child, InputNorm) else SyncNorm
            synced = kind(child.num_features, child.eps, child.momentum)
            synced.weight, synced.bias = child.weight, child.bias
            for key, value in child.named_buffers():
                setattr(synced, key, value)
            setattr(module, name, synced.train(child.training))
        else:
            synchronize(child)


class SyncNorm(RowNorm):
    """BatchNorm of `(N, C, ...)` of any number of dimensions, with all processes' statistics.

    While it is `apart`, the batch of its own process counts alone: one may look while others wait.
    """

    apart = False

    def forward(self, x: Tensor) -> Tensor:
        """Normalises `x`; statistics in float32 at least."""
        alone = not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1
        if alone or self.apart or not self.training:
            return self._by_itself(x)
        with torch.autocast(x.device.type, enabled=False):
            y = x.to(torch.promote_types(x.dtype, torch.float32))
            others = [0, *range(2, x.dim())]
            shape = [1, -1, *[1] * (x.dim() - 2)]
            mean = _average(y.mean(dim=others))
            y = y - mean.view(shape)
            variance = _average(y.square().mean(dim=others))
            count = dist.get_world_size() * x.numel() // x.shape[1]
            remember(self, mean, variance, count)
            scale = self.weight * (variance + self.eps).rsqrt()
            return (y * scale.view(shape) + self.bias.view(shape)).to(x.dtype)

    def _by_itself(self, x: Tensor) -> Tensor:
        # Maps of an encoder lie in memory with the batch and the channels innermost.
        last = x.permute(*range(2, x.dim()), 0, 1)
        rows = last.reshape(-1, x.shape[1])
        if in_blocks(rows):
            return normalise(self, rows).view(last.shape).permute(-2, -1, *range(x.dim() - 2))
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training,
            momentum(self), self.eps,
        )  # fmt: skip


@contextmanager
def each_alone(module: nn.Module) -> Iterator[None]:
    """Norms of several processes count their own batch alone, for a batch that all have alike."""
    norms = [part for part in module.modules() if isinstance(part, SyncNorm)]
    for norm in norms:
        norm.apart = True
    try:
        yield
    finally:
        for norm in norms:
            norm.apart = False


class SyncInputNorm(InputNorm, SyncNorm):
    """An `InputNorm` of all processes' statistics, as long as it has not taken any."""


def _average(x: Tensor) -> Tensor:
    """The mean of `x` over all processes, as one process with the whole batch would have it."""
    averaged: Tensor = _Average.apply(x)  # type: ignore[no-untyped-call]  # untyped in torch
    return averaged


class _Average(torch.autograd.Function):
    # The mean is its own adjoint: each process's loss depends on the x of every process.

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total / dist.get_world_size()

    @staticmethod
    def backward(ctx: Context, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total / dist.get_world_size()

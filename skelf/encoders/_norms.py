"""BatchNorm whose sums over many rows are exact in float32 on a CPU.

torch 2.13 adds the rows of a matrix `(rows, channels)` one after another in float32 there, so that
the error of mean, variance and gradients grows with their number. The same memory, seen as fewer
rows of several blocks of channels, gives each block's sums at the same speed; those of the blocks
are added in float64.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Self

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..contracts import Context
from ..machine import private
from ._images import plain, turn

FEW = 256  # rows; the sum of fewer is nearly as exact without blocks
SUMMED = 64  # rows of a block, or more where they do not divide
WIDEST = 2048  # channels of all blocks: their sums and two rows share the nearest cache


class RowNorm(nn.BatchNorm1d):
    """`nn.BatchNorm1d` of rows `(rows, channels)`."""

    def forward(self, x: Tensor) -> Tensor:
        """The shape of `x`."""
        return normalise(self, x) if in_blocks(x) else super().forward(x)


class InputNorm(RowNorm):
    """A `RowNorm` whose statistics are taken once, and stay: what comes in is put on one scale.

    Distorted views would move them away from those of the clips that an encoder is used on. A run
    takes them of its clips before the first step, see `protocols.settling.settle_inputs`; until
    then it is a BatchNorm like any other.
    """

    def train(self, mode: bool = True) -> Self:
        """Training mode leaves statistics alone that were taken already."""
        count = self.num_batches_tracked
        taken = count is not None and not count.is_meta and bool(count)
        return super().train(mode and not taken)


class MapNorm(nn.BatchNorm2d):
    """`nn.BatchNorm2d` of `(B, C, T, V)` that lies in memory as `(T, V, B, C)`."""

    def forward(self, x: Tensor) -> Tensor:
        """The shape of `x`."""
        if torch.compiler.is_exporting():
            return super().forward(x)
        B, C, T, V = x.shape
        y = self.rows(x)
        if y is None:  # as one image
            image = turn(x).reshape(1, T, V * B, C).permute(0, 3, 1, 2)
            y = super().forward(image).permute(0, 2, 3, 1)
        return turn(y.reshape(T, V, B, C))

    def rows(self, x: Tensor) -> Tensor | None:
        """What `forward` gives, as rows `(T * V * B, C)`, where it is computed in blocks.

        Nothing needs them afterwards, and in training they are no view, so they may be changed in
        place at no cost.
        """
        rows = turn(x).reshape(-1, x.shape[1])
        return normalise(self, rows) if in_blocks(rows) else None


def in_blocks(rows: Tensor) -> bool:
    """Whether `normalise` is the more exact way: in float32 on a CPU, of many rows."""
    if not plain(rows) or len(rows) < FEW or rows.dtype is not torch.float32:
        return False
    return private.batch_sums() is not None


def normalise(norm: nn.BatchNorm1d | nn.BatchNorm2d, rows: Tensor) -> Tensor:
    """What BatchNorm gives for `rows` `(rows, channels)`; its running statistics move as usual."""
    if norm.training or norm.running_mean is None or norm.running_var is None:
        mean, variance = _moments(rows)
        if norm.training:
            remember(norm, mean, variance, len(rows))
        y: Tensor = _Normalise.apply(rows, norm.weight, norm.bias, mean, variance, norm.eps)  # type: ignore[no-untyped-call]  # untyped in torch
        return y
    # Repeated, so that the gradients of the scale and the bias are sums of blocks as well.
    count = blocks(*rows.shape)
    mean, variance = norm.running_mean.repeat(count), norm.running_var.repeat(count)
    weight, bias = norm.weight.repeat(count), norm.bias.repeat(count)
    y = F.batch_norm(_wide(rows, count), mean, variance, weight, bias, eps=norm.eps)
    return _narrow(y, rows)


@torch.no_grad()
def remember(
    norm: nn.BatchNorm1d | nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int
) -> None:
    """Moves the running statistics, as torch's BatchNorm does after a batch.

    Args:
        norm: whose `running_mean`, `running_var` and `num_batches_tracked` change.
        mean: of the batch, `(channels,)`.
        variance: of the batch, divided by `count`.
        count: numbers a channel.
    """
    if norm.running_mean is None or norm.running_var is None or norm.num_batches_tracked is None:
        return
    norm.num_batches_tracked.add_(1)
    rate = momentum(norm)
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), rate)
    norm.running_var.lerp_((variance * (count / (count - 1))).to(norm.running_var.dtype), rate)


def momentum(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> float:
    """How much a batch moves the running statistics; without a momentum they are its mean."""
    if norm.momentum is not None:
        return norm.momentum
    return 1 / max(int(norm.num_batches_tracked or 0), 1)


@lru_cache(maxsize=256)
def blocks(rows: int, channels: int) -> int:
    """How many blocks sum so many rows: the most that divide them, within the two sizes above."""
    most = max(min(rows // SUMMED, WIDEST // channels), 1)
    return next(count for count in range(most, 0, -1) if rows % count == 0)


def _wide(rows: Tensor, count: int) -> Tensor:
    """`(rows, channels)` as an image `(1, count * channels, rows / count, 1)`, channels innermost.

    Channel `b * channels + c` holds `c` of every `count`-th row from `b` on. torch's operators for
    images are the fast ones.
    """
    return rows.reshape(1, len(rows) // count, 1, -1).permute(0, 3, 1, 2)


def _repeated(count: int, *values: Tensor) -> tuple[Tensor, ...]:
    """Each of some values `(channels,)` for all blocks, `(count * channels,)`, in float32."""
    return torch.stack(values).float().repeat(1, count).unbind()


def _narrow(wide: Tensor, rows: Tensor) -> Tensor:
    return wide.permute(0, 2, 3, 1).reshape(rows.shape)


@torch.no_grad()
def _moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance `(channels,)` of the rows, in float64."""
    sums, count = private.batch_sums(), blocks(*rows.shape)
    assert sums is not None  # see `in_blocks`
    means, variances = (each.view(count, -1) for each in sums.moments(_wide(rows, count)))
    between, mean = torch.var_mean(means.double(), dim=0, correction=0)
    return mean, between + variances.mean(dim=0, dtype=torch.float64)


class _Normalise(torch.autograd.Function):
    """`(rows - mean) / sqrt(variance + eps) * weight + bias`, the two being the rows' moments."""

    @staticmethod
    def forward(
        ctx: Context, rows: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor,
        eps: float,
    ) -> Tensor:  # fmt: skip
        scale = (variance + eps).rsqrt()
        ctx.save_for_backward(rows, weight, mean, scale)
        factor = scale * weight
        shift, factor = _repeated(blocks(*rows.shape), bias - mean * factor, factor)
        y = rows.new_empty(rows.shape)  # no view, see `MapNorm.rows`
        # Twice as fast as torch's operator for given statistics.
        torch.addcmul(shift, rows.reshape(-1, len(shift)), factor, out=y.view(-1, len(shift)))
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight, mean, scale = ctx.saved_tensors
        sums, count = private.batch_sums(), blocks(*rows.shape)
        assert sums is not None  # see `in_blocks`
        x, of_y = _wide(rows, count), _wide(gradient, count)
        of_weight, of_bias = (
            each.view(count, -1).sum(dim=0, dtype=torch.float64)
            for each in sums.gradients(of_y, x, *_repeated(count, mean, scale))
        )
        of_rows = None
        if ctx.needs_input_grad[0]:
            # scale * weight * (gradient - its mean - normalised rows * mean of the product of both)
            by_gradient = scale * weight
            by_rows = by_gradient * scale * of_weight / -len(rows)
            constant = by_gradient * of_bias / -len(rows) - by_rows * mean
            constant, by_rows, by_gradient = _repeated(count, constant, by_rows, by_gradient)
            flat = (len(rows) // count, -1)
            of_rows = torch.addcmul(constant, rows.reshape(flat), by_rows)
            of_rows.addcmul_(gradient.reshape(flat), by_gradient)
            of_rows = of_rows.view(rows.shape)
        return of_rows, of_weight.float(), of_bias.float(), None, None, None

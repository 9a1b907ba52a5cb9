"""Masked motion modelling: how far a prediction is from what was masked, a pure function."""

from __future__ import annotations

import torch
from torch import Tensor

from ..machine.distributed import gather


def masked_error(predicted: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Squared error of the masked entries, their mean over the batch of all processes.

    Args:
        predicted: any shape.
        target: the same shape.
        mask: bool, broadcasts to it; True where an entry was masked and has to be predicted.

    Returns:
        A scalar; 0 where nothing is masked.

    Source: the survey's Eq. 6; sources P10.

    Examples:
        >>> import torch
        >>> mask = torch.tensor([True, False])
        >>> float(masked_error(torch.tensor([3.0, 9.0]), torch.tensor([1.0, 0.0]), mask))
        4.0
    """
    mask = mask.expand_as(target)
    dtype = torch.promote_types(predicted.dtype, torch.float32)
    error = (predicted.to(dtype) - target.to(dtype)).square()
    total, count = (error * mask).sum(), mask.sum()
    return gather(total.reshape(1)).sum() / gather(count.reshape(1)).sum().clamp_min(1)


def sequence_error(predicted: Tensor, target: Tensor, there: Tensor, power: int = 1) -> Tensor:
    """Error of each clip: a frame's entries are summed, then the mean over its frames is taken.

    Args:
        predicted: `(T, N, F)`.
        target: the same shape.
        there: bool, the same shape; what is not there counts neither as an entry nor, where nothing
            of it is there, as a frame.

        power: 1: absolute errors. 2: squared ones.

    Returns:
        `(N,)`, float32 at least; 0 for a clip of which nothing is there.

    Source: sources Q3, Q7. differs: there whole frames count or do not, here single entries, too.

    Examples:
        >>> import torch
        >>> target = torch.tensor([[[1.0, 1.0]], [[1.0, 1.0]], [[0.0, 0.0]]])  # then it is over
        >>> sequence_error(torch.zeros(3, 1, 2), target, target > 0)
        tensor([2.])
    """
    dtype = torch.promote_types(predicted.dtype, torch.float32)
    error = (predicted.to(dtype) - target.to(dtype)).abs().pow(power) * there
    frames = there.any(dim=2).sum(dim=0)
    return error.sum(dim=(0, 2)) / frames.clamp_min(1)

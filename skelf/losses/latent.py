"""Prediction of features as distributions over their channels, a pure function.

Paper: Abdelfattah and Alahi, S-JEPA, ECCV 2024; after Caron et al., DINO, ICCV 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..machine.distributed import gather


def latent_cross_entropy(
    predicted: Tensor,
    target: Tensor,
    centre: Tensor,
    mask: Tensor,
    temperature: float = 0.1,
    target_temperature: float = 0.06,
) -> Tensor:
    """Cross-entropy from the softmax of a target's channels to that of what was predicted of it.

    Args:
        predicted: `(..., D)`.
        target: the same shape; gets no gradient.
        centre: what is taken off the target first, `(D,)`: a running mean, so that no channel wins
            for all.
        mask: which vectors count, bool `(...)`.
        temperature: of what is predicted (paper: 0.1).
        target_temperature: of the target, the sharper one (paper: 0.06).

    Returns:
        A scalar, the mean over vectors of all processes; 0 where none counts.

    Source: sources G9.

    Examples:
        >>> import torch
        >>> target, centre, one = torch.tensor([[1.0, 0.0]]), torch.zeros(2), torch.tensor([True])
        >>> right = latent_cross_entropy(target, target, centre, one)
        >>> bool(right < latent_cross_entropy(-target, target, centre, one))
        True
    """
    dtype = torch.promote_types(predicted.dtype, torch.float32)
    wanted = ((target.detach().to(dtype) - centre) / target_temperature).softmax(dim=-1)
    said = (predicted.to(dtype) / temperature).log_softmax(dim=-1)
    total, count = -((wanted * said).sum(dim=-1) * mask).sum(), mask.sum()
    return gather(total.reshape(1)).sum() / gather(count.reshape(1)).sum().clamp_min(1)

"""BYOL's loss: what one view predicts of another, without negatives.

Paper: Grill et al., Bootstrap Your Own Latent, NeurIPS 2020, equation 2; sources V5.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def prediction_error(prediction: Tensor, target: Tensor) -> Tensor:
    """Squared distance of unit vectors, `2 - 2 cos`, the mean over clips.

    Args:
        prediction: `(..., D)`; computed in float32 at least.
        target: `(..., D)`; gets no gradient.

    Returns:
        A scalar from 0 to 4.

    Examples:
        >>> import torch
        >>> one, other = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 3.0]])
        >>> float(prediction_error(one, one)), float(prediction_error(one, other))
        (0.0, 2.0)
    """
    precise = torch.promote_types(prediction.dtype, torch.float32)
    with torch.autocast(prediction.device.type, enabled=False):
        one = F.normalize(prediction.to(precise), dim=-1)
        other = F.normalize(target.detach().to(precise), dim=-1)
        return (one - other).square().sum(dim=-1).mean()

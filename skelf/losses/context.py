"""What a clip says of itself: the class that it was made into, and that its views belong together.

Paper: Lin et al., MS2L, ACM MM 2020. Everything here is a pure function.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def recognition(logits: Tensor, label: Tensor, counts: Tensor | None = None) -> Tensor:
    """Cross-entropy of what was done to each clip, the mean over the clips that count.

    Args:
        logits: `(N, K)`.
        label: `(N,)` in [0, K).
        counts: bool `(N,)`; None: all do.

    Returns:
        A scalar, float32 at least; 0 where none counts.

    Source: sources T1, T5.

    Examples:
        >>> import torch
        >>> logits = torch.tensor([[0.0, 0.0], [9.0, -9.0]])
        >>> round(float(recognition(logits, torch.tensor([0, 1]), torch.tensor([True, False]))), 4)
        0.6931
    """
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    error = F.cross_entropy(wide, label, reduction="none")
    if counts is None:
        return error.mean()
    return torch.where(counts, error, 0.0).sum() / counts.sum().clamp_min(1)


def contrast_with_mean(views: Tensor, temperature: float = 0.9) -> Tensor:
    """Each view of a clip has to find the mean of all its views, and the other way round.

    Of a view and the mean there are 2B vectors; each one's positive is its partner, and the 2B - 2
    vectors of other clips are its negatives. So is, as released, its own cosine with itself, which
    is set to -1 and not left out.

    Args:
        views: `(K, B, D)`, K views of B clips; unit length is given to them here, the mean being
            taken before. Gradients reach the mean as well.
        temperature: of the softmax over the cosines (released: 0.9).

    Returns:
        A scalar, the mean over views and vectors, float32 at least.

    Source: sources T3.

    Examples:
        >>> import torch
        >>> apart = torch.eye(4).expand(3, 4, 4)  # views agree, clips are orthogonal
        >>> bool(contrast_with_mean(apart, 0.1) < contrast_with_mean(torch.ones(3, 4, 4), 0.1))
        True
    """
    with torch.autocast(views.device.type, enabled=False):
        views = views.to(torch.promote_types(views.dtype, torch.float32))
        both = torch.stack([views, views.mean(dim=0).expand_as(views)], dim=1)  # (K, 2, B, D)
        z = F.normalize(both.flatten(1, 2), dim=2)  # (K, 2B, D)
        itself = torch.eye(z.shape[1], dtype=torch.bool, device=z.device)
        cosines = (z @ z.mT).masked_fill(itself, -1.0)
        partner = torch.arange(z.shape[1], device=z.device).roll(views.shape[1])
        logits = (cosines / temperature).flatten(0, 1)
        return F.cross_entropy(logits, partner.repeat(len(views)))

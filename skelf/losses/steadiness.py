"""What keeps the answer of a frame from changing for nothing: a loss on neighbouring frames.

Paper: Abu Farha and Gall, MS-TCN, CVPR 2019.
"""

from __future__ import annotations

from torch import Tensor


def unsteadiness(logits: Tensor, known: Tensor, cap: float = 4.0) -> Tensor:
    """Mean squared change of log-probabilities from a frame to the next, large ones capped.

    A change of class has to be sudden, so that a change counts `cap` at most. The earlier frame of
    the two gets no gradient.

    Args:
        logits: `(N, T, K)`.
        known: `(N, T)` bool, frames that are there; the others lie behind them.
        cap: the largest change that counts (paper: 4).

    Returns:
        A scalar, the mean over pairs of frames and classes; 0 where nobody has two frames.

    Source: sources E21. differs: the mean is over real frames, there over padded ones as well.

    Examples:
        >>> import torch
        >>> still = torch.zeros(1, 3, 2)
        >>> float(unsteadiness(still, torch.ones(1, 3, dtype=torch.bool)))
        0.0
    """
    log_p = logits.log_softmax(dim=2)
    change = (log_p[:, 1:] - log_p[:, :-1].detach()).square().clamp(max=cap**2)
    pairs = known[:, 1:, None]
    return (change * pairs).sum() / (pairs.sum() * logits.shape[2]).clamp_min(1)

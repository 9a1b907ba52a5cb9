"""Contrastive learning against a queue: each equation of SkeletonCLR, AimCLR and CrosSCLR.

Papers: Guo et al., AimCLR, AAAI 2022; Li et al., CrosSCLR, CVPR 2021; Yang et al., SimAM, ICML
2021. Everything here is a pure function. Logits are `(N, 1 + K)`: a clip's similarity to its own
key in column 0, then to the K keys of the queue. Where the paper and the released code differ,
`form="official"` is the code and `form="paper"` the equation as printed. Logits of cosines over a
temperature of 0.07 need float32: `cosines` computes them outside of autocast.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..machine.distributed import gather
from ..settings.ranges import check_form


def cosines(q: Tensor, k: Tensor, queue: Tensor) -> Tensor:
    """Similarity of each query to its own key and to the queue; no gradient reaches the keys.

    Args:
        q: unit queries `(N, D)`.
        k: unit keys `(N, D)`, row by row those of the queries.
        queue: unit keys `(K, D)` of earlier clips.

    Returns:
        `(N, 1 + K)` in [-1, 1], not yet divided by the temperature.

    Source: AimCLR, Eq. 1.
    """
    with torch.autocast(q.device.type, enabled=False):
        to_key = (q * k.detach()).sum(dim=1, keepdim=True)
        return torch.cat([to_key, q @ queue.detach().T], dim=1)


def info_nce(logits: Tensor) -> Tensor:
    """Cross-entropy of `(N, 1 + K)` logits with the own key as the target, the mean over clips.

    Source: AimCLR, Eq. 1 and 6.

    Examples:
        >>> import torch
        >>> logits = torch.tensor([[5.0, 0.0, 0.0], [0.0, 0.0, 0.0]])  # sure of its key; at a loss
        >>> round(float(info_nce(logits[:1])), 4), round(float(info_nce(logits[1:])), 4)
        (0.0134, 1.0986)
    """
    return (logits.logsumexp(dim=1) - logits[:, 0]).mean()


def distribution_matching(logits: Tensor, teacher: Tensor) -> Tensor:
    """Cross-entropy of a view's distribution over the keys with the normal view's (half of D3M).

    Args:
        logits: `(N, 1 + K)` of the extreme (Eq. 7) or the dropped extreme view (Eq. 8).
        teacher: `(N, 1 + K)` of the normally augmented query; gets no gradient (released; the paper
            does not say).

    Returns:
        A scalar, the mean over clips.

    Source: AimCLR, Eq. 7 and 8 (sources C17). differs: log-softmax, which cannot underflow;
    released: the log of a softmax.
    """
    return -(teacher.detach().softmax(dim=1) * logits.log_softmax(dim=1)).sum(dim=1).mean()


def nearest_positives(views: list[Tensor], topk: int = 1) -> Tensor:
    """The positives of each clip: its own key, and the nearest neighbours of any view of it.

    Args:
        views: `(N, 1 + K)` logits, or cosines, of the views of the same clips.
        topk: neighbours of each view among the K keys of the queue (paper: 1).

    Returns:
        Bool `(N, 1 + K)`: column 0 always, and the union of the views' neighbours.

    Source: AimCLR, section 3.5.
    """
    positives = torch.zeros_like(views[0], dtype=torch.bool)
    positives[:, 0] = True
    for view in views:
        positives.scatter_(1, view[:, 1:].topk(topk, dim=1).indices + 1, True)
    return positives


def nnm(logits: Tensor, positives: Tensor, form: str = "official") -> Tensor:
    """NNM: contrastive loss with mined neighbours as positives; column 0 alone gives `info_nce`.

    Args:
        logits: `(N, L)`.
        positives: bool `(N, L)`, at least one in each row.
        form: "official": the mean over a clip's positives of `-log p`. "paper": `-log` of the sum
            of their p, which one good positive satisfies alone.

    Returns:
        A scalar, the mean over clips.

    Raises:
        ValueError: an unknown form.

    Source: AimCLR, Eq. 9; the released code of AimCLR and CrosSCLR (sources C17, C20).
    """
    check_form(form)
    if form == "paper":
        chosen = logits.masked_fill(~positives, -torch.inf)
        return (logits.logsumexp(dim=1) - chosen.logsumexp(dim=1)).mean()
    log_p = logits.log_softmax(dim=1)
    total = torch.where(positives, log_p, 0.0).sum(dim=1)
    return -(total / positives.sum(dim=1)).mean()


def cross_stream(
    own: Tensor, other: Tensor, topk: int = 1, context: bool = True
) -> tuple[Tensor, Tensor]:
    """What one stream compares, and the positives that another stream mines for it.

    Args:
        own: cosines `(N, 1 + K)` of the stream that learns.
        other: cosines `(N, 1 + K)` of the stream that names the neighbours; key for key the same
            clips.
        topk: neighbours that the other stream names (released: 1).
        context: see `with_context`.

    Returns:
        Cosines `(N, 1 + K)`, with context `(N, 1 + 2K)`, to divide by the temperature, and their
        positives, for `nnm`.

    Source: CrosSCLR, section 3.3, as released (sources C20).
    """
    positives = nearest_positives([other], topk)
    return with_context(own, other, positives) if context else (own, positives)


def with_context(own: Tensor, other: Tensor, positives: Tensor) -> tuple[Tensor, Tensor]:
    """Adds the products of two streams' cosines with the queue; gradients of these reach both.

    Args:
        own: cosines `(N, 1 + K)` of the stream that learns.
        other: cosines `(N, 1 + K)` of its partner.
        positives: bool `(N, 1 + K)`; those of the queue hold for the products too.

    Returns:
        Cosines and positives `(N, 1 + 2K)`.

    Source: CrosSCLR, section 3.3, as released (sources C20).
    """
    products = own[:, 1:] * other[:, 1:]
    return torch.cat([own, products], dim=1), torch.cat([positives, positives[:, 1:]], dim=1)


def importance(x: Tensor, lam: float = 1e-4, form: str = "official") -> Tensor:
    """SimAM attention of each element of `(B, C, T, V)` feature maps: `sigmoid(1 / energy)`.

    Args:
        x: feature maps.
        lam: the λ of the energy (released; the paper gives none).
        form: "official": the variance over T and V divides by `T V - 1`. "paper": by `T V`.

    Returns:
        `(B, C, T, V)` in (0.62, 1]: the farther from its channel's mean, the larger.

    Source: AimCLR, Eq. 3; SimAM.
    """
    count = x.shape[2] * x.shape[3] - (form == "official")
    distance = (x - x.mean(dim=(2, 3), keepdim=True)).square()
    spread = distance.sum(dim=(2, 3), keepdim=True) / count
    return torch.addcmul(distance.new_full((), 0.5), distance, 0.25 / (spread + lam)).sigmoid()


def attention_drop(
    x: Tensor, margin: float = 0.7, lam: float = 1e-4, form: str = "official"
) -> Tensor:
    """EADM: drops the most distinctive features, and scales up what is left.

    Joints are kept whose importance, averaged over channels and frames, is below the margin; then
    what the temporal mask keeps. Each mask divides by the share that it keeps.

    Args:
        x: feature maps `(B, C, T, V)`.
        margin: importance from which a feature is dropped (released; the paper gives none).
        lam: see `importance`.
        form: "official": the temporal mask looks at each element by itself, and one scale serves
            the whole batch, over all processes. "paper": the temporal map is the mean over channels
            and joints, one number a frame, and each body has its own scale; means rarely reach the
            margin, so little is dropped.

    Returns:
        `(B, C, T, V)`, float32 at least. Masks and scales pass no gradient.

    Raises:
        ValueError: an unknown form.

    Source: AimCLR, Algorithm 1. differs: a mask that keeps nothing gives 0, not NaN.
    """
    check_form(form)
    with torch.autocast(x.device.type, enabled=False):
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        with torch.no_grad():
            attention = importance(x, lam, form)
            spatial = (attention.mean(dim=(1, 2), keepdim=True) < margin).to(x)  # (B, 1, 1, V)
            if form == "official":
                temporal = (attention < margin).to(x)  # (B, C, T, V)
            else:
                temporal = (attention.mean(dim=(1, 3), keepdim=True) < margin).to(x)
            scale = _share(spatial, form) * _share(temporal, form)
            mask = temporal * (spatial / scale)
        return x * mask


def _share(mask: Tensor, form: str) -> Tensor:
    """The share of ones: of each body `(B, 1, 1, 1)`, or of the batch over all processes."""
    if form == "paper":
        share = mask.mean(dim=(1, 2, 3), keepdim=True)
    else:
        share = gather(mask.mean().reshape(1)).mean()
    return torch.where(share > 0, share, 1.0)

"""Multi-grained feature decorrelation (USDRL, equations 7 to 13): each term one pure function.

VICReg is three of the terms, on two views; Barlow Twins is `redundancy`, the other two but for a
detail.

Every function takes `z` `(K, B, D)`: K views of a batch of B clips, projected to D dimensions;
statistics run over the batch. Where the paper and the released code differ, `form="official"` is
the code and `form="paper"` the equation as printed. Norms of `D × D` matrices go through the
`B × B` Gram matrix when the batch is the smaller: `‖AᵀB‖² = ⟨AAᵀ, BBᵀ⟩`, which is exact and, at
batch 32 and width 4096, hundreds of times cheaper.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings.ranges import check_form


def similarity(z: Tensor, form: str = "official") -> Tensor:
    """Similarity of the views of one clip.

    Paper (Eq. 8): the mean over views and clips of `‖z_a - z̄‖₂`, z̄ the mean of all views.
    Official: the last view is a hub; each other view pays its mean squared error to the hub and to
    the mean of the others (sources U8).

    Returns:
        A scalar.
    """
    if form == "paper":
        return (z - z.mean(0)).norm(dim=-1).mean()
    others, hub = z[:-1], z[-1]
    to_hub = (others - hub).square().mean(dim=(1, 2)).sum()
    return to_hub + (others - others.mean(0)).square().mean(dim=(1, 2)).sum()


def variance(z: Tensor, gamma: float = 1.0, eps: float = 1e-4) -> Tensor:
    """Hinge on each dimension's deviation (Eq. 9): `mean_j ReLU(γ - sqrt(Var_j + ε))`, `(K,)`."""
    return (gamma - (z.var(dim=1) + eps).sqrt()).relu().mean(dim=1)


def covariance(z: Tensor) -> Tensor:
    """Squared off-diagonal auto-covariance, divided by D (Eq. 10), `(K,)`."""
    _, B, D = z.shape
    z = z - z.mean(dim=1, keepdim=True)
    if B < D:
        everything = (z @ z.mT / (B - 1)).square().sum(dim=(1, 2))
    else:
        everything = (z.mT @ z / (B - 1)).square().sum(dim=(1, 2))
    diagonal = (z.square().sum(dim=1) / (B - 1)).square().sum(dim=1)
    return (everything - diagonal) / D


def cross_correlation(z: Tensor, correction: int = 1) -> tuple[Tensor, Tensor]:
    """Cross-correlations `c = Ẑ_aᵀ Ẑ_b / B` of all pairs of views, Ẑ standardised over the batch.

    Standardisation uses the unbiased deviation while the product divides by B, so that a view's
    correlation with itself is `(B - 1) / B`, as in the released code (sources U10). There is no
    epsilon there; here the deviation is kept above 1e-8, which matters for a constant dimension
    only.

    Args:
        z: `(K, B, D)`.
        correction: taken from B in the variance. 0: a view's correlation with itself is 1, as
            Barlow Twins has it (sources V1).

    Returns:
        The diagonals `(P, D)` and the sums of squared off-diagonal entries `(P,)` (Eq. 11) of the
        `P = K (K - 1) / 2` pairs.
    """
    K, B, D = z.shape
    deviation = z.std(dim=1, keepdim=True, correction=correction).clamp_min(1e-8)
    z = (z - z.mean(dim=1, keepdim=True)) / deviation
    first, second = torch.triu_indices(K, K, offset=1, device=z.device)  # pairs, in order
    diagonal = (z[first] * z[second]).mean(dim=1)
    if B < D:
        gram = (z @ z.mT / B).flatten(1)  # (K, B * B)
        everything = (gram @ gram.T)[first, second]
    else:
        everything = (z[first].mT @ z[second] / B).square().sum(dim=(1, 2))
    return diagonal, everything - diagonal.square().sum(dim=1)


def decorrelation(z: Tensor, form: str = "official", *, xc: bool = True) -> dict[str, Tensor]:
    """All terms of one domain, unweighted (Eq. 8 to 12).

    Args:
        z: `(K, B, D)`; computed in float32 at least.
        form: "official": the invariance is `Σ (1 - c_ii)²` summed over unordered pairs. "paper":
            `tr(I - ẐₐᵀẐ_b)` over ordered pairs divided by K. Variance, covariance and
            cross-correlation are sums over views and pairs in both.
        xc: compute the cross-correlation terms (the XC column of the paper's Table 5).

    Returns:
        `similarity`, `variance`, `covariance` and, with `xc`, `invariance` and `cross_correlation`.

    Raises:
        ValueError: fewer than two views or clips, or an unknown form.

    Examples:
        >>> import torch
        >>> z = torch.randn(2, 64, 8, generator=torch.Generator().manual_seed(0))
        >>> terms = decorrelation(torch.stack([z[0], z[0]]))  # two views that agree
        >>> float(terms["similarity"]), bool(terms["invariance"] < 0.01)
        (0.0, True)
    """
    check_form(form)
    if z.dim() != 3 or min(z.shape[:2]) < 2:
        raise ValueError(f"decorrelation needs (K >= 2, B >= 2, D), got {tuple(z.shape)}")
    with torch.autocast(z.device.type, enabled=False):
        z = z.to(torch.promote_types(z.dtype, torch.float32))
        terms = {
            "similarity": similarity(z, form),
            "variance": variance(z).sum(),
            "covariance": covariance(z).sum(),
        }
        if xc:
            diagonal, off_diagonal = cross_correlation(z)
            if form == "paper":
                # Twice: (a, b) and (b, a) are equal.
                terms["invariance"] = 2 * (1 - diagonal).sum() / len(z)
            else:
                terms["invariance"] = (1 - diagonal).square().sum()
            terms["cross_correlation"] = off_diagonal.sum()
    return terms


def redundancy(z: Tensor) -> dict[str, Tensor]:
    """Barlow Twins' two terms of the cross-correlation of two views, unweighted.

    It is USDRL's `invariance` and `cross_correlation` but for the deviation, see there.

    Args:
        z: `(2, B, D)`; computed in float32 at least.

    Returns:
        `invariance`, the squared distance of the diagonal from 1, and `redundancy`, the sum of the
        squared rest.

    Source: Zbontar et al., ICML 2021; sources V1. Differs: BatchNorm there adds 1e-5 to the
    variance.

    Examples:
        >>> import torch
        >>> z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> terms = redundancy(torch.stack([z, z]))  # two views that agree, in every dimension
        >>> float(terms["invariance"]), float(terms["redundancy"])
        (0.0, 0.0)
    """
    with torch.autocast(z.device.type, enabled=False):
        z = z.to(torch.promote_types(z.dtype, torch.float32))
        diagonal, rest = cross_correlation(z, correction=0)
        return {"invariance": (1 - diagonal).square().sum(), "redundancy": rest.sum()}

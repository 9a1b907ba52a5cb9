"""Multi-grained feature decorrelation (USDRL, equations 7 to 13): each term one pure function.

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


def cross_correlation(z: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-correlations `c = Ẑ_aᵀ Ẑ_b / B` of all pairs of views, Ẑ standardised over the batch.

    Standardisation uses the unbiased deviation while the product divides by B, so that a view's
    correlation with itself is `(B - 1) / B`, as in the released code (sources U10). There is no
    epsilon there; here the deviation is kept above 1e-8, which matters for a constant dimension
    only.

    Returns:
        The diagonals `(P, D)` and the sums of squared off-diagonal entries `(P,)` (Eq. 11) of the
        `P = K (K - 1) / 2` pairs.
    """
    K, B, D = z.shape
    z = (z - z.mean(dim=1, keepdim=True)) / z.std(dim=1, keepdim=True).clamp_min(1e-8)
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
        z: `(K, B, D)`; computed in float32 whatever its type.
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
        z = z.float()
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

"""USDRL: dense representations by multi-grained feature decorrelation, without negatives.

Paper: Weng et al., USDRL: Unified Skeleton-Based Dense Representation Learning with Multi-Grained
Feature Decorrelation, AAAI 2025, equations 7 to 13. Code: github.com/wengwanjiang/USDRL (no licence
file); its numbers are reproduced (sources U18).

Several augmented views of each clip pass through one encoder and three projectors (temporal,
spatial, instance); the loss pulls the views together and decorrelates the dimensions. Differs from
the released code in BatchNorm alone, by design: there it sees each GPU's share of the batch, here
the whole batch, so that any number of processes gives the loss and gradients of one.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from ..augment.usdrl import USDRLViews, draw_views
from ..contracts import Encoder
from ..losses.decorrelation import decorrelation
from ..machine.distributed import gather
from ..settings.ranges import Amount, Form, Size, check_form
from ._projector import Projector


class TokenEncoder(Encoder, Protocol):
    """An encoder of two domains (DSTE, STTR, ByName); its vectors are both of them side by side."""

    def tokens(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Temporal `(N, T, H)` and spatial tokens `(N, M*V, H)`."""


class USDRL(nn.Module):
    """USDRL pretraining on an encoder with temporal and spatial tokens (DSTE, STTR).

    Args:
        encoder: see `TokenEncoder`.
        views: how its views are drawn.
        projection: width of the temporal and spatial projectors; the instance projector ends in
            twice that. None: 2H.
        form: "official" or "paper" (see `losses.decorrelation`); loss weights have the same meaning
            in both.
        kappa: weight of the similarity (5).
        eta: weight of the invariance (1e-3).
        mu: weight of the variance (5).
        nu: weight of the covariance (1).
        lam: weight of the off-diagonal cross-correlation (5e-6).
        tau: weight of the temporal and spatial domains beside the instance domain (0.5).
        vac: use variance and covariance (ablation, Table 5).
        xc: use the cross-correlation matrix: invariance and off-diagonal terms (ablation, Table 5).
        multi_grained: use the temporal and spatial domains too (ablation, Table 5).

    The paper states none of these numbers; all come from the released code (sources U11).

    Raises:
        ValueError: an encoder without `tokens`, or an unknown form.
    """

    preparation = MappingProxyType({"ntu25": "agcn-noz"})  # layout -> normalisation, sources D1
    encoder: TokenEncoder

    def __init__(
        self,
        encoder: TokenEncoder,
        views: USDRLViews = USDRLViews(),
        *,
        projection: Size | None = None,
        form: Form = "official",
        kappa: Amount = 5.0,
        eta: Amount = 1e-3,
        mu: Amount = 5.0,
        nu: Amount = 1.0,
        lam: Amount = 5e-6,
        tau: Amount = 0.5,
        vac: bool = True,
        xc: bool = True,
        multi_grained: bool = True,
    ) -> None:
        super().__init__()
        if not hasattr(encoder, "tokens"):
            raise ValueError(
                f"usdrl needs an encoder with temporal and spatial tokens (dste, sttr, byname), "
                f"not {type(encoder).__name__}"
            )
        check_form(form)
        self.encoder, self.form, self.view_options = encoder, form, views
        self.xc, self.tau = xc, tau
        self.weights = {"similarity": kappa}
        if vac:
            self.weights |= {"variance": mu, "covariance": nu}
        if xc:
            self.weights |= {"invariance": eta, "cross_correlation": lam}
        hidden = self.encoder.dim // 2
        width = 2 * hidden if projection is None else projection
        self.projectors = nn.ModuleDict({"instance": Projector(2 * hidden, width, 2 * width)})
        if multi_grained:
            self.projectors["temporal"] = Projector(hidden, width, width)
            self.projectors["spatial"] = Projector(hidden, width, width)

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Augmented views of padded clips `(N, C, T, V, M)`; see `draw_views`."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.view_options,
            self.encoder.coordinates,
        )  # fmt: skip

    def project(self, *views: Tensor) -> dict[str, Tensor]:
        """Projected views: domain -> `(K, B, D)` float32, B the batch over all processes."""
        vectors = self.encoder(torch.cat(views))  # pooled tokens, (K * B, 2H)
        pooled = gather(vectors.view(len(views), -1, self.encoder.dim), dim=1)  # (K, B, 2H)
        temporal, spatial = pooled.chunk(2, dim=2)
        inputs = {"instance": pooled, "temporal": temporal, "spatial": spatial}
        return {name: head(inputs[name]) for name, head in self.projectors.items()}

    def forward(self, *views: Tensor) -> dict[str, Tensor]:
        """The loss of the views and its weighted terms (Eq. 7), each summed over domains."""
        terms = {name: torch.zeros((), device=views[0].device) for name in self.weights}
        for domain, z in self.project(*views).items():
            scale = 1.0 if domain == "instance" else self.tau
            values = decorrelation(z, self.form, xc=self.xc)
            for name, weight in self.weights.items():
                terms[name] = terms[name] + scale * weight * values[name]
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""

"""UmURL: joint, bone and motion in one encoder, which is to know each stream from all of them.

Paper: Sun et al., Unified Multi-modal Unsupervised Representation Learning for Skeleton-based
Action Understanding, ACM MM 2023. Code: github.com/HuiGuanLab/UmURL (Apache-2.0), whose code alone
was read; sources W1 to W5.

Four views of a clip: one is read as joints alone, one as bones, one as motion, one as all three
fused. A projector for each stream takes that stream's vector and the fused one. Within a stream the
two agree; across streams the single ones agree; and all six are kept spread and decorrelated by
VICReg's terms. No target is detached. Differs: layers of the projectors are drawn as USDRL's.
"""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Generator, Tensor, nn

from ..augment.umurl import UmURLViews, draw_views
from ..encoders.fused import Fused
from ..losses.decorrelation import covariance, variance
from ..machine.distributed import gather
from ..settings.ranges import Amount, Size
from ..streams import STREAMS
from ._projector import Projector


class UmURL(nn.Module):
    """UmURL pretraining on an encoder that fuses streams (fused).

    Args:
        encoder: see `Fused`.
        views: how its views are drawn.
        projection: width of a projector, which ends in twice that. None: the encoder's `dim`.
        intra: weight of a stream's distance from its share of the fused vector (5).
        inter: weight of the streams' distances from their mean (5).
        variance: weight of the hinge on each dimension's deviation (5).
        covariance: weight of the squared covariances (1).

    The numbers are the released code's (sources W4).

    Raises:
        ValueError: another encoder.
    """

    preparation = MappingProxyType({"ntu25": "agcn-noz"})  # layout -> normalisation, sources D1
    encoder: Fused

    def __init__(
        self,
        encoder: Fused,
        views: UmURLViews = UmURLViews(),
        *,
        projection: Size | None = None,
        intra: Amount = 5.0,
        inter: Amount = 5.0,
        variance: Amount = 5.0,
        covariance: Amount = 1.0,
    ) -> None:
        super().__init__()
        if not isinstance(encoder, Fused):
            raise ValueError(
                f"umurl needs an encoder that fuses streams (fused), not {type(encoder).__name__}"
            )
        self.encoder, self.view_options = encoder, views
        self.weights = {
            "intra": intra, "inter": inter, "variance": variance, "covariance": covariance,
        }  # fmt: skip
        width = projection or encoder.dim
        self.projectors = nn.ModuleDict(
            {name: Projector(encoder.dim, width, 2 * width) for name in STREAMS}
        )

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """A view for each of `STREAMS` and one for all, of padded clips `(N, C, T, V, M)`."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, len(STREAMS), self.view_options,
            self.encoder.coordinates,
        )  # fmt: skip

    def project(self, *views: Tensor) -> tuple[Tensor, Tensor]:
        """Projections of each stream alone and of its share of the whole, `(S, B, D)` each.

        B is the batch over all processes.
        """
        alone = zip(views[:-1], STREAMS, strict=True)
        own = [self.encoder.alone(view, stream) for view, stream in alone]
        vectors = gather(torch.stack([*own, self.encoder(views[-1])]), dim=1)  # (S + 1, B, 2H)
        pairs = zip(self.projectors.values(), vectors[:-1], strict=True)
        both = [head(torch.stack([vector, vectors[-1]])) for head, vector in pairs]
        return torch.stack([z[0] for z in both]), torch.stack([z[1] for z in both])

    def forward(self, *views: Tensor) -> dict[str, Tensor]:
        """The loss of the views and its weighted terms, see the arguments."""
        alone, shares = self.project(*views)
        with torch.autocast(alone.device.type, enabled=False):
            z = torch.cat([alone, shares])
            values = {
                "intra": _distance(alone, shares),
                "inter": _distance(alone, alone.mean(dim=0)),
                "variance": variance(z).sum(),
                "covariance": covariance(z).sum(),
            }
        terms = {name: weight * values[name] for name, weight in self.weights.items()}
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""


def _distance(z: Tensor, to: Tensor) -> Tensor:
    """Mean squared errors of `(S, B, D)`, summed over S."""
    return (z - to).square().mean(dim=(1, 2)).sum()

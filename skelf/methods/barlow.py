"""Barlow Twins: two views whose cross-correlation is to be the identity, without negatives.

Paper: Zbontar et al., Barlow Twins: Self-Supervised Learning via Redundancy Reduction, ICML 2021.
Code: github.com/facebookresearch/barlowtwins (MIT), for images; sources V1, V2. On skeletons first
as one of two terms: Zhang et al., Skeletal Twins, ICME 2022.

Views are SkeletonCLR's two, drawn alike; the images' two differ in blur. One encoder and one
projector see both.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from ..augment.skeletonclr import SkeletonCLRViews, draw_views
from ..contracts import Encoder, torch_module
from ..losses.decorrelation import redundancy
from ..settings.ranges import Amount, Size
from ._projector import Projector, encoded
from ._sync_norm import synchronize


class Barlow(nn.Module):
    """Barlow Twins pretraining; any encoder.

    Args:
        encoder: what is trained.
        views: how its two views are drawn.
        projection: width of the projector's three layers (8192).
        redundancy: weight of the off-diagonal terms (0.0051; paper: 0.005). It is not scaled by the
            width, neither there nor here.
        sync_bn: BatchNorm of the encoder over the batch of all processes, so that several train as
            one. The projector is given the clips of all.

    The numbers are the released code's for images (sources V2).
    """

    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: SkeletonCLRViews = SkeletonCLRViews(),
        *,
        projection: Size = 8192,
        redundancy: Amount = 0.0051,
        sync_bn: bool = False,
    ) -> None:
        super().__init__()
        self.encoder, self.view_options = encoder, views
        self.weights = {"invariance": 1.0, "redundancy": redundancy}
        self.projector = Projector(encoder.dim, projection, projection)
        if sync_bn:
            synchronize(torch_module(self.encoder))

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Two views of padded clips `(N, C, T, V, M)`; see `draw_views`."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.encoder.skeleton,
            self.view_options, self.encoder.coordinates,
        )  # fmt: skip

    def forward(self, one: Tensor, other: Tensor) -> dict[str, Tensor]:
        """The loss of the two views and its weighted terms, `invariance` and `redundancy`."""
        values = redundancy(self.projector(encoded(self.encoder, (one, other))))
        terms = {name: weight * values[name] for name, weight in self.weights.items()}
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""

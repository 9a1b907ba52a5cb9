"""VICReg: two views that agree, spread over every dimension, and share none, without negatives.

Paper: Bardes et al., VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised
Learning, ICLR 2022. Code: github.com/facebookresearch/vicreg (MIT), for images; sources V3, V4.

Its terms are three of USDRL's, which took them from here. Views are SkeletonCLR's two. Where forms
differ:

| | official | paper |
|---|---|---|
| variance | mean of the two views' | sum of them |

The paper prints the invariance as a sum over dimensions; the code takes the mean, and so do both
forms here, since with the paper's weights nothing else would count.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn

from ..augment.skeletonclr import SkeletonCLRViews, draw_views
from ..contracts import Encoder, torch_module
from ..losses.decorrelation import decorrelation
from ..settings.ranges import Amount, Form, Size, check_form
from ._projector import Projector, encoded
from ._sync_norm import synchronize


class VICReg(nn.Module):
    """VICReg pretraining; any encoder.

    Args:
        encoder: what is trained.
        views: how its two views are drawn.
        projection: width of the expander's three layers (8192).
        similarity: weight of the views' mean squared error (25).
        variance: weight of the hinge on each dimension's deviation (25).
        covariance: weight of the squared covariances (1).
        sync_bn: BatchNorm of the encoder over the batch of all processes, so that several train as
            one. The projector is given the clips of all.
        form: "official" or "paper", see above.

    The numbers are the released code's for images (sources V4).

    Raises:
        ValueError: an unknown form.
    """

    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: SkeletonCLRViews = SkeletonCLRViews(),
        *,
        projection: Size = 8192,
        similarity: Amount = 25.0,
        variance: Amount = 25.0,
        covariance: Amount = 1.0,
        sync_bn: bool = False,
        form: Form = "official",
    ) -> None:
        super().__init__()
        check_form(form)
        self.encoder, self.view_options, self.form = encoder, views, form
        self.weights = {
            "similarity": similarity,
            "variance": variance / 2 if form == "official" else variance,  # of a sum of two
            "covariance": covariance,
        }
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
        """The loss of the two views and its weighted terms."""
        values = decorrelation(self.projector(encoded(self.encoder, (one, other))), xc=False)
        terms = {name: weight * values[name] for name, weight in self.weights.items()}
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""

"""BYOL: one view predicts what a slowly moving copy makes of the other, without negatives.

Paper: Grill et al., Bootstrap Your Own Latent, NeurIPS 2020. Code:
github.com/google-deepmind/deepmind-research, `byol` (Apache-2.0), for images; sources V5 to V7. On
skeletons: Moliner et al., Bootstrapped Representation Learning, WACV 2022; Liu et al.,
SkeletonBYOL, in Cross-Model Cross-Stream Learning, 2023.

Views are SkeletonCLR's two, drawn alike; the images' two differ in blur. The target follows after
each step, ever more slowly: what stays of it rises from `momentum` to 1 by a cosine over the
training. It starts as a copy; the released code draws it anew and says that it makes no difference.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn

from ..augment.skeletonclr import SkeletonCLRViews, draw_views
from ..contracts import Encoder, torch_module
from ..losses.bootstrap import prediction_error
from ..settings.ranges import Share, Size
from ._momentum import follow, key_copy
from ._projector import Projector, encoded
from ._sync_norm import synchronize


class BYOL(nn.Module):
    """BYOL pretraining; any encoder.

    Args:
        encoder: the online encoder; `.encoder` of the method, what is evaluated.
        views: how its two views are drawn.
        projection: width of projector and predictor, one hidden layer each (4096).
        feature: length of a projection (256).
        momentum: what stays of the target at the first step (0.996 for 1000 epochs of ImageNet;
            0.99 for 100 and 300, 0.97 for 40).
        sync_bn: BatchNorm of both encoders over the batch of all processes, so that several train
            as one. Projectors and predictor are given the clips of all.

    The numbers are the released code's for images (sources V6, V7).
    """

    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: SkeletonCLRViews = SkeletonCLRViews(),
        *,
        projection: Size = 4096,
        feature: Size = 256,
        momentum: Share = 0.996,
        sync_bn: bool = False,
    ) -> None:
        super().__init__()
        self.encoder, self.view_options = encoder, views
        self.momentum, self.done = momentum, 0.0
        self.projector = Projector(encoder.dim, projection, feature, hidden=1)
        self.predictor = Projector(feature, projection, feature, hidden=1)
        self.encoder_k = key_copy(encoder, "paper")
        self.projector_k = key_copy(self.projector, "paper")
        if sync_bn:
            for part in (self.encoder, self.encoder_k):
                synchronize(torch_module(part))

    def pace(self, done: float) -> None:
        """The share of the training that is done; the target's momentum follows from it."""
        self.done = done

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Two views of padded clips `(N, C, T, V, M)`; see `draw_views`."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.encoder.skeleton,
            self.view_options, self.encoder.coordinates,
        )  # fmt: skip

    def forward(self, one: Tensor, other: Tensor) -> dict[str, Tensor]:
        """The loss of the two views, each of which predicts the other's target."""
        prediction = self.predictor(self.projector(encoded(self.encoder, (one, other))))
        with torch.no_grad():
            target = self.projector_k(encoded(self.encoder_k, (one, other)))  # (2, B, D)
        return {"loss": 2 * prediction_error(prediction, target.flip(0))}  # the sum of both

    def after_step(self) -> None:
        """The target moves towards the encoder and its projector as they are now."""
        momentum = annealed(self.momentum, self.done)
        follow(self.encoder_k, self.encoder, momentum)
        follow(self.projector_k, self.projector, momentum)


def annealed(start: float, done: float) -> float:
    """From `start` to 1 as `done` goes from 0 to 1, by half a cosine (sources V6).

    Examples:
        >>> annealed(0.9, 0.0), annealed(0.9, 0.5), annealed(0.9, 1.0)
        (0.9, 0.95, 1.0)
    """
    return 1 - (1 - start) * (math.cos(math.pi * done) + 1) / 2

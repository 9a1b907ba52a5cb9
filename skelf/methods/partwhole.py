"""PartWhole: from a part of a motion the whole of it is to be known, its clip and its frames.

Distorted views of one stretch agree and are decorrelated, as in USDRL, at the grain of the clip. A
part of the stretch, which is shorter or lacks joints or frames, is asked for the clip vector of the
wholes, and frame by frame for the features that the wholes have at its instants. Targets get no
gradient: decorrelation alone keeps the vectors apart, so that there is no queue and no momentum
encoder, and a part costs what a view costs.

Our own. Its terms are others': decorrelation of views (Bardes et al., VICReg, 2022, and USDRL),
features of several grains as targets (data2vec, GFP), small crops asked for large ones (DINO).
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from ..augment.partwhole import PartWholeViews, Views, draw_views
from ..contracts import Encoder, torch_module
from ..data.joints.parts import with_parts
from ..losses.decorrelation import decorrelation
from ..machine.distributed import gather
from ..settings.ranges import Amount, Size
from ._projector import Projector
from ._sync_norm import synchronize


class ClipAndFrames(Encoder, Protocol):
    """An encoder that gives clip and dense vectors in one pass: tcn, sttr, dste, gru, byname."""

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`(N, dim)` and `(N, T, dim)`."""


class PartWhole(nn.Module):
    """Pretraining by wholes that are decorrelated and parts that are asked for them.

    Args:
        encoder: see `ClipAndFrames`.
        views: how wholes and parts are drawn.
        projection: width of the projector, which ends in twice that. None: the encoder's `dim`.
        similarity: weight of the wholes' agreement.
        variance: weight of the hinge on each dimension's deviation.
        covariance: weight of the covariances.
        part: weight of a part's distance from its wholes' clip vector; 0: no such term.
        frame: weight of its distance from their frames; 0: no such term.
        sync_bn: BatchNorm over the batch of all processes, so that several train as one.

    Raises:
        ValueError: an encoder without `both`, or a layout of one joint.
    """

    encoder: ClipAndFrames

    def __init__(
        self,
        encoder: ClipAndFrames,
        views: PartWholeViews = PartWholeViews(),
        *,
        projection: Size | None = None,
        similarity: Amount = 5.0,
        variance: Amount = 5.0,
        covariance: Amount = 1.0,
        part: Amount = 10.0,
        frame: Amount = 8.0,
        sync_bn: bool = False,
    ) -> None:
        super().__init__()
        if not hasattr(encoder, "both"):
            raise ValueError(
                "partwhole needs an encoder with clip and frame vectors of one pass (tcn, sttr, "
                f"dste, gru, byname), not {type(encoder).__name__}"
            )
        self.encoder, self.view_options = encoder, views
        self.bodies = with_parts(encoder.skeleton)  # parts of a layout that names none
        self.weights = {
            "similarity": similarity, "variance": variance, "covariance": covariance,
        }  # fmt: skip
        self.part, self.frame = part, frame
        dim = encoder.dim
        width = projection or dim
        self.projector = Projector(dim, width, 2 * width)
        self.predictor = None
        if frame:
            self.predictor = nn.Sequential(
                nn.Linear(dim, dim), nn.LayerNorm(dim), nn.GELU(), nn.Linear(dim, dim)
            )
        if sync_bn:
            synchronize(
                torch_module(self.encoder)
            )  # the projector is given the clips of all processes

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> Views:
        """Wholes and parts of padded clips `(N, C, T, V, M)`; see `draw_views`."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.bodies, self.view_options,
            self.encoder.coordinates,
        )  # fmt: skip

    def forward(self, clips: Tensor, instants: Tensor) -> dict[str, Tensor]:
        """The loss of the views and its weighted terms.

        Returns:
            `similarity`, `variance`, `covariance`, `part` and `frame`, as far as they are used;
            `loss` is their sum.
        """
        parts, count, _ = instants.shape
        vectors, frames = self.encoder.both(clips)
        z = self.projector(gather(vectors.view(-1, count, self.encoder.dim), dim=1))
        values = decorrelation(z[:-parts], xc=False)
        terms = {name: weight * values[name] for name, weight in self.weights.items()}
        if self.part:
            target = z[:-parts].mean(dim=0).detach()
            terms["part"] = self.part * F.mse_loss(z[-parts:], target.expand_as(z[-parts:]))
        if self.predictor is not None:
            dense = frames.view(-1, count, *frames.shape[1:])
            target = at_instants(whole_frames(dense[:-parts]), instants)
            predicted = self.predictor(dense[-parts:])
            error = (predicted.float() - target).square().mean()
            terms["frame"] = self.frame * gather(error.reshape(1)).mean()
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""


def whole_frames(dense: Tensor) -> Tensor:
    """Targets `(N, T, D)` of wholes' frames `(K, N, T, D)`: their mean, of one scale, no gradient.

    Each frame's vector has mean 0 and deviation 1, so that no target can vanish.
    """
    mean = dense.detach().float().mean(dim=0)
    return F.layer_norm(mean, mean.shape[-1:])


def at_instants(x: Tensor, instants: Tensor) -> Tensor:
    """Frames `(N, T, D)` at places between them, `(Q, N, T')`: `(Q, N, T', D)`, linearly.

    Examples:
        >>> import torch
        >>> x = torch.tensor([[[0.0], [10.0], [20.0]]])
        >>> at_instants(x, torch.tensor([[[0.5, 2.0]]])).flatten()
        tensor([ 5., 20.])
    """
    before = instants.floor().long()
    after = (before + 1).clamp_max(x.shape[1] - 1)
    clip = torch.arange(len(x), device=x.device)[:, None]
    share = (instants - before)[..., None].to(x.dtype)
    return torch.lerp(x[clip, before], x[clip, after], share)

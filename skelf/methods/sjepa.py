"""S-JEPA: what a slow copy of the encoder makes of hidden patches is predicted, not coordinates.

Paper: Abdelfattah and Alahi, S-JEPA: A Joint Embedding Predictive Architecture for Skeletal Action
Recognition, ECCV 2024. No code was released, and of the paper itself only its abstract, its project
page (sjepa.github.io) and what two readers wrote of it could be had: sources G8 to G10 say what is
known from whom.

The target encoder sees a whole stretch; the view encoder sees a tenth of the patches of the same
stretch, moved as a whole; from its tokens a predictor says what the target's tokens of the others
are, by a cross-entropy over their channels. The target follows the view encoder.

Ours, since nothing of it is known: how far views are moved; that the centre is the mean over
predicted tokens; that the momentum rises from epoch to epoch, not from step to step. Differs: the
encoder that is used is the view encoder; the paper judges the target, which `train.ema=0.9999`
gives (a running average of the view encoder with a momentum that does not rise).
"""

from __future__ import annotations

import copy
from math import cos, pi

import torch
from torch import Generator, Tensor, nn

from ..augment.masked import TransformedViews, draw_transformed
from ..encoders.patches import take
from ..losses.latent import latent_cross_entropy
from ..machine.distributed import gather
from ..settings.ranges import Depth, Positive, Share, Size
from ._masked import PatchEncoder, Predictor, check_patches, counted, hide, known_patches
from ._momentum import check_momentum, follow


class SJEPA(nn.Module):
    """Prediction of hidden tokens on an encoder that can leave tokens out (patches).

    Args:
        encoder: the view encoder, see `PatchEncoder`.
        views: how both stretches are drawn, and what is hidden of one.
        predictor: width of the predictor (256). None: the encoder's.
        predictor_layers: its layers (paper: 5).
        momentum: what stays of the target encoder at a step, at the start (paper: 0.9999).
        momentum_epochs: epochs in which it rises to 1 by a cosine (paper: all, 1200). None: it
            stays.
        temperature: of the predicted channels' softmax (paper: 0.1).
        target_temperature: of the target's (paper: 0.06).
        centre_momentum: what stays of the targets' running mean at a step (paper: 0.9).
        absent: absent persons are predicted too, as MAMP does. Off, a step costs as much as there
            are persons.

    Raises:
        ValueError: an encoder that sees all tokens, a width that its heads do not divide, or a
            number out of range.
    """

    encoder: PatchEncoder
    centre: Tensor

    def __init__(
        self,
        encoder: PatchEncoder,
        views: TransformedViews = TransformedViews(),
        *,
        predictor: Size | None = None,
        predictor_layers: Depth = 5,
        momentum: Share = 0.9999,
        momentum_epochs: Size | None = None,
        temperature: Positive = 0.1,
        target_temperature: Positive = 0.06,
        centre_momentum: Share = 0.9,
        absent: bool = True,
    ) -> None:
        super().__init__()
        check_patches(encoder, "sjepa")
        check_momentum(momentum)
        self.encoder, self.view_options, self.absent = encoder, views, absent
        self.target = copy.deepcopy(encoder).requires_grad_(False)
        self.predictor = Predictor(encoder, encoder.dim, predictor_layers, predictor)
        self.first_momentum = self.momentum = momentum
        self.momentum_epochs, self.centre_momentum = momentum_epochs, centre_momentum
        self.temperatures = temperature, target_temperature
        self.register_buffer("centre", torch.zeros(encoder.dim))
        self.waiting: Tensor | None = None

    def start_epoch(self, epoch: int) -> None:
        """Sets the momentum of an epoch, counted from 0."""
        if self.momentum_epochs is not None:
            share = min(epoch / self.momentum_epochs, 1.0)
            self.momentum = 1 - (1 - self.first_momentum) * (cos(pi * share) + 1) / 2

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """A stretch of padded clips `(N, C, T, V, M)`, the same moved, what of it is hidden."""
        how, encoder = self.view_options, self.encoder
        plain, moved = draw_transformed(
            x, lengths, generator, encoder.num_frames, how, encoder.coordinates
        )
        _, kept, hidden = hide(encoder, plain, how.masked, how.temperature, generator)
        return plain, moved, kept, hidden

    def forward(
        self, plain: Tensor, moved: Tensor, kept: Tensor, hidden: Tensor
    ) -> dict[str, Tensor]:
        """The cross-entropy of the hidden tokens, as `loss`.

        Args:
            plain: what the target encoder sees, `(N, C, T, V, M)`.
            moved: what the view encoder sees a part of, the same shape.
            kept: that part, `(N, M, K)`.
            hidden: the rest, `(N, M, L - K)`.
        """
        streamed = self.encoder.streamed(plain)
        whole, part = self.encoder.cut(streamed), self.encoder.cut(self.encoder.streamed(moved))
        there = known_patches(self.encoder, streamed)
        rows = counted(whole, self.absent)
        whole, part, there = whole[rows], part[rows], there[rows]
        kept, hidden = kept.flatten(0, 1)[rows], hidden.flatten(0, 1)[rows]
        with torch.no_grad():
            target = take(self.target.encode(whole), hidden)
        asked = there.gather(1, hidden)
        self._remember(target, asked)
        predicted = self.predictor(self.encoder.encode(part, kept), kept, hidden)
        return {
            "loss": latent_cross_entropy(predicted, target, self.centre, asked, *self.temperatures)
        }

    def after_step(self) -> None:
        """The target follows, and the step's targets enter their running mean."""
        if self.waiting is not None:
            self.centre.lerp_(self.waiting, 1 - self.centre_momentum)
            self.waiting = None
        follow(self.target, self.encoder, self.momentum)

    def _remember(self, target: Tensor, asked: Tensor) -> None:
        """Keeps the mean target of all processes' hidden tokens until the step is done."""
        if not self.training or not target.numel():
            return
        total = (target.to(self.centre.dtype) * asked[..., None]).sum(dim=(0, 1))
        count = gather(asked.sum().reshape(1)).sum()
        mean = gather(total[None]).sum(dim=0) / count.clamp_min(1)
        self.waiting = torch.where(count > 0, mean, self.centre)

"""MAMP: from a tenth of a motion's patches, the motion of all others is predicted.

Paper: Mao et al., Masked Motion Predictors are Strong 3D Action Representation Learners, ICCV 2023.
Code: github.com/maoyunyao/MAMP (no licence file), sources G1 to G7. The encoder sees the visible
patches alone, so that a step costs little; patches that move are hidden more often.

Differs: where a joint's confidence is 0, its patch is neither asked for nor counted as motion.
"""

from __future__ import annotations

from torch import Generator, Tensor, nn

from ..augment.masked import MotionViews, draw_stretch
from ..settings.ranges import Depth, Size
from ._masked import (
    HiddenViews,
    PatchEncoder,
    Predictor,
    check_patches,
    hide,
    prediction_error,
)


class MAMP(nn.Module):
    """Masked motion prediction on an encoder that can leave tokens out (patches).

    Args:
        encoder: see `PatchEncoder`.
        views: how a stretch is drawn, and what is hidden of it.
        stride: frames over which the predicted motion goes (released: 1).
        decoder: width of the decoder (256). None: the encoder's.
        decoder_layers: its layers (released: 3 on NTU-60, 5 on NTU-120 and PKU-MMD).
        standardise: predict a patch's motion less its mean, over its deviation (released: yes).
        absent: absent persons, who do not move, are predicted too, as released. Off, a step costs
            as much as there are persons.

    Raises:
        ValueError: an encoder that sees all tokens, or a width that its heads do not divide.
    """

    encoder: PatchEncoder

    def __init__(
        self,
        encoder: PatchEncoder,
        views: MotionViews = MotionViews(),
        *,
        stride: Size = 1,
        decoder: Size | None = None,
        decoder_layers: Depth = 3,
        standardise: bool = True,
        absent: bool = True,
    ) -> None:
        super().__init__()
        check_patches(encoder, "mamp")
        self.encoder, self.view_options = encoder, views
        self.stride, self.standardise, self.absent = stride, standardise, absent
        numbers = encoder.patch * encoder.coordinates
        self.predictor = Predictor(encoder, numbers, decoder_layers, decoder)

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> HiddenViews:
        """A stretch of padded clips `(N, C, T, V, M)`, and which patches of it are hidden."""
        how, encoder = self.view_options, self.encoder
        clips = draw_stretch(
            x, lengths, generator, encoder.num_frames, how.stretch, encoder.coordinates
        )
        return hide(encoder, clips, how.masked, how.temperature, generator)

    def forward(self, clips: Tensor, kept: Tensor, hidden: Tensor) -> dict[str, Tensor]:
        """The squared error of the hidden patches' motion, as `loss`."""
        views = HiddenViews(clips, kept, hidden)
        how = self.stride, self.standardise, self.absent
        return {"loss": prediction_error(self.encoder, self.predictor, views, *how)}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""

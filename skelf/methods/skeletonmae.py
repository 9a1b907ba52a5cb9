"""SkeletonMAE: from a tenth of a motion's patches, the coordinates of all others are predicted.

The plain masked autoencoder of skeletons (He et al., MAE, CVPR 2022), as MAMP's code has it to
compare with: github.com/maoyunyao/MAMP, `model_mae` (no licence file), sources G1 to G4 and G7. The
name is that of Wu et al., SkeletonMAE: Spatial-Temporal Masked Autoencoders for Self-supervised
Skeleton Action Recognition, ICME workshops 2023, which hides joints and frames instead of patches;
of that paper only the abstract could be read, and its masks are not here.
"""

from __future__ import annotations

from torch import Generator, Tensor, nn

from ..augment.masked import RandomViews, draw_stretch
from ..settings.ranges import Depth, Size
from ._masked import (
    HiddenViews,
    PatchEncoder,
    Predictor,
    check_patches,
    hide,
    prediction_error,
)


class SkeletonMAE(nn.Module):
    """A masked autoencoder on an encoder that can leave tokens out (patches).

    Args:
        encoder: see `PatchEncoder`.
        views: how a stretch is drawn, and what is hidden of it.
        decoder: width of the decoder (256). None: the encoder's.
        decoder_layers: its layers (released: 3 on NTU-60, 5 on NTU-120 and PKU-MMD).
        standardise: predict a patch less its mean, over its deviation (released: yes).
        absent: absent persons are predicted too, as released. Off, a step costs as much as there
            are persons.

    Raises:
        ValueError: an encoder that sees all tokens, or a width that its heads do not divide.
    """

    encoder: PatchEncoder

    def __init__(
        self,
        encoder: PatchEncoder,
        views: RandomViews = RandomViews(),
        *,
        decoder: Size | None = None,
        decoder_layers: Depth = 3,
        standardise: bool = True,
        absent: bool = True,
    ) -> None:
        super().__init__()
        check_patches(encoder, "skeletonmae")
        self.encoder, self.view_options = encoder, views
        self.standardise, self.absent = standardise, absent
        numbers = encoder.patch * encoder.coordinates
        self.predictor = Predictor(encoder, numbers, decoder_layers, decoder)

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> HiddenViews:
        """A stretch of padded clips `(N, C, T, V, M)`, and which patches of it are hidden."""
        how, encoder = self.view_options, self.encoder
        clips = draw_stretch(
            x, lengths, generator, encoder.num_frames, how.stretch, encoder.coordinates
        )
        return hide(encoder, clips, how.masked, None, generator)

    def forward(self, clips: Tensor, kept: Tensor, hidden: Tensor) -> dict[str, Tensor]:
        """The squared error of the hidden patches, as `loss`."""
        views = HiddenViews(clips, kept, hidden)
        how = None, self.standardise, self.absent
        return {"loss": prediction_error(self.encoder, self.predictor, views, *how)}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""

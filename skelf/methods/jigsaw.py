"""Jigsaw: the stretches of a clip stand in another order, which the encoder has to recognise.

Paper: Lin et al., MS2L, ACM MM 2020, of which it is one task. Code: github.com/LanglandsLin/MS2L
(no licence file); sources T1.

Clips are resized to the encoder's frames first, so that all stretches are equal and whole.
"""

from __future__ import annotations

from types import MappingProxyType

from torch import Generator, Tensor, nn

from ..augment.jigsaw import JigsawViews, Views, check_stretches, draw_views
from ..contracts import Encoder, torch_module
from ..losses.context import recognition
from ..machine.distributed import gather
from ..settings.ranges import Size
from ._context import Head
from ._sync_norm import synchronize


class Jigsaw(nn.Module):
    """Pretraining by temporal jigsaws; any encoder.

    Args:
        encoder: its clip vector is what the head reads. differs: there the mean of its frames.
        views: how puzzles are made.
        width: hidden width of the head (released: 2048).
        sync_bn: BatchNorm over the batch of all processes, so that several train as one.

    Raises:
        ValueError: more stretches than frames.
    """

    preparation = MappingProxyType({"ntu25": "agcn"})  # layout -> normalisation, sources T4
    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: JigsawViews = JigsawViews(),
        *,
        width: Size = 2048,
        sync_bn: bool = False,
    ) -> None:
        super().__init__()
        check_stretches(encoder.num_frames, views.puzzle.stretches)
        self.encoder, self.view_options = encoder, views
        self.head = Head(encoder.dim, width, views.puzzle.number)
        if sync_bn:  # the head is given the clips of all processes
            synchronize(torch_module(self.encoder))

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> Views:
        """Puzzles of padded clips `(N, C, T, V, M)` and which order each has."""
        encoder = self.encoder
        return draw_views(
            x, lengths, generator, encoder.num_frames, self.view_options, encoder.coordinates
        )

    def forward(self, shuffled: Tensor, label: Tensor) -> dict[str, Tensor]:
        """The loss of the puzzles: who only guesses has the logarithm of the number of orders."""
        logits = self.head(gather(self.encoder(shuffled))[None])[0]
        return {"loss": recognition(logits, gather(label))}

    def after_step(self) -> None:
        """Nothing to keep: no queue, no momentum encoder."""

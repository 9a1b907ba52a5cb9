"""SkeletonCLR: MoCo v2 on skeletons, one stream; the baseline of CrosSCLR and AimCLR.

Paper: Li et al., 3D Human Action Representation Learning via Cross-View Consistency Pursuit
(CrosSCLR), CVPR 2021, section 3.2. Code: github.com/LinguoLi/CrosSCLR (BSD-2). What differs: the
queue need not be a multiple of the batch, and several processes share one batch and queue.

Two normally augmented views of a clip: one
through the query encoder, one through a key encoder that follows it; the query has to find its own
key among those of a queue of earlier clips (sources C6).
"""

from __future__ import annotations

from types import MappingProxyType

from torch import Generator, Tensor, nn

from ..augment.skeletonclr import SkeletonCLRViews, draw_views
from ..contracts import Encoder
from ..losses.contrastive import cosines, info_nce
from ..settings.ranges import Form, Keys, Positive, Share, Size
from ._momentum import KeyEncoder, embed, of_form, projector
from ._sync_norm import synchronize


class SkeletonCLR(nn.Module):
    """SkeletonCLR pretraining; any encoder.

    Args:
        encoder: the query encoder; `.encoder` of the method.
        views: how its views are drawn.
        queue: keys of earlier clips to tell apart (32768).
        feature: length of a key (128).
        momentum: what stays of the key encoder at a step (0.999).
        temperature: of the softmax over keys (0.07).
        sync_bn: BatchNorm over the batch of all processes, so that several train as one (released:
            each by itself).
        form: "official": the key encoder starts from other weights than the query encoder. "paper":
            it starts as a copy.

    The numbers are the released configuration's (sources C6).

    Raises:
        ValueError: an unknown form, or a number out of range.
    """

    preparation = MappingProxyType({"ntu25": "aimclr"})  # layout -> normalisation, sources D2
    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: SkeletonCLRViews = SkeletonCLRViews(),
        *,
        queue: Keys = 32768,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperature: Positive = 0.07,
        sync_bn: bool = False,
        form: Form = "official",
    ) -> None:
        super().__init__()
        self.encoder, self.view_options = encoder, of_form(views, form)
        self.whole_batches = form == "official"  # sources C21
        self.projector = projector(self.encoder.dim, feature)
        self.key = KeyEncoder(encoder, self.projector, queue, feature, momentum, form)
        self.temperature = temperature
        if sync_bn:
            synchronize(self)

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Query and key view of padded clips `(N, C, T, V, M)`; see `draw_views`."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.encoder.skeleton,
            self.view_options, self.encoder.coordinates,
        )  # fmt: skip

    def contrast(self, query: Tensor, key: Tensor) -> Tensor:
        """Logits `(B, 1 + K)` of query and key view, B the batch over all processes."""
        q = embed(self.projector(self.encoder(query)))
        k = self.key(key, self.encoder, self.projector)
        return cosines(q, k, self.key.queue.keys) / self.temperature

    def forward(self, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """The loss of the two views."""
        return {"loss": info_nce(self.contrast(query, key))}

    def after_step(self) -> None:
        """The step's keys enter the queue."""
        self.key.queue.advance()

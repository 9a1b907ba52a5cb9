"""AimCLR: contrastive learning from extreme augmentations, mined neighbours and dropped features.

Paper: Guo et al., Contrastive Learning from Extremely Augmented Skeleton Sequences for
Self-supervised Action Recognition, AAAI 2022. Code: github.com/Levigty/AimCLR (MIT);
sources C15 to C17.

A normal view is contrasted as in SkeletonCLR; the distributions over
the keys of an extreme view, and of the same with its most distinctive features dropped (EADM), are
pulled to the normal view's (D3M); from `mining_epoch` on the nearest neighbours in the queue are
positives too (NNM). Where the paper and the released code differ (sources C19):

| | official | paper |
|---|---|---|
| NNM loss (Eq. 9) | mean of `-log p` over the positives | `-log` of their sum |
| EADM's temporal mask | each element | each frame |
| EADM's scale | one for the batch | one for each body |
| key encoder's start | weights of its own | a copy |
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated

import torch
from torch import Generator, Tensor, nn

from ..augment.aimclr_views import AimCLRViews, draw_views
from ..contracts import Encoder
from ..losses.contrastive import cosines, info_nce, nearest_positives, nnm
from ..settings.ranges import Form, Keys, Positive, Range, Share, Size
from ._momentum import KeyEncoder, of_form, projector
from ._nearest import check_settings, embed_views, matching
from ._sync_norm import synchronize


class AimCLR(nn.Module):
    """AimCLR pretraining on an encoder with feature maps (ST-GCN).

    Args:
        encoder: the query encoder; for EADM a `MapEncoder`.
        views: how its views are drawn.
        queue: keys of earlier clips to tell apart (32768).
        feature: length of a key (128).
        momentum: what stays of the key encoder at a step (0.999).
        temperature: of the softmax over keys (0.07).
        mining_epoch: epochs before neighbours are mined (150).
        topk: neighbours of each view that become positives (1).
        extreme: use the extreme view (ablation, Table 1); without it there is no D3M and no EADM.
        eadm: use the dropped view (ablation, Table 1); without it D3M is its first half (Eq. 7),
            as it was in the code released with the paper.
        nnm: mine neighbours (ablation, Table 1).
        sync_bn: BatchNorm over the batch of all processes, so that several train as one (released:
            each by itself).
        form: "official" or "paper", see above.

    The numbers are the released configuration's (sources C21).

    Raises:
        ValueError: EADM on an encoder without `maps`, an unknown form, or a number out of range.
    """

    preparation = MappingProxyType({"ntu25": "aimclr"})  # layout -> normalisation, sources D2
    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: AimCLRViews = AimCLRViews(),
        *,
        queue: Keys = 32768,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperature: Positive = 0.07,
        mining_epoch: Annotated[int, Range(ge=0)] = 150,
        topk: Keys = 1,
        extreme: bool = True,
        eadm: bool = True,
        nnm: bool = True,
        sync_bn: bool = False,
        form: Form = "official",
    ) -> None:
        super().__init__()
        check_settings(encoder, extreme and eadm, topk, queue)
        self.encoder, self.form = encoder, form
        self.whole_batches = form == "official"  # sources C21
        self.view_options = of_form(views, form)
        self.extreme, self.eadm, self.nnm = extreme, eadm and extreme, nnm
        self.mining_epoch, self.topk, self.mining = mining_epoch, topk, False
        self.projector = projector(self.encoder.dim, feature)
        self.key = KeyEncoder(encoder, self.projector, queue, feature, momentum, form)
        self.temperature = temperature
        self.start_epoch(0)
        if sync_bn:
            synchronize(self)

    def start_epoch(self, epoch: int) -> None:
        """Mining starts in epoch `mining_epoch`, counted from 0."""
        self.mining = self.nnm and epoch >= self.mining_epoch

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Extreme, query and key view of padded clips `(N, C, T, V, M)`; see `draw_views`."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.encoder.skeleton,
            self.view_options, self.encoder.coordinates,
        )  # fmt: skip

    def contrast(self, extreme: Tensor, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """Logits `(B, 1 + K)` of the views, B the batch over all processes.

        Returns:
            `normal`, and as far as they are used `extreme` and `dropped`.
        """
        embeddings = embed_views(
            self.encoder, self.projector, extreme, query, self.extreme, self.eadm, self.form
        )
        k = self.key(key, self.encoder, self.projector)
        queue = self.key.queue.keys
        return {name: cosines(z, k, queue) / self.temperature for name, z in embeddings.items()}

    def forward(self, extreme: Tensor, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """The loss of the three views and its terms.

        Returns:
            `info_nce`, or while mining `mining` (Eq. 9), and with the extreme view `matching` (D3M,
            the mean of Eq. 7 and 8); `loss` is their sum (α = β = 1).
        """
        logits = self.contrast(extreme, query, key)
        if self.mining:
            positives = nearest_positives(list(logits.values()), self.topk)
            terms = {"mining": nnm(logits["normal"], positives, self.form)}
        else:
            terms = {"info_nce": info_nce(logits["normal"])}
        if self.extreme:
            terms["matching"] = matching(logits)
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def after_step(self) -> None:
        """The step's keys enter the queue."""
        self.key.queue.advance()

"""HiCLR: views that grow stronger step by step, each pulled to the next weaker one.

Paper: Zhang et al., Hierarchical Consistent Contrastive Learning for Skeleton-Based Action
Recognition with Growing Augmentations, AAAI 2023. Code: github.com/JHang2020/HiCLR (MIT); sources
K6 to K10.

A basic view is contrasted as in SkeletonCLR, and from `mining_epoch` on with its nearest neighbours
as in AimCLR. The distribution over the keys of a normal view is pulled to the basic one's, that of
a strong view to the normal one's, and never back: what is too strong to be told at once is learned
over a step between. The strong view hides joints behind a learned number, in the stream that the
encoder sees, and may cut links of ST-GCN's graph.

The paper has two more strong augmentations, links that are added and the exchange of two skeletons'
mean and deviation (SkeleAdaIN). The released ST-GCN run uses neither, nor does it cut links.

The released code draws the key encoder apart from the query encoder (form "official"), which looks
like a slip (sources C4); "paper" starts it as a copy, as MoCo does.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any

import torch
from torch import Generator, Tensor, nn

from ..augment.hiclr import HiCLRViews, Views, draw_views
from ..contracts import Encoder
from ..losses.contrastive import cosines, distribution_matching, info_nce, nearest_positives, nnm
from ..settings.ranges import Form, Keys, Positive, Range, Share, Size, check_form
from ..streams import derive
from ._momentum import KeyEncoder, embed, projector
from ._streams import as_derived
from ._sync_norm import synchronize


class HiCLR(nn.Module):
    """HiCLR pretraining; any encoder, in the paper ST-GCN or a transformer.

    Args:
        encoder: the query encoder.
        views: how its views are drawn.
        queue: keys of earlier clips to tell apart (32768).
        feature: length of a key (128).
        momentum: what stays of the key encoder at a step (0.999).
        temperature: of the softmax over keys (0.07).
        mining_epoch: epochs before neighbours are mined (150).
        topk: neighbours of each view that become positives (1).
        sync_bn: BatchNorm over the batch of all processes, so that several train as one (released:
            each by itself).
        form: "official" or "paper", see above.

    The numbers are the released configuration's (sources K10).

    Raises:
        ValueError: links to cut of an encoder without a graph, an unknown form, or a number out of
            range.
    """

    preparation = MappingProxyType({"ntu25": "aimclr"})  # layout -> normalisation, sources D2
    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: HiCLRViews = HiCLRViews(),
        *,
        queue: Keys = 32768,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperature: Positive = 0.07,
        mining_epoch: Annotated[int, Range(ge=0)] = 150,
        topk: Keys = 1,
        sync_bn: bool = False,
        form: Form = "official",
    ) -> None:
        super().__init__()
        check_form(form)
        if not 1 <= topk <= queue:
            raise ValueError(f"topk={topk}: must be from 1 to queue={queue}")
        if views.drop_edges and not hasattr(encoder, "adjacency"):
            raise ValueError(
                f"hiclr cuts links of an encoder with a graph (stgcn), not "
                f"{type(encoder).__name__}; give views.drop_edges=0 for any other"
            )
        self.encoder, self.view_options = encoder, views
        self.whole_batches = form == "official"  # sources K10
        self.mining_epoch, self.topk, self.temperature = mining_epoch, topk, temperature
        self.projector = projector(self.encoder.dim, feature)
        self.key = KeyEncoder(encoder, self.projector, queue, feature, momentum, form)
        # What every hidden coordinate becomes; one number, learned (sources K7).
        self.stand_in = nn.Parameter(torch.zeros(())) if views.mask else None
        self.start_epoch(0)
        if sync_bn:
            synchronize(self)

    def start_epoch(self, epoch: int) -> None:
        """Mining starts in epoch `mining_epoch`, counted from 0."""
        self.mining = epoch >= self.mining_epoch

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> Views:
        """Basic, normal and strong views of padded clips `(N, C, T, V, M)`; see `draw_views`."""
        encoder: Any = self.encoder  # only some have a graph
        graph = (encoder.adjacency, len(encoder.blocks)) if self.view_options.drop_edges else None
        return draw_views(
            x, lengths, generator, encoder.num_frames, encoder.skeleton, self.view_options,
            encoder.coordinates, graph,
        )  # fmt: skip

    def contrast(self, v: Views) -> dict[str, Tensor]:
        """Logits `(B, 1 + K)` of the basic, normal and strong view, B over all processes."""
        features = {
            "basic": self.encoder(v.query),
            "normal": self.encoder(v.normal),
            "strong": self.encode_strong(v.strong, v.hidden, v.links),
        }
        embeddings = {name: embed(self.projector(h)) for name, h in features.items()}
        k = self.key(v.key, self.encoder, self.projector)
        queue = self.key.queue.keys
        return {name: cosines(z, k, queue) / self.temperature for name, z in embeddings.items()}

    def encode_strong(self, x: Tensor, hidden: Tensor | None, links: Tensor | None) -> Tensor:
        """Clip vectors `(N, dim)` of joints `(N, C, T, V, M)`, some hidden, some links cut.

        What the stand-in replaces are coordinates of the encoder's stream. A joint that has a
        confidence keeps it; one that is missing stays so.
        """
        encoder: Any = self.encoder  # one with a graph takes another in its place
        cut = {} if links is None else {"adjacency": links}
        if hidden is None or self.stand_in is None:
            return encoder(x, **cut)
        x = derive(x, encoder.stream, encoder.skeleton, encoder.coordinates)
        x, rest = x.tensor_split([encoder.coordinates], dim=1)
        where = hidden[:, None, :, :, None]  # (N, 1, T, V, 1)
        if rest.shape[1]:
            where = where & (rest > 0)
        x = torch.where(where, self.stand_in.to(x.dtype), x)
        with as_derived(encoder):
            return encoder(torch.cat([x, rest], dim=1) if rest.shape[1] else x, **cut)

    # Any: fields of `Views`, each of its own type.
    def forward(self, *views: Any) -> dict[str, Tensor]:
        """The loss of the views and its terms.

        Returns:
            `info_nce`, or while mining `mining`, and halved `normal` (from the basic view) and
            `strong` (from the normal view); `loss` is their sum.
        """
        logits = self.contrast(Views(*views))
        basic, normal, strong = logits.values()
        if self.mining:
            positives = nearest_positives([basic, normal, strong], self.topk)
            terms = {"mining": nnm(basic, positives)}
        else:
            terms = {"info_nce": info_nce(basic)}
        terms["normal"] = distribution_matching(normal, teacher=basic) / 2
        terms["strong"] = distribution_matching(strong, teacher=normal) / 2
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def after_step(self) -> None:
        """The step's keys enter the queue."""
        self.key.queue.advance()

"""AimCLR with cross-stream mining: the rows marked § in AimCLR's tables, whose code was never
released.

Papers: Guo et al., AimCLR, AAAI 2022 (Tables 3 to 6); Li et al., CrosSCLR, CVPR 2021, section 3.3.
Code: none (sources C19). The papers say only that CrosSCLR's mining is added to AimCLR's three
streams. Built so:

- Each stream is a whole AimCLR: encoder, projector, key encoder and queue of its own, and its own
  D3M. All streams see the same views, as in CrosSCLR. The projectors are not shared: CrosSCLR's
  released sharing looks like a slip, and AimCLR's single-stream results have nothing to gain by it.
- Until `mining_epoch` the streams' AimCLR losses are added up.
- From then on, for each ordered pair of streams, the positives of the one are its own key and the
  nearest neighbours that any view (normal, extreme, dropped) of *either* stream names: AimCLR's NNM
  and CrosSCLR's mining in one set. With `context` the products of both streams' similarities are
  compared too (CrosSCLR). A stream's loss is the mean over its partners, plus its D3M.
- Key encoders all follow their query encoders throughout (CrosSCLR's paper; its code forgets two).

With one view a stream (`extreme=false`) and neighbours from the partner alone, this would be
CrosSCLR without its shared heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import torch
from torch import Generator, Tensor, nn

from ..augment.aimclr_views import AimCLRViews, draw_views
from ..contracts import Encoder
from ..losses.contrastive import cosines, info_nce, nearest_positives, nnm, with_context
from ..settings.ranges import Form, Keys, Positive, Range, Share, Size
from ._momentum import KeyEncoder, of_form, projector
from ._nearest import check_settings, embed_views, matching
from ._streams import check_streams, registered, sibling
from ._sync_norm import synchronize


class AimCLRCross(nn.Module):
    """AimCLR pretraining of two or three streams that mine for each other.

    Args:
        encoder: the query encoder of the joint stream, as `AimCLR` takes it.
        views: how its views are drawn.
        streams: joint first, then one or two others.
        queue: keys of earlier clips to tell apart, for each stream (32768).
        feature: length of a key (128).
        momentum: what stays of a key encoder at a step (0.999).
        temperature: of the softmax over keys (0.07).
        mining_epoch: epochs before streams mine for themselves and each other (150).
        topk: neighbours of each view that become positives (1).
        context: compare the products of both streams' similarities as well.
        eadm: use the dropped view.
        sync_bn: BatchNorm over the batch of all processes, so that several train as one.
        form: "official" or "paper", as for `AimCLR`.

    Raises:
        ValueError: what `AimCLR` and `CrosSCLR` refuse.
    """

    preparation = MappingProxyType({"ntu25": "aimclr"})  # layout -> normalisation, sources D2
    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: AimCLRViews = AimCLRViews(),
        *,
        streams: tuple[str, ...] = ("joint", "motion", "bone"),
        queue: Keys = 32768,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperature: Positive = 0.07,
        mining_epoch: Annotated[int, Range(ge=0)] = 150,
        topk: Keys = 1,
        context: bool = True,
        eadm: bool = True,
        sync_bn: bool = False,
        form: Form = "official",
    ) -> None:
        super().__init__()
        check_streams(encoder, streams, "aimclr_cross")
        check_settings(encoder, eadm, topk, queue)
        self.encoder, self.form, self.eadm = encoder, form, eadm
        self.whole_batches = form == "official"  # sources C21
        self.view_options = of_form(views, form)
        self.streams, self.temperature = tuple(streams), temperature
        self.mining_epoch, self.topk, self.context = mining_epoch, topk, context
        self.encoders = registered({name: sibling(encoder, name) for name in streams[1:]})
        self.projectors = nn.ModuleDict(
            {name: projector(self.encoder.dim, feature) for name in streams}
        )
        self.keys = registered(
            {
                name: KeyEncoder(query, self.projectors[name], queue, feature, momentum, form)
                for name, query in self._queries().items()
            }
        )
        self.start_epoch(0)
        if sync_bn:
            synchronize(self)

    def start_epoch(self, epoch: int) -> None:
        """Mining starts in epoch `mining_epoch`, counted from 0."""
        self.mining = epoch >= self.mining_epoch

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Extreme, query and key view of padded clips `(N, C, T, V, M)`; all streams see them."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.encoder.skeleton,
            self.view_options, self.encoder.coordinates,
        )  # fmt: skip

    def contrast(self, extreme: Tensor, query: Tensor, key: Tensor) -> dict[str, dict[str, Tensor]]:
        """Stream -> view -> cosines `(B, 1 + K)`, B the batch over all processes."""
        similar = {}
        for name, encoder in self._queries().items():
            z = embed_views(
                encoder, self.projectors[name], extreme, query, True, self.eadm, self.form
            )
            k = self.keys[name](key, encoder, self.projectors[name])
            queue = self.keys[name].queue.keys
            similar[name] = {view: cosines(q, k, queue) for view, q in z.items()}
        return similar

    def forward(self, extreme: Tensor, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """The loss of the three views: the sum of the streams' losses, which have their names."""
        similar = self.contrast(extreme, query, key)
        terms = {}
        for name, by_view in similar.items():
            logits = {view: c / self.temperature for view, c in by_view.items()}
            contrast = self._mined(similar, name) if self.mining else info_nce(logits["normal"])
            terms[name] = contrast + matching(logits)
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def after_step(self) -> None:
        """The step's keys enter the queues."""
        for name in self.streams:
            self.keys[name].queue.advance()

    def _mined(self, similar: Mapping[str, Mapping[str, Tensor]], name: str) -> Tensor:
        """One stream's contrastive loss: the mean over the streams that mine with it."""
        ours, losses = similar[name], []
        for other, theirs in similar.items():
            if other != name:
                compared, views = ours["normal"], [*ours.values(), *theirs.values()]
                positives = nearest_positives(views, self.topk)
                if self.context:
                    compared, positives = with_context(compared, theirs["normal"], positives)
                losses.append(nnm(compared / self.temperature, positives, self.form))
        return torch.stack(losses).mean()

    def _queries(self) -> dict[str, Encoder]:
        return {"joint": self.encoder, **self.encoders}

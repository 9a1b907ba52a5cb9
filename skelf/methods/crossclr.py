"""CrosSCLR: the streams of a clip trained together, each naming positives for the others.

Paper: Li et al., 3D Human Action Representation Learning via Cross-View Consistency Pursuit, CVPR
2021. Code: github.com/LinguoLi/CrosSCLR (BSD-2); the three-stream model is that of AimCLR's release
too (sources C20).

One
SkeletonCLR for each stream, all on the same augmented views; from `cross_epoch` on a clip's nearest
neighbours in one stream are its positives in the others. Where forms differ:

| | official | paper |
|---|---|---|
| key encoders while crossing | only the second stream's still follows | all follow |
| shared key projector | follows once for each stream that follows | once a step |
| key encoders' start | weights of their own | copies |
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

import torch
from torch import Generator, Tensor, nn

from ..augment.skeletonclr import SkeletonCLRViews, draw_views
from ..contracts import Encoder
from ..encoders.stgcn import initialize
from ..losses.contrastive import cosines, cross_stream, info_nce, nnm
from ..settings.ranges import Form, Keys, Positive, Range, Share, Size
from ._momentum import Queue, check_momentum, embed, follow, key_copy, of_form, projector
from ._streams import check_streams, registered, sibling
from ._sync_norm import synchronize


class CrosSCLR(nn.Module):
    """CrosSCLR pretraining of two or three streams; any encoder.

    Each stream has a query encoder, a key encoder and a queue. The joint stream's projector is
    shared: in the others a linear layer and a ReLU of their own come before it (released).

    Args:
        encoder: the joint stream's query encoder; `.encoder` of the method, what is evaluated. The
            other streams' are like it, drawn anew, in `.encoders`.
        views: how its views are drawn.
        streams: joint, and one or two others.
        queue: keys of earlier clips in each stream (32768).
        feature: length of a key (128).
        momentum: what stays of a key encoder at a step (0.999).
        temperature: of the softmax over keys (0.07).
        cross_epoch: epochs before streams mine for each other (150).
        topk: neighbours that a stream names (1).
        context: contrast products of two streams' similarities too, see `cross_stream`.
        sync_bn: BatchNorm over the batch of all processes, so that several train as one (released:
            each by itself).
        form: "official" or "paper", see above.

    The numbers are the released configuration's (sources C20, C21).

    Raises:
        ValueError: streams other than said above, an encoder of another stream than joint, an
            unknown form, or a number out of range.
    """

    preparation = MappingProxyType({"ntu25": "aimclr"})  # layout -> normalisation, sources D2
    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: SkeletonCLRViews = SkeletonCLRViews(),
        *,
        streams: tuple[str, ...] = ("joint", "motion", "bone"),
        queue: Keys = 32768,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperature: Positive = 0.07,
        cross_epoch: Annotated[int, Range(ge=0)] = 150,
        topk: Keys = 1,
        context: bool = True,
        sync_bn: bool = False,
        form: Form = "official",
    ) -> None:
        super().__init__()
        check_streams(encoder, streams, "crossclr")
        if not 1 <= topk <= queue:
            raise ValueError(f"topk={topk}: must be from 1 to queue={queue}")
        check_momentum(momentum)
        self.encoder, self.form = encoder, form
        self.whole_batches = form == "official"  # sources C21
        self.view_options = of_form(views, form)
        self.streams, self.momentum, self.temperature = tuple(streams), momentum, temperature
        self.cross_epoch, self.topk, self.context = cross_epoch, topk, context
        dim, others = self.encoder.dim, self.streams[1:]
        self.encoders = registered({name: sibling(encoder, name) for name in others})
        self.projector = projector(dim, feature)
        self.heads = nn.ModuleDict({name: nn.Linear(dim, dim) for name in others})
        initialize(self.heads)
        self.encoders_k = registered(
            {name: key_copy(query, form) for name, query in self._queries().items()}
        )
        self.projector_k = key_copy(self.projector, form)
        self.heads_k = key_copy(self.heads, form)
        self.queues = registered({name: Queue(queue, feature) for name in self.streams})
        self.start_epoch(0)
        if sync_bn:
            synchronize(self)

    def start_epoch(self, epoch: int) -> None:
        """Streams mine for each other from epoch `cross_epoch` on, counted from 0."""
        self.crossing = epoch >= self.cross_epoch

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Query and key view of padded clips `(N, C, T, V, M)`; all streams see the same."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.encoder.skeleton,
            self.view_options, self.encoder.coordinates,
        )  # fmt: skip

    def contrast(self, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """Stream -> cosines `(B, 1 + K)`, B the batch over all processes."""
        q = {
            name: embed(_project(encoder(query), name, self.heads, self.projector))
            for name, encoder in self._queries().items()
        }
        k = self.keys(key)
        return {name: cosines(q[name], k[name], self.queues[name].keys) for name in self.streams}

    @torch.no_grad()
    def keys(self, x: Tensor) -> dict[str, Tensor]:
        """Stream -> keys `(B, D)`; in training the key encoders move first, once a step."""
        if self.training and not self.queues["joint"].waiting:
            self._follow()
        keys = {}
        for name in self.streams:
            features = self.encoders_k[name](x)
            keys[name] = embed(_project(features, name, self.heads_k, self.projector_k))
            if self.training:
                self.queues[name].push(keys[name])
        return keys

    def forward(self, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """The loss of the two views: the sum of the streams' losses, which have their names."""
        similar = self.contrast(query, key)
        if self.crossing:
            terms = {name: self._crossed(similar, name) for name in similar}
        else:
            terms = {name: info_nce(c / self.temperature) for name, c in similar.items()}
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def after_step(self) -> None:
        """The step's keys enter the queues."""
        for name in self.streams:
            self.queues[name].advance()

    def _crossed(self, similar: Mapping[str, Tensor], name: str) -> Tensor:
        """One stream's loss: the mean over the streams that mine for it."""
        losses = []
        for other in similar:
            if other != name:
                compared, positives = cross_stream(
                    similar[name], similar[other], self.topk, self.context
                )
                losses.append(nnm(compared / self.temperature, positives))
        return torch.stack(losses).mean()

    def _follow(self) -> None:
        official = self.form == "official"
        moving = self.streams[1:2] if official and self.crossing else self.streams
        queries = self._queries()
        for turn, name in enumerate(moving):
            follow(self.encoders_k[name], queries[name], self.momentum)
            if name in self.heads:
                follow(self.heads_k[name], self.heads[name], self.momentum)
            if official or turn == 0:
                follow(self.projector_k, self.projector, self.momentum)

    def _queries(self) -> dict[str, Encoder]:
        return {"joint": self.encoder, **self.encoders}


def _project(h: Tensor, name: str, heads: nn.ModuleDict, shared: nn.Module) -> Tensor:
    """A stream's features `(N, dim)` through its own layer, where it has one, and the shared."""
    return shared(heads[name](h).relu() if name in heads else h)

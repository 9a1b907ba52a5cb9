"""CMD: the streams of a clip trained together, each distilling whom the others find near.

Paper: Mao et al., CMD: Self-supervised 3D Action Representation Learning with Cross-modal Mutual
Distillation, ECCV 2022. Code: github.com/maoyunyao/CMD (no licence file); sources K1 to K5.

Joint, motion and bone are each contrasted as in MoCo v2, with an encoder, a projector, a key side
and a queue of their own, all on the same augmented joints. What a stream knows is the distribution
of a clip's key over its nearest keys of earlier clips; every other stream's query is pulled to that
distribution over the same clips. All queues hold the same clips in the same order, so a place in
one is a place in all. Teaching is in both directions and from the first step on, unlike
CrosSCLR's. `--stream all` judges the streams together.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Generator, Tensor, nn

from ..augment.cmd import CMDViews, draw_views
from ..contracts import Encoder
from ..losses.contrastive import cosines, info_nce
from ..losses.distillation import neighbouring
from ..settings.ranges import Amount, Keys, Positive, Share, Size
from ._momentum import KeyEncoder, embed, xavier_projector
from ._streams import check_streams, registered, sibling
from ._sync_norm import synchronize


class CMD(nn.Module):
    """CMD pretraining of two or three streams; any encoder, in the paper a GRU.

    Args:
        encoder: the joint stream's query encoder; `.encoder` of the method, what is evaluated. The
            other streams' are like it, drawn anew, in `.encoders`.
        views: how its views are drawn.
        streams: joint, and one or two others.
        queue: keys of earlier clips, for each stream (16384).
        feature: length of a key (128).
        momentum: what stays of a key encoder at a step (0.999).
        temperature: of InfoNCE (0.07).
        topk: nearest keys over which a teacher's distribution is (8192). None: half of the queue.
        student_temperature: of a query's distribution (0.1).
        teacher_temperature: of a key's distribution, the sharper one (0.05).
        weight: of the distillation, the sum over all ordered pairs of streams (1).
        sync_bn: BatchNorm over the batch of all processes, so that several train as one.

    The numbers are the released scripts' (sources K4).

    Raises:
        ValueError: streams other than said above, an encoder of another stream than joint, or a
            number out of range.
    """

    preparation = MappingProxyType({"ntu25": "agcn"})  # layout -> normalisation, sources D1
    whole_batches = True  # sources K4
    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: CMDViews = CMDViews(),
        *,
        streams: tuple[str, ...] = ("joint", "motion", "bone"),
        queue: Keys = 16384,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperature: Positive = 0.07,
        topk: Keys | None = None,
        student_temperature: Positive = 0.1,
        teacher_temperature: Positive = 0.05,
        weight: Amount = 1.0,
        sync_bn: bool = False,
    ) -> None:
        super().__init__()
        check_streams(encoder, streams, "cmd")
        self.topk = max(queue // 2, 1) if topk is None else topk
        if not 1 <= self.topk <= queue:
            raise ValueError(f"topk={topk}: must be from 1 to queue={queue}")
        self.encoder, self.view_options = encoder, views
        self.streams, self.temperature, self.weight = tuple(streams), temperature, weight
        self.temperatures = student_temperature, teacher_temperature
        self.encoders = registered({name: sibling(encoder, name) for name in streams[1:]})
        self.projectors = nn.ModuleDict(
            {name: xavier_projector(self.encoder.dim, feature) for name in streams}
        )
        self.keys = registered(
            {
                name: KeyEncoder(query, self.projectors[name], queue, feature, momentum, "paper")
                for name, query in self._queries().items()
            }
        )
        if sync_bn:
            synchronize(self)

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Query and key view of padded clips `(N, C, T, V, M)`; all streams see the same."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.view_options,
            self.encoder.coordinates,
        )  # fmt: skip

    def relations(self, query: Tensor, key: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """How each stream sees the clips, B of them over all processes.

        Returns:
            Stream -> cosines `(B, 1 + K)` of the query with its own key and the queue, and
            stream -> cosines `(B, K)` of the key with the queue, which have no gradient.
        """
        students, teachers = {}, {}
        for name, encoder in self._queries().items():
            z = embed(self.projectors[name](encoder(query)))
            k = self.keys[name](key, encoder, self.projectors[name])
            queue = self.keys[name].queue.keys
            students[name] = cosines(z, k, queue)
            teachers[name] = cosines(k, k, queue)[:, 1:]
        return students, teachers

    def forward(self, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """The loss of the two views and its terms.

        Returns:
            Each stream's InfoNCE under its name, and `distillation`, weighted; `loss` is their sum.
        """
        students, teachers = self.relations(query, key)
        terms = {name: info_nce(c / self.temperature) for name, c in students.items()}
        if self.weight:
            terms["distillation"] = self.weight * self.distil(students, teachers)
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def distil(self, students: Mapping[str, Tensor], teachers: Mapping[str, Tensor]) -> Tensor:
        """The sum over all ordered pairs of streams; arguments as `relations` gives them."""
        losses = [
            neighbouring(
                [c[:, 1:] for other, c in students.items() if other != name],
                teacher, self.topk, *self.temperatures,
            )
            for name, teacher in teachers.items()
        ]  # fmt: skip
        return torch.stack(losses).sum()

    def after_step(self) -> None:
        """The step's keys enter the queues."""
        for name in self.streams:
            self.keys[name].queue.advance()

    def _queries(self) -> dict[str, Encoder]:
        return {"joint": self.encoder, **self.encoders}

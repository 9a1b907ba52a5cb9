"""ISC: two encoders that see a skeleton differently find each other's keys.

Paper: Thoker, Doughty, Snoek, Skeleton-Contrastive 3D Action Representation Learning, ACM MM 2021
(its abstract; equations were not at hand). Code: github.com/fmthoker/skeleton-contrast (no licence
file); sources L5 to L8.

A skeleton is a sequence to a recurrent encoder (GRU), a graph to ST-GCN, a picture to HCN. Of two
of them each has a query and a key encoder; the query of the one has to find the key of the other,
among a queue of the other's earlier keys. Differs: their graph encoder is 2s-AGCN and their GRU has
no BatchNorm before it; ours are those that skelf has.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Literal

from torch import Generator, Tensor, nn

from ..augment.isc import ISCViews, draw_views
from ..contracts import Encoder
from ..encoders import ENCODERS
from ..losses.contrastive import cosines, info_nce
from ..settings.ranges import Keys, Positive, Share, Size
from ._momentum import KeyEncoder, embed, projector
from ._sync_norm import synchronize


class ISC(nn.Module):
    """ISC pretraining of two encoders of one skeleton; any encoder.

    Args:
        encoder: the query encoder of the first representation; `.encoder` of the method.
        views: how its views are drawn.
        partner: the encoder of the other representation, for what the first one is given: stgcn,
            gru or hcn. None: stgcn, or gru where the first is stgcn. It is kept as `.partner`; to
            judge it, give its name as `encoder.name`, since the loss is the same both ways.
        partner_dim: the partner's setting `dim`; None: its default.
        queue: keys of earlier clips, in each of two queues (16384).
        feature: length of a key (128).
        momentum: what stays of a key encoder at a step (0.999).
        temperature: of the softmax over keys (0.07).
        sync_bn: BatchNorm over the batch of all processes, so that several train as one (released:
            each by itself).

    The numbers are the released configuration's (sources L8).

    Raises:
        ValueError: two encoders of one kind, or a number out of range.
    """

    preparation = MappingProxyType({"ntu25": "agcn"})  # layout -> normalisation, sources L8
    encoder: Encoder

    def __init__(
        self,
        encoder: Encoder,
        views: ISCViews = ISCViews(),
        *,
        partner: Literal["stgcn", "gru", "hcn"] | None = None,
        partner_dim: Size | None = None,
        queue: Keys = 16384,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperature: Positive = 0.07,
        sync_bn: bool = False,
    ) -> None:
        super().__init__()
        self.encoder, self.view_options = encoder, views
        self.partner = _partner(encoder, partner, partner_dim)
        self.whole_batches = True  # sources L8
        self.projector = projector(encoder.dim, feature)
        self.partner_projector = projector(self.partner.dim, feature)
        start = "paper"  # both key encoders start as copies (sources L5)
        self.key = KeyEncoder(encoder, self.projector, queue, feature, momentum, start)
        self.partner_key = KeyEncoder(
            self.partner, self.partner_projector, queue, feature, momentum, start
        )
        self.temperature = temperature
        if sync_bn:
            synchronize(self)

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Query and key view of padded clips `(N, C, T, V, M)`; both encoders see the same."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.view_options,
            self.encoder.coordinates,
        )  # fmt: skip

    def forward(self, query: Tensor, key: Tensor) -> dict[str, Tensor]:
        """The loss of the two views: `first`, what `.encoder` is asked, plus `second`."""
        q = embed(self.projector(self.encoder(query)))
        r = embed(self.partner_projector(self.partner(query)))
        k = self.key(key, self.encoder, self.projector)
        m = self.partner_key(key, self.partner, self.partner_projector)
        first = info_nce(cosines(q, m, self.partner_key.queue.keys) / self.temperature)
        second = info_nce(cosines(r, k, self.key.queue.keys) / self.temperature)
        return {"loss": first + second, "first": first, "second": second}

    def after_step(self) -> None:
        """The step's keys enter the queues."""
        self.key.queue.advance()
        self.partner_key.queue.advance()


def _partner(encoder: Encoder, name: str | None, dim: int | None) -> Encoder:
    """An encoder of another kind for the same clips."""
    if name is None:
        name = "gru" if isinstance(encoder, ENCODERS["stgcn"]) else "stgcn"
    if isinstance(encoder, ENCODERS[name]):
        raise ValueError(
            f"isc contrasts two representations of a skeleton, not {type(encoder).__name__} with "
            f"another: give method.partner=gru, stgcn or hcn, but not {name}"
        )
    sizes = {} if dim is None else {"dim": dim}
    made: Callable[..., Encoder] = ENCODERS[name]
    return made(
        encoder.skeleton, encoder.in_channels, encoder.persons, encoder.stream, encoder.confidence,
        frames=encoder.num_frames, **sizes,
    )  # fmt: skip

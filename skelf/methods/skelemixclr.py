"""SkeleMixCLR: what was pasted into a clip, and what is left of it, are told apart on the map.

Paper: Chen et al., Contrastive Learning from Spatio-Temporal Mixed Skeleton Sequences for
Self-Supervised Skeleton-Based Action Recognition, 2022 (its abstract; equations were not at hand).
Code: github.com/czhaneva/SkeleMixCLR (BSD-2); sources L1 to L4.

SkeletonCLR with hard pairs: some body parts of another clip are pasted into the query view for a
while. The feature map of the mixture is pooled twice, over the pasted region and over the rest; the
one has to find the other clip's key, the other the clip's own, each with the other half among the
negatives. Differs: joints are mixed, and an encoder of another stream derives it from the mixture
(released: the stream is mixed); the graph is that of our ST-GCN (sources C1), theirs is 2s-AGCN's.
"""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Generator, Tensor, nn

from ..augment.skelemixclr import SkeleMixViews, draw_views
from ..data.joints.parts import with_parts
from ..encoders._norms import RowNorm
from ..encoders.stgcn import initialize
from ..losses.contrastive import cosines, info_nce
from ..machine.distributed import gather
from ..settings.ranges import Amount, Form, Keys, Positive, Share, Size
from ._momentum import KeyEncoder, embed
from ._nearest import MapEncoder
from ._sync_norm import synchronize


class SkeleMixCLR(nn.Module):
    """SkeleMixCLR pretraining on an encoder with feature maps (ST-GCN).

    Args:
        encoder: the query encoder; `.encoder` of the method.
        views: how its views are drawn; its default of three mixtures is what the authors call
            SkeleMixCLR+.
        queue: keys of earlier clips to tell apart (32768).
        feature: length of a key (128).
        momentum: what stays of the key encoder at a step (0.999).
        temperature: of the softmax over keys (0.2).
        mixed: weight of each mixture's loss beside the clip's own (1).
        sync_bn: BatchNorm over the batch of all processes, so that several train as one (released:
            each by itself).
        form: "official": the key encoder starts from other weights than the query encoder. "paper":
            it starts as a copy.

    The numbers are the released configuration's (sources L4).

    Raises:
        ValueError: an encoder without `maps`, an unknown form, or a number out of range.
    """

    preparation = MappingProxyType({"ntu25": "aimclr"})  # layout -> normalisation, sources D2
    encoder: MapEncoder

    def __init__(
        self,
        encoder: MapEncoder,
        views: SkeleMixViews = SkeleMixViews(),
        *,
        queue: Keys = 32768,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperature: Positive = 0.2,
        mixed: Amount = 1.0,
        sync_bn: bool = False,
        form: Form = "official",
    ) -> None:
        super().__init__()
        if not hasattr(encoder, "maps"):
            raise ValueError(
                "skelemixclr pools regions of the feature map of an encoder with maps (stgcn), "
                f"not {type(encoder).__name__}; give encoder.name=stgcn"
            )
        self.encoder, self.view_options = encoder, views
        self.bodies = with_parts(encoder.skeleton)  # parts of a layout that names none
        self.whole_batches = True  # sources L4
        self.projector = _projector(encoder.dim, feature)
        self.key = KeyEncoder(encoder, self.projector, queue, feature, momentum, form)
        self.temperature, self.mixed = temperature, mixed
        if sync_bn:
            synchronize(self)

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> tuple[Tensor, ...]:
        """Views of padded clips `(N, C, T, V, M)`; see `draw_views`."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.bodies, self.view_options,
            self.encoder.coordinates,
        )  # fmt: skip

    def forward(
        self, query: Tensor, key: Tensor, away: Tensor, cells: Tensor, *mixed: Tensor
    ) -> dict[str, Tensor]:
        """The loss of the views and its terms.

        Returns:
            `info_nce` of the clip, `pasted` and `left` of its mixtures, their weighted sums over
            the mixtures; `loss` is their sum.
        """
        q = embed(self.projector(self.encoder(query)))
        halves = [
            [embed(self.projector(pooled)) for pooled in masked_pool(self.encoder, view, cell)]
            for view, cell in zip(mixed, cells.unbind(1), strict=True)
        ]
        k = self.key(key, self.encoder, self.projector)
        partners = torch.arange(len(k), device=k.device)[:, None] + gather(away)
        terms = {"info_nce": self.contrast(q, k)}
        pasted, left = [], []
        for (p, c), partner in zip(halves, partners.unbind(1), strict=True):
            pasted.append(self.contrast(p, k[partner], c))
            left.append(self.contrast(c, k, p))
        for name, losses in (("pasted", pasted), ("left", left)):
            terms[name] = 0.5 * self.mixed * torch.stack(losses).sum()
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    def contrast(self, z: Tensor, key: Tensor, other: Tensor | None = None) -> Tensor:
        """InfoNCE of embeddings `(B, D)`; the mixture's other half is one more negative."""
        logits = cosines(z, key, self.key.queue.keys)
        if other is not None:
            logits = torch.cat([logits, (z * other.detach()).sum(dim=1, keepdim=True)], dim=1)
        return info_nce(logits / self.temperature)

    def after_step(self) -> None:
        """The step's keys enter the queue."""
        self.key.queue.advance()


def masked_pool(encoder: MapEncoder, x: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of the feature map over some cells, and over the others; an empty region gives 0.

    Args:
        encoder: its maps are `(N*M, dim, T', V)`.
        x: clips `(N, C, T, V, M)`.
        cells: bool `(N, T', V)`.

    Returns:
        Two tensors `(N, dim)`, the mean over persons.

    Source: the released code (sources L2).
    """
    maps = encoder.maps(x)
    inside = cells.to(maps.dtype).repeat_interleave(encoder.persons, dim=0)
    weights = torch.stack([inside, 1 - inside])
    weights = weights / weights.sum(dim=(2, 3), keepdim=True).clamp_min(1)
    pooled = torch.einsum("bctv,rbtv->rbc", maps, weights)
    first, second = pooled.view(2, -1, encoder.persons, encoder.dim).mean(dim=2)
    return first, second


def _projector(features: int, out: int) -> nn.Sequential:
    """Linear, BatchNorm, ReLU, Linear; drawn as released (sources C4, L3)."""
    layers = nn.Sequential(
        nn.Linear(features, features), RowNorm(features), nn.ReLU(), nn.Linear(features, out)
    )
    initialize(layers)
    return layers

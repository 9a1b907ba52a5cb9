"""ActCLR: what moves in a clip, its actionlet, is distorted less and counts more than the rest.

Paper: Lin, Zhang, Liu, Actionlet-Dependent Contrastive Learning for Unsupervised Skeleton-Based
Action Recognition, CVPR 2023 (its abstract; equations were not at hand). Code:
github.com/LanglandsLin/ActCLR (MIT); sources L9 to L13.

The mean of a batch's clips, in which nobody moves, is the static anchor. Where a clip's features
have to change to become less like the anchor's is its actionlet: body parts in cells of time. The
actionlet of a view keeps what the rest exchanges with a stronger view, or with a mixture; and a
mixture's key is the mean of two by how much of each actionlet it shows. Each view is asked for its
key's relations to earlier clips. The authors start from AimCLR's weights: `--init` takes a run of
`aimclr` or `skeletonclr`.

Differs in the actionlet alone. The released code normalises each feature of the clip by itself, to
its sign, where cosines are taken: what is left of the gradient is rounding, and the mask all but 0
(sources L12). Here the cosine is that of whole vectors, and a part's cell belongs to the actionlet
where the mean over its joints is positive.
"""

from __future__ import annotations

from types import MappingProxyType

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from ..augment.actclr import ActCLRViews, Views, draw_views
from ..augment.pcm3 import part_table
from ..contracts import torch_module
from ..data.joints.parts import with_parts
from ..losses.distillation import nearest_relational
from ..machine.distributed import gather
from ..settings.ranges import Keys, Positive, Share, Size
from ._momentum import KeyEncoder, embed, projector
from ._nearest import MapEncoder
from ._sync_norm import each_alone, synchronize

SHARPNESS = 0.1  # of an actionlet when a mixture's keys are weighed (released)


class ActCLR(nn.Module):
    """ActCLR pretraining on an encoder with feature maps (ST-GCN).

    Args:
        encoder: the query encoder; `.encoder` of the method.
        views: how its views are drawn.
        queue: keys of earlier clips (65536).
        feature: length of a key (128).
        momentum: what stays of the key encoder at a step (0.999).
        temperatures: of a view's and of its key's relations (0.1, 0.04).
        nearest: how many of the key's nearest earlier clips count (8192).
        squared: the views' cosines are squared, the keys' are not (released).
        sync_bn: BatchNorm over the batch of all processes, so that several train as one (released:
            each by itself).

    The numbers are the released configuration's (sources L13).

    Raises:
        ValueError: an encoder without `maps`, or a number out of range.
    """

    preparation = MappingProxyType({"ntu25": "aimclr"})  # layout -> normalisation, sources D2
    starts_from = ("aimclr", "skeletonclr")  # whose weights have the same names
    encoder: MapEncoder

    def __init__(
        self,
        encoder: MapEncoder,
        views: ActCLRViews = ActCLRViews(),
        *,
        queue: Keys = 65536,
        feature: Size = 128,
        momentum: Share = 0.999,
        temperatures: tuple[Positive, Positive] = (0.1, 0.04),
        nearest: Keys = 8192,
        squared: bool = True,
        sync_bn: bool = False,
    ) -> None:
        super().__init__()
        if not hasattr(encoder, "maps"):
            raise ValueError(
                "actclr finds actionlets on the feature map of an encoder with maps (stgcn), not "
                f"{type(encoder).__name__}; give encoder.name=stgcn"
            )
        if nearest > queue:
            raise ValueError(f"nearest={nearest}: must be from 1 to queue={queue}")
        self.encoder, self.view_options = encoder, views
        self.bodies = with_parts(encoder.skeleton)  # parts of a layout that names none
        self.projector = projector(encoder.dim, feature)
        self.key = KeyEncoder(encoder, self.projector, queue, feature, momentum, "paper")
        self.temperatures, self.nearest, self.squared = temperatures, nearest, squared
        if sync_bn:
            synchronize(self)

    def views(self, x: Tensor, lengths: Tensor, generator: Generator) -> Views:
        """Views of padded clips `(N, C, T, V, M)`; see `draw_views`."""
        return draw_views(
            x, lengths, generator, self.encoder.num_frames, self.bodies, self.view_options,
            self.encoder.coordinates,
        )  # fmt: skip

    def forward(self, *views: Tensor) -> dict[str, Tensor]:
        """The loss of the views and its terms.

        Returns:
            `distorted`: actionlet and rest distorted differently; `transferred`: the rest is mixed
            with another clip; `mixed`: all is; `loss` is their sum.
        """
        v = Views(*views)
        keys, anchor = self.keys(v.key)
        with torch.no_grad():
            moving, of_plain = (
                self.actionlet(self.encoder, self.projector, self.encoder.maps(x), anchor)
                for x in (v.query, v.plain)
            )
        pairs = {
            "distorted": (swap(v.query, v.strong, moving), keys),
            "transferred": (swap(v.boned, v.mixed, of_plain), keys),
            "mixed": (v.pasted, mixed_keys(keys, of_plain, v, self.encoder.persons)),
        }
        terms = {name: self.relate(x, teacher) for name, (x, teacher) in pairs.items()}
        return {"loss": torch.stack(list(terms.values())).sum(), **terms}

    @torch.no_grad()
    def keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys `(B, D)`, of whole maps and of actionlets alike, and the anchor's projection."""
        self.key.move(self.encoder, self.projector)
        encoder, head = self.key.encoder, self.key.projector
        mean = gather(x.mean(dim=0, keepdim=True)).mean(dim=0, keepdim=True)
        with each_alone(torch_module(encoder)):  # all processes have the same anchor
            anchor = head(encoder(mean))
        maps = encoder.maps(x)
        moving = self.actionlet(encoder, head, maps, anchor)[:, None]  # (N*M, 1, T', V)
        bodies = (maps * moving).sum(dim=(2, 3)) / (moving.sum(dim=(2, 3)) + 1e-5)
        features = bodies.view(-1, encoder.persons, encoder.dim).mean(dim=1)
        return self.key.keep(0.5 * head(encoder.pool(maps)) + 0.5 * head(features)), anchor

    def actionlet(
        self, encoder: MapEncoder, head: nn.Module, maps: Tensor, anchor: Tensor
    ) -> Tensor:
        """Which body parts move when: 0 or 1 for each cell of maps, `(N*M, T', V)`.

        A channel counts by how much the clip's cosine with the anchor falls as it grows (Grad-CAM).
        A cosine does not depend on length, so that over a clip these sum to about 0: what is above
        it differs from the anchor more than the clip as a whole.
        """
        maps = maps.detach()
        with torch.enable_grad():
            leaf = maps.requires_grad_()
            similar = F.cosine_similarity(head(encoder.pool(leaf)).float(), anchor.float()).sum()
            (gradient,) = torch.autograd.grad(similar, leaf)
        weight = -gradient.mean(dim=(2, 3), keepdim=True)
        heat = (weight * maps.detach()).mean(dim=1)
        parts = part_table(self.bodies, heat.device).to(heat.dtype)
        same = parts.T @ (parts / parts.sum(dim=1, keepdim=True).clamp_min(1))  # (V, V)
        return ((heat @ same.T) > 0).to(maps.dtype)

    def relate(self, x: Tensor, keys: Tensor) -> Tensor:
        """Divergence of a view's relations to earlier clips from those of keys `(B, D)`."""
        queue = self.key.queue.keys
        z = embed(self.projector(self.encoder(x)))
        with torch.autocast(z.device.type, enabled=False):
            student, teacher = z @ queue.T, keys @ queue.T
            student = student.square() if self.squared else student
            return nearest_relational(student, teacher, self.nearest, *self.temperatures)

    def after_step(self) -> None:
        """The step's keys enter the queue."""
        self.key.queue.advance()


def swap(x: Tensor, other: Tensor, moving: Tensor) -> Tensor:
    """Clips `(N, C, T, V, M)` that keep their actionlet and take the rest of `other`.

    Args:
        x: clips.
        other: clips, row by row.
        moving: `(N*M, T', V)`; linear in time between cells, of which the first and the last lie at
            the first and the last frame (released).
    """
    N, _, T, V, M = x.shape
    share = F.interpolate(moving[:, None], (T, V), mode="bilinear", align_corners=True)
    return torch.lerp(other, x, share.view(N, M, 1, T, V).permute(0, 2, 3, 4, 1))


def mixed_keys(keys: Tensor, moving: Tensor, v: Views, persons: int) -> Tensor:
    """Keys `(B, D)` of mixtures: of both clips, by how much of their actionlets is to be seen.

    Args:
        keys: `(B, D)` of all processes' clips.
        moving: actionlets `(N*M, T', V)` of this process's.
        v: what was pasted where.
        persons: M.

    Source: the released code (sources L11).
    """
    weight = (moving / SHARPNESS).exp()
    weight = weight / weight.sum(dim=(1, 2), keepdim=True)
    weight = weight.view(-1, persons, *weight.shape[1:]).mean(1)
    place = torch.arange(len(weight), device=weight.device) + v.away
    theirs = (weight[place] * v.taken).sum(dim=(1, 2))
    own = (weight * (1 - v.covered)).sum(dim=(1, 2))
    share = gather(theirs / (theirs + own))[:, None].to(keys)
    partner = torch.arange(len(keys), device=keys.device) + gather(v.away)
    return F.normalize(torch.lerp(keys, keys[partner], share), dim=1)

"""SkeleMixCLR's views of a batch: two normal views, and the query view mixed with other clips.

Paper: Chen et al., Contrastive Learning from Spatio-Temporal Mixed Skeleton Sequences, 2022. Code:
github.com/czhaneva/SkeleMixCLR (BSD-2); sources L1.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Shares
from ..skeleton import Skeleton
from .aimclr_views import NormalView, draw_normal_view
from .basic import resize
from .pcm3 import Mix, draw_mix, mix, part_table

CELL = 4
"""Frames of the input that one row of ST-GCN's feature map stands for."""


@options("views")
class SkeleMixViews:
    """How SkeleMixCLR's views are drawn."""

    normal: NormalView = option(NormalView(), "crop and shear of query and key view")
    mixtures: int = option(3, "mixed views of each clip (released: 3)", ge=1, le=64)
    mix_span: Shares = option(
        (0.4375, 0.6875), "shares of the frames that are pasted (released: 28 to 44 of 64)"
    )
    mix_parts: Shares = option(
        (0.4, 0.6), "shares of the body parts that are pasted (released: 2 to 3 of 5)"
    )


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    how: SkeleMixViews = SkeleMixViews(),
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """Query and key view, how the query is mixed, and the mixed views.

    A mixed view holds a stretch of some body parts of another clip's query view, frame for frame;
    stretches lie on the grid of the feature map's rows. One way of mixing serves a batch, as
    released.

    Args:
        x: padded clips `(N, C, T, V, M)`, resized to `frames` first.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        skeleton: the joint layout; its body parts are mixed.
        how: the options.
        coordinates: see `aimclr_views.draw_normal_view`; a confidence is pasted with its joint.

    Returns:
        query and key `(N, C, frames, V, M)`; `(N, K)`, how many clips farther on the one stands
        that each is mixed with; bool `(N, K, ceil(frames / 4), V)`, where on the feature map the
        pasted part lies; then K mixed views.

    Source: the released code (sources L1, L2).
    """
    x = resize(x, lengths, frames)
    query, key = (
        draw_normal_view(x, generator, how.normal, coordinates=coordinates) for _ in range(2)
    )
    parts, only_paste = part_table(skeleton, x.device), (1.0, 0.0, 0.0)
    drawn = [
        draw_mix(len(x), frames, parts, generator, only_paste, how.mix_span, how.mix_parts, CELL)
        for _ in range(how.mixtures)
    ]
    away = torch.stack([distance(one) for one in drawn], dim=1)
    cells = torch.stack([one.weight[::CELL] > 0 for one in drawn])
    return query, key, away, cells.expand(len(x), -1, -1, -1), *(mix(query, *one) for one in drawn)


def distance(drawn: Mix) -> Tensor:
    """How many clips farther on each one's partner stands, `(N,)`; before it where negative.

    Unlike its number this stays what it is when several processes' clips become one batch.
    """
    return drawn.partner - torch.arange(len(drawn.partner), device=drawn.partner.device)

"""A clip as it is, and once more with two of its stretches exchanged.

Paper: Chen et al., Hierarchically Self-Supervised Transformer for Human Skeleton Representation
Learning (Hi-TRS), ECCV 2022. Code: github.com/yuxiaochen1103/Hi-TRS (Apache 2.0); sources T5.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
from .jigsaw import rearrange
from .plain import PlainViews, draw_plain

STILL = 1e-5
"""Share of a clip's largest coordinate that rounding may change; what is below it stands still."""


@options("views")
class OrderViews:
    """Which stretches change places."""

    stretches: int = option(
        8, "equal stretches that a clip is cut in; as many as frames: single frames", ge=2, le=512
    )
    apart: int = option(2, "places between the two at least; 1: neighbours too", ge=1, le=511)
    plain: PlainViews = option(PlainViews(), "the clip that is cut")

    def check(self) -> None:
        """Refuses a distance that no two stretches have."""
        if self.apart >= self.stretches:
            raise ValueError(f"apart={self.apart}: must be below stretches = {self.stretches}")


class Views(NamedTuple):
    """What `Order.forward` takes."""

    plain: Tensor  # (N, C, T, V, M)
    swapped: Tensor  # the same with two stretches exchanged
    told: Tensor  # (N,) bool: whether the two can be told apart


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    how: OrderViews = OrderViews(),
    coordinates: int | None = None,
) -> Views:
    """Both views of each clip; arguments as of `plain.draw_plain`."""
    plain = draw_plain(x, lengths, generator, frames, how.plain, coordinates)
    pairs = torch.triu_indices(how.stretches, how.stretches, how.apart, device=x.device)
    drawn = torch.randint(pairs.shape[1], (len(x),), generator=generator, device=x.device)
    pair = pairs[:, drawn].T  # (N, 2)
    order = torch.arange(how.stretches, device=x.device).repeat(len(x), 1)
    swapped = rearrange(plain, order.scatter(1, pair, pair.flip(1)))
    change, size = ((v.abs().flatten(1).amax(dim=1)) for v in (swapped - plain, plain))
    return Views(plain, swapped, change > STILL * size)

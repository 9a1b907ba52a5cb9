"""A clip cut in stretches that stand in another order, which is to be named.

Paper: Lin et al., MS2L, ACM MM 2020. Code: github.com/LanglandsLin/MS2L (no licence file); sources
T1. Orders that lie far apart, for puzzles of more stretches, are after Noroozi and Favaro's jigsaws
of images (ECCV 2016); the rule by which they are chosen is ours.
"""

from __future__ import annotations

from functools import cache
from itertools import permutations
from math import factorial
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
from .plain import PlainViews, draw_plain


@options("views")
class Puzzle:
    """Which orders a clip's stretches may have."""

    stretches: int = option(3, "equal stretches that a clip is cut in (released: 3)", ge=2, le=7)
    orders: int = option(
        0, "orders that are used, far from each other; 0: every one (released)", ge=0, le=5040
    )

    def check(self) -> None:
        """Refuses more orders than there are, and a single one."""
        every = factorial(self.stretches)
        if self.orders == 1 or self.orders > every:
            raise ValueError(
                f"orders={self.orders}: {self.stretches} stretches have {every}; take 2 to {every} "
                "of them, or 0 for all"
            )

    @property
    def number(self) -> int:
        """Orders that a clip may have."""
        return self.orders or factorial(self.stretches)


@options("views")
class JigsawViews:
    """How puzzles are made."""

    puzzle: Puzzle = option(Puzzle(), "the stretches and their orders")
    plain: PlainViews = option(PlainViews(), "the clip that is cut")


class Views(NamedTuple):
    """What `Jigsaw.forward` takes."""

    shuffled: Tensor  # (N, C, T, V, M)
    label: Tensor  # (N,): which of `orders`


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    how: JigsawViews = JigsawViews(),
    coordinates: int | None = None,
) -> Views:
    """A puzzle of each clip; arguments as of `plain.draw_plain`."""
    x = draw_plain(x, lengths, generator, frames, how.plain, coordinates)
    return shuffle(x, generator, how.puzzle)


def shuffle(x: Tensor, generator: Generator, how: Puzzle = Puzzle()) -> Views:
    """Clips `(N, C, T, V, M)`, each in an order of its own, drawn with equal chances."""
    table = orders(how.stretches, how.orders).to(x.device)
    label = torch.randint(len(table), (len(x),), generator=generator, device=x.device)
    return Views(rearrange(x, table[label]), label)


@cache
def orders(stretches: int, count: int = 0) -> Tensor:
    """Orders of stretches `(P, S)`; the first is the true one. Not to be changed: it is cached.

    Args:
        stretches: S.
        count: P. 0: all of them. Otherwise each next one is the farthest from those before: by the
            places in which it differs from the nearest, then by those in which it differs from all.

    Examples:
        >>> orders(3, 3)  # no two have a stretch in the same place
        tensor([[0, 1, 2],
                [1, 2, 0],
                [2, 0, 1]])
    """
    every = torch.tensor(list(permutations(range(stretches))), device="cpu")
    if not count:
        return every
    chosen = [0]
    nearest = total = (every != every[0]).sum(dim=1)
    for _ in range(count - 1):
        rank = nearest * (stretches * len(every) + 1) + total
        chosen.append(int(rank.argmax()))  # those that are chosen have distance 0
        distance = (every != every[chosen[-1]]).sum(dim=1)
        nearest, total = torch.minimum(nearest, distance), total + distance
    return every[chosen]


def rearrange(x: Tensor, order: Tensor) -> Tensor:
    """Puts a clip's stretches in another order; frames after the last whole one stay.

    Args:
        x: `(N, C, T, V, M)`.
        order: `(N, S)`: place s shows stretch `order[n, s]`.

    Raises:
        ValueError: more stretches than frames.

    Source: sources T1.

    Examples:
        >>> import torch
        >>> x = torch.arange(7.0).view(1, 1, 7, 1, 1)
        >>> rearrange(x, torch.tensor([[2, 0, 1]])).flatten()
        tensor([4., 5., 0., 1., 2., 3., 6.])
    """
    frames, stretches = x.shape[2], order.shape[1]
    check_stretches(frames, stretches)
    length = frames // stretches
    frame = torch.arange(frames, device=x.device)
    stretch = order[:, (frame // length).clamp_max(stretches - 1)]  # (N, T)
    source = torch.where(frame < stretches * length, stretch * length + frame % length, frame)
    return x.gather(2, source[:, None, :, None, None].expand_as(x))


def check_stretches(frames: int, stretches: int) -> None:
    """Refuses more stretches than frames.

    Raises:
        ValueError: naming both.
    """
    if frames < stretches:
        raise ValueError(
            f"encoder.frames={frames}: too few to cut in {stretches}; lower views.stretches"
        )

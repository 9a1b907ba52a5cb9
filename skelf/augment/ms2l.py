"""MS2L's views of a batch: the clip, its beginning alone, and a puzzle of it.

Paper: Lin et al., MS2L, ACM MM 2020. Code: github.com/LanglandsLin/MS2L (no licence file); sources
T1, T2.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
from .jigsaw import Puzzle, shuffle
from .plain import PlainViews, draw_plain


@options("views")
class MS2LViews:
    """How MS2L's views are drawn."""

    mask: float = option(0.3, "share of the frames, the last ones, that are hidden", gt=0, lt=1)
    puzzle: Puzzle = option(Puzzle(), "the stretches of a puzzle and their orders")
    plain: PlainViews = option(PlainViews(), "the clip that all three show")


class Views(NamedTuple):
    """What `MS2L.forward` takes."""

    plain: Tensor  # (N, C, T, V, M)
    masked: Tensor  # its last frames are 0
    shuffled: Tensor  # its stretches in another order
    label: Tensor  # (N,): in which


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    how: MS2LViews = MS2LViews(),
    coordinates: int | None = None,
) -> Views:
    """The three views of each clip; arguments as of `plain.draw_plain`."""
    plain = draw_plain(x, lengths, generator, frames, how.plain, coordinates)
    return Views(plain, hide_end(plain, how.mask), *shuffle(plain, generator, how.puzzle))


def hide_end(x: Tensor, share: float) -> Tensor:
    """Clips `(N, C, T, V, M)` of which the last `share` of the frames are 0 (sources T2).

    Examples:
        >>> import torch
        >>> hide_end(torch.ones(1, 1, 10, 1, 1), 0.3).flatten()
        tensor([1., 1., 1., 1., 1., 1., 1., 0., 0., 0.])
    """
    frames = x.shape[2]
    seen = torch.arange(frames, device=x.device) < frames * (1 - share)
    return x * seen[:, None, None]

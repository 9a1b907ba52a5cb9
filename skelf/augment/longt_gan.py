"""LongT GAN's view of a clip: which joints its decoder has to inpaint.

Paper: Zheng et al., Unsupervised Representation Learning with Long-Term Dynamics for Skeleton Based
Action Recognition, AAAI 2018. Code: its authors' (no licence file); sources Q6.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Form, PositiveShare, check_form
from ..skeleton import Skeleton
from .pcm3 import part_table
from .plain import PlainViews, draw_plain


@options("views")
class LongTGANViews:
    """How much of a clip is seen, and how much of the body is hidden from the decoder."""

    hidden: PositiveShare = option(
        0.6, "share of the body parts that are hidden (released: 3 of 5), not for form paper"
    )
    plain: PlainViews = option(PlainViews(), "the clip")


class Views(NamedTuple):
    """What `LongTGAN.forward` takes."""

    clip: Tensor  # (N, C, T, V, M)
    hidden: Tensor  # (N, V) bool


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    how: LongTGANViews = LongTGANViews(),
    coordinates: int | None = None,
    form: Form = "official",
) -> Views:
    """The clip and the joints that are hidden; other arguments as of `plain.draw_plain`.

    Args:
        x: padded clips `(N, C, T, V, M)`.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`.
        frames: frames of the view.
        skeleton: the joint layout, with body parts.
        how: the options.
        coordinates: channels that are coordinates.
        form: "official": the same number of parts always, and the same parts in all clips of a
            batch. "paper": a random number of parts, drawn for each clip.

    Source: sources Q6.
    """
    check_form(form)
    clip = draw_plain(x, lengths, generator, frames, how.plain, coordinates)
    table = part_table(skeleton, x.device)  # (P, V)
    parts, rows = len(table), len(x) if form == "paper" else 1
    rank = torch.rand(rows, parts, generator=generator, device=x.device).argsort(dim=1)
    if form == "paper":
        count = torch.randint(1, parts + 1, (rows, 1), generator=generator, device=x.device)
    else:
        count = torch.full((1, 1), max(round(how.hidden * parts), 1), device=x.device)
    hidden = ((rank < count)[..., None] & table).any(dim=1)
    return Views(clip, hidden.expand(len(x), -1).clone())

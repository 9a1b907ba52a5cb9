"""Views of wholes and their parts: a stretch of each clip, and less of it.

All wholes of a clip are one stretch of time, so that their frames stand for the same instants; what
differs is how their joints are distorted, as USDRL distorts them. A part of that stretch is
shorter, or lacks body parts for a while, or a block of frames. Mirror images are drawn for a clip,
not for a view: they are more motion to learn from, and no view is to forget which arm it was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import PositiveShare, Share, Shares
from ..skeleton import Skeleton
from .basic import crop_resize
from .pcm3 import part_table
from .usdrl import Distortion, distort

SEGMENTS = 8
"""Stretches of a part, each with hidden body parts of its own."""


@options("views")
class PartWholeViews:
    """How wholes and parts are drawn."""

    wholes: int = option(3, "distorted views of a whole stretch", ge=2, le=256)
    parts: int = option(1, "views of less of it", ge=1, le=256)
    crop: Shares = option((0.5, 1.0), "smallest and largest share of a clip that a stretch is")
    least: PositiveShare = option(
        0.25, "frames that a stretch has at least, as a share of the encoder's"
    )
    part_crop: Shares = option((0.2, 0.7), "shares of the stretch that a short part has")
    short: Share = option(0.0, "how many parts are short; the others lack joints or frames")
    hidden: Shares = option((0.1, 0.6), "shares of body parts that are hidden in a segment")
    block: Shares = option((0.1, 0.7), "shares of the frames that a block hides")
    mirror: Share = option(0.5, "how many clips are mirrored, all views of one alike")
    distortion: Distortion = option(Distortion(), "what happens to the joints of a whole")


class Views(NamedTuple):
    """What `PartWhole.forward` takes."""

    clips: Tensor  # ((K + Q) * N, C, T, V, M): wholes, then parts, view by view
    instants: Tensor  # (Q, N, T): where a part's frames stand, in frames of the whole


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    how: PartWholeViews = PartWholeViews(),
    coordinates: int | None = None,
) -> Views:
    """Draws the views of a batch.

    Args:
        x: padded clips `(N, C, T, V, M)`; the first coordinate is what a mirror turns around.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        skeleton: the joint layout; its pairs change places in a mirror, its parts are hidden.
        how: the options.
        coordinates: channels that are coordinates, the first ones; None: all.
    """
    device, count = x.device, len(x)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=device)

    def between(share: tuple[float, float], *shape: int) -> Tensor:
        return share[0] + (share[1] - share[0]) * uniform(*shape)

    x = mirror(x, uniform(count) < how.mirror, skeleton)
    least = max(round(how.least * frames), 1)
    span = (lengths * between(how.crop, count)).long().clamp_min(least).minimum(lengths)
    start = (uniform(count) * (lengths - span + 1)).long().minimum(lengths - span)
    stretch = crop_resize(x, start, span, frames)
    wholes = distort(stretch.repeat(how.wholes, 1, 1, 1, 1), generator, how.distortion, coordinates)

    shape = (how.parts, count)
    short = uniform(*shape) < how.short
    length = (span * between(how.part_crop, *shape)).long().clamp_min(1).minimum(span)
    length = torch.where(short, length, span)
    first = (uniform(*shape) * (span - length + 1)).long().minimum(span - length)
    parts = crop_resize(x, start + first, length, frames)
    sheared = replace(how.distortion, corruption=0.0)
    parts = distort(parts, generator, sheared, coordinates)
    views = how.parts * count
    table = part_table(skeleton, device)
    cells = uniform(views, SEGMENTS, len(table)) < between(how.hidden, views, 1, 1)
    by_body = (cells[..., None] & table).any(dim=2)  # (Q * N, SEGMENTS, V)
    frame = torch.arange(frames, device=device)
    by_body = by_body[:, frame * SEGMENTS // frames]
    share = between(how.block, views, 1)
    middle, begin = (frame + 0.5) / frames, uniform(views, 1) * (1 - share)
    by_time = ((middle >= begin) & (middle < begin + share))[..., None]
    lost = torch.where((uniform(views) < 0.5)[:, None, None], by_body, by_time)
    lost = lost & ~short.view(-1, 1, 1)
    parts = parts.masked_fill(lost[:, None, ..., None], 0.0)
    return Views(torch.cat([wholes, parts]), _instants(first, length, span, frames))


def mirror(x: Tensor, mirrored: Tensor, skeleton: Skeleton) -> Tensor:
    """The mirror image of some clips: left and right change places, the first coordinate its sign.

    Args:
        x: `(N, C, T, V, M)`.
        mirrored: which clips, `(N,)`.
        skeleton: the joint layout.

    Examples:
        >>> from skelf.layouts import KINECT20
        >>> x = torch.randn(1, 3, 4, 20, 1)
        >>> yes = torch.tensor([True])
        >>> bool((mirror(mirror(x, yes, KINECT20), yes, KINECT20) == x).all())
        True
    """
    other = list(range(skeleton.joints))
    for left, right in skeleton.pairs:
        other[left], other[right] = right, left
    image = x[:, :, :, other]
    image = torch.cat([-image[:, :1], image[:, 1:]], dim=1)
    return torch.where(mirrored.view(-1, 1, 1, 1, 1), image, x)


def _instants(first: Tensor, length: Tensor, span: Tensor, frames: int) -> Tensor:
    """Where a part's frames stand in its whole, as `crop_resize` reads both, `(Q, N, frames)`."""
    at = (torch.arange(frames, device=first.device) + 0.5) * (length[..., None] / frames) - 0.5
    at = at.clamp_min(0).minimum(length[..., None] - 1.0) + first[..., None]
    return ((at + 0.5) * (frames / span[:, None]) - 0.5).clamp(0, frames - 1)

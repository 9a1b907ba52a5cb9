"""PCM3's views of a batch: what is drawn, and what the encoder reads of it.

Papers: Zhang et al., PCM3, ACM MM 2023; the survey of 2024 for the clip. Code:
github.com/JHang2020/PCM3 (no licence file); sources P4 to P6, P12.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Amount, PositiveShare, Shares, Size
from ..skeleton import Skeleton
from .pcm3 import Mix, draw_clips, draw_mask, draw_mix, part_table
from .usdrl import Distortion, draw_distorted


@options("views")
class PCM3Views:
    """How PCM3's views are drawn."""

    crop: Shares = option((0.1, 1.0), "smallest and largest share of a clip that a view keeps")
    longest: Size | None = option(
        300, "only so many first frames of a clip are read (released: 300); none: all"
    )
    distortion: Distortion = option(Distortion(), "what happens to the joints")
    mix_kinds: tuple[Amount, Amount, Amount] = option(
        (0.5, 0.25, 0.25), "how often CutMix, ResizeMix and Mixup"
    )
    mix_span: Shares = option(
        (0.4375, 0.6875), "shares of the frames that are pasted (released: 28 to 44 of 64)"
    )
    mix_parts: Shares = option(
        (0.4, 0.6), "shares of the body parts that are pasted (released: 2 to 3 of 5)"
    )
    mask_ratio: PositiveShare = option(
        0.6, "share of the body parts that are masked in a segment (released: 3 of 5)"
    )
    mask_segment: Size = option(8, "frames of a segment (released: 8)")
    clip: PositiveShare = option(
        0.25, "share of the frames that the clip of PCM3++ has; neither paper nor code says"
    )


class Draws(NamedTuple):
    """Three augmented copies of a batch of joints, and how they are mixed and masked."""

    query: Tensor  # (N, C, T, V, M), as the two that follow
    key: Tensor
    plain: Tensor  # what will be masked, and the target of its reconstruction
    mix: Mix
    mask: Tensor  # (T, V), True is masked
    start: Tensor  # (N,): first frame of the clip
    length: int  # frames of the clip


class Views(NamedTuple):
    """What `PCM3.forward` takes: streams `(N, C, T, V, M)` and draws; None where nothing needs it.

    `mask` holds for all clips: the released code masks a batch alike, and its first person only.
    """

    query: Tensor
    key: Tensor
    mixed: Tensor | None
    plain: Tensor | None
    mask: Tensor | None  # (T, V, M), True is masked
    clip: Tensor | None
    partner: Tensor | None  # (N,)
    share: Tensor | None  # (N,): of the partner in the mixed view
    offsets: Tensor  # (uses,): where task prompts lie


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    how: PCM3Views = PCM3Views(),
    coordinates: int | None = None,
) -> Draws:
    """Draws PCM3's query, key and unmasked view, each from a temporal crop of its own.

    Query and key view: joint corruption or a shear; the view to be masked: a shear always.

    Args:
        x: padded clips `(N, C, T, V, M)`.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        skeleton: the joint layout; its body parts are mixed and masked.
        how: the options.
        coordinates: channels that are coordinates, the first ones; None: all. A confidence that
            follows is mixed and masked with them, see `usdrl.draw_views`.

    Source: the released code (sources P4 to P6).
    """
    if how.longest is not None:
        lengths = lengths.clamp_max(how.longest)
    query, key = draw_distorted(
        x, lengths, generator, frames, 2, how.crop, how.distortion, coordinates
    )
    sheared = replace(how.distortion, corruption=0.0)
    (plain,) = draw_distorted(x, lengths, generator, frames, 1, how.crop, sheared, coordinates)
    parts, length = part_table(skeleton, x.device), max(round(how.clip * frames), 1)
    return Draws(
        query=query,
        key=key,
        plain=plain,
        mix=draw_mix(len(x), frames, parts, generator, how.mix_kinds, how.mix_span, how.mix_parts),
        mask=draw_mask(frames, parts, generator, how.mask_ratio, how.mask_segment),
        start=draw_clips(len(x), frames, length, generator),
        length=length,
    )

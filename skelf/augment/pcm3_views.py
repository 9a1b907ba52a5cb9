"""PCM3's views of a batch: what is drawn, and what the encoder reads of it.

Papers: Zhang et al., PCM3, ACM MM 2023; the survey of 2024 for the clip. Code:
github.com/JHang2020/PCM3 (no licence file); sources P4 to P6, P12.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Generator, Tensor

from ..settings.ranges import Amount, PositiveShare, Share, Shares, Size
from ..skeleton import Skeleton
from .pcm3 import Mix, draw_clips, draw_mask, draw_mix, part_table
from .usdrl import draw_views as draw_augmented


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
    crop: Shares = (0.1, 1.0),
    longest: Size | None = 300,
    corruption: Share = 0.5,
    joints: Share = 0.6,
    erase: Share = 0.5,
    shear: Amount = 1.0,
    mix_kinds: tuple[Amount, Amount, Amount] = (0.5, 0.25, 0.25),
    mix_span: Shares = (0.4375, 0.6875),
    mix_parts: Shares = (0.4, 0.6),
    mask_ratio: PositiveShare = 0.6,
    mask_segment: Size = 8,
    clip: PositiveShare = 0.25,
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
        crop: smallest and largest share of a clip that a view keeps.
        longest: only so many first frames of a clip are read (released: 300). None: all.
        corruption: probability of joint corruption instead of the shear (released: 0.5).
        joints: share of the joints that corruption touches (released: 15 of 25).
        erase: probability that corrupted joints become 0 rather than pass through a random matrix.
        shear: largest off-diagonal entry of the shear matrix.
        mix_kinds: how often CutMix, ResizeMix and Mixup, see `pcm3.draw_mix`.
        mix_span: shares of the frames that are pasted (released: 28 to 44 of 64).
        mix_parts: shares of the body parts that are pasted (released: 2 to 3 of 5).
        mask_ratio: share of the body parts that are masked in a segment (released: 3 of 5).
        mask_segment: frames of a segment (released: 8).
        clip: share of the frames that the clip of PCM3++ has; neither paper nor code says.
        coordinates: channels that are coordinates, the first ones; None: all. A confidence that
            follows is mixed and masked with them, see `usdrl.draw_views`.

    Source: the released code (sources P4 to P6).
    """
    if longest is not None:
        lengths = lengths.clamp_max(longest)
    query, key = draw_augmented(
        x, lengths, generator, frames, number=2, crop=crop, corruption=corruption, joints=joints,
        erase=erase, shear=shear, coordinates=coordinates,
    )  # fmt: skip
    (plain,) = draw_augmented(
        x, lengths, generator, frames, number=1, crop=crop, corruption=0.0, joints=joints,
        erase=erase, shear=shear, coordinates=coordinates,
    )  # fmt: skip
    parts, length = part_table(skeleton, x.device), max(round(clip * frames), 1)
    return Draws(
        query=query,
        key=key,
        plain=plain,
        mix=draw_mix(len(x), frames, parts, generator, mix_kinds, mix_span, mix_parts),
        mask=draw_mask(frames, parts, generator, mask_ratio, mask_segment),
        start=draw_clips(len(x), frames, length, generator),
        length=length,
    )

"""PCM3's views of whole batches: mixing two clips, masking body parts, masking all but a clip.

As in `basic.py`: batched pure functions of `(N, C, T, V, M)` that take what was drawn, each with a
`draw_` partner. The released code draws one configuration for a batch, and so do these. Body parts
are those of the layout, a bool table `(P, V)`; the released numbers are for its five parts.

Paper: Zhang et al., PCM3, ACM MM 2023; what it leaves open is the released code's, sources P5, P6.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ..skeleton import Skeleton


def part_table(skeleton: Skeleton, device: torch.device) -> Tensor:
    """Which joints belong to which body part: bool `(P, V)`."""
    table = torch.zeros(len(skeleton.parts), skeleton.joints, dtype=torch.bool)
    for row, joints in zip(table, skeleton.parts.values(), strict=True):
        row[list(joints)] = True
    return table.to(device)


class Mix(NamedTuple):
    """What `mix` takes."""

    partner: Tensor  # (N,): the clip that each one is mixed with
    source: Tensor  # (T,): which of the partner's frames comes to lie at a frame
    weight: Tensor  # (T, V): the partner's share; its mean is the share in the whole clip


def draw_mix(
    count: int,
    frames: int,
    parts: Tensor,
    generator: Generator,
    kinds: tuple[float, float, float] = (0.5, 0.25, 0.25),
    span: tuple[float, float] = (7 / 16, 11 / 16),
    share: tuple[float, float] = (0.4, 0.6),
    unit: int = 4,
) -> Mix:
    """Draws one way of mixing for `count` clips: CutMix, ResizeMix or Mixup, all on the device.

    CutMix pastes a window of time of some body parts of the partner, frame for frame; ResizeMix
    pastes the partner's first frames, twice as many as the window has, in every other; Mixup blends
    whole clips by a share `U(0, 1)`.

    Args:
        count: clips N; the partner of clip i is i + n, n from 1 to N - 2, around the end.
        frames: frames T.
        parts: see `part_table`.
        generator: on the device of `parts`.
        kinds: how often CutMix, ResizeMix and Mixup.
        span: smallest and largest share of the frames in the window (7 to 11 of 16 units).
        share: smallest and largest share of the body parts in it (2 to 3 of 5).
        unit: frames of which windows consist; what T leaves over is never in one.

    Source: released code, sources P5; the paper names Mixup as an example.
    """
    device = parts.device

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=device)

    def whole(low: float, high: float, limit: int) -> Tensor:
        """A whole number from `low` to `high` of `limit`, at least 1."""
        first, last = (min(max(round(part * limit), 1), limit) for part in (low, high))
        return torch.randint(first, last + 1, (), generator=generator, device=device)

    shift = torch.randint(1, max(count - 1, 2), (), generator=generator, device=device)
    units = max(frames // unit, 1)
    length = whole(*span, units)
    start = (uniform() * (units - length + 1)).long().minimum(units - length)
    rank = uniform(len(parts)).argsort().argsort()
    joints = (parts & (rank < whole(*share, len(parts)))[:, None]).any(dim=0)
    frame = torch.arange(frames, device=device)
    length, start = length * min(unit, frames), start * min(unit, frames)
    region = ((frame >= start) & (frame < start + length))[:, None] & joints  # (T, V)
    every = (frame - start) * (2 * length).clamp_max(frames) // length
    kind, blend = uniform() * sum(kinds), uniform()
    resized = (kind >= kinds[0]) & (kind < kinds[0] + kinds[1])
    mixup = kind >= kinds[0] + kinds[1]
    return Mix(
        partner=(torch.arange(count, device=device) + shift) % count,
        source=torch.where(resized, every.clamp(0, frames - 1), frame),
        weight=torch.where(mixup, blend, region.float()),
    )


def mix(x: Tensor, partner: Tensor, source: Tensor, weight: Tensor) -> Tensor:
    """Clips `(N, C, T, V, M)` mixed with their partners, all persons alike; see `Mix`."""
    N, C, T, V, M = x.shape
    channel = torch.arange(C, device=x.device)[:, None]
    index = (partner[:, None, None] * C + channel) * T + source  # (N, C, T)
    other = x.reshape(N * C * T, V * M).index_select(0, index.flatten()).view(x.shape)
    return torch.lerp(x, other, weight.to(x.dtype)[:, :, None].expand(-1, -1, M).contiguous())


def draw_mask(
    frames: int, parts: Tensor, generator: Generator, ratio: float = 0.6, segment: int = 8
) -> Tensor:
    """Draws the masked joints of each frame, bool `(T, V)`: some body parts for each segment.

    Args:
        frames: frames T.
        parts: see `part_table`.
        generator: on the device of `parts`.
        ratio: share of the parts that are masked, rounded down, at least one (3 of 5).
        segment: frames that share what is masked (8).

    Source: paper, "segment-wise masking strategy at body part level"; sources P6.
    """
    count = max(int(len(parts) * ratio + 1e-9), 1)
    shape = (-(-frames // segment), len(parts))
    rank = torch.rand(shape, generator=generator, device=parts.device).argsort(1).argsort(1)
    joints = ((rank < count)[:, :, None] & parts).any(dim=1)  # (segments, V)
    return joints.repeat_interleave(segment, dim=0)[:frames]


def draw_clips(count: int, frames: int, length: int, generator: Generator) -> Tensor:
    """Draws the first frame of a clip of `length` frames in each of `count` views: `(N,)`."""
    last = frames - length
    return torch.randint(last + 1, (count,), generator=generator, device=generator.device)


def mask_outside(x: Tensor, start: Tensor, length: int) -> Tensor:
    """Sets all frames of `(N, C, T, V, M)` to 0 but the `length` from `start` `(N,)` on."""
    frame = torch.arange(x.shape[2], device=x.device)
    inside = (frame >= start[:, None]) & (frame < start[:, None] + length)  # (N, T)
    return x * inside[:, None, :, None, None]

"""USDRL's views of a batch."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from ..settings.ranges import Amount, Share, Shares
from .basic import (
    crop_resize,
    draw_crops,
    draw_joints,
    draw_matrices,
    draw_shears,
    keep_rest,
    map_joints,
)


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    number: Annotated[int, Field(ge=2, le=256)] = 4,
    crop: Shares = (0.1, 1.0),
    corruption: Share = 0.5,
    joints: Share = 0.6,
    erase: Share = 0.5,
    shear: Amount = 1.0,
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """USDRL's views (A8): a temporal crop resized, then joint corruption or a shear; all at once.

    Args:
        x: padded clips `(N, C, T, V, M)`.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        number: views of each clip (released: 4).
        crop: smallest and largest share of a clip that a view keeps.
        corruption: probability of joint corruption instead of the shear.
        joints: share of the joints that corruption touches (released: 15 of 25).
        erase: probability that corrupted joints become 0 rather than pass through a random matrix.
        shear: largest off-diagonal entry of the shear matrix.
        coordinates: channels that are coordinates, the first ones; None: all. A confidence that
            follows is cropped and resized with them, is 0 for joints that became 0 and mixes with
            nothing.

    Returns:
        `number` tensors `(N, C, frames, V, M)`.

    Source: the released code; the paper cites earlier work for its augmentations.

    Examples:
        >>> import torch
        >>> x, lengths = torch.randn(2, 3, 40, 20, 1), torch.tensor([40, 25])
        >>> views = draw_views(x, lengths, torch.Generator().manual_seed(0), frames=16)
        >>> len(views), views[0].shape
        (4, torch.Size([2, 3, 16, 20, 1]))
    """
    start, span = draw_crops(lengths, frames, crop, number, generator)
    x = crop_resize(x, start, span, frames)  # (K * N, C, frames, V, M)
    count, channels, joint_count, device = len(x), coordinates or x.shape[1], x.shape[3], x.device
    shears = keep_rest(draw_shears(count, channels, shear, generator, device), x.shape[1])
    randoms = keep_rest(draw_matrices(count, channels, 1.0, generator, device), x.shape[1])
    chosen = draw_joints(count, joint_count, joints, generator, device)
    shares = torch.rand(2, count, generator=generator, device=device)
    corrupt, zero = shares[0] < corruption, shares[1] < erase
    spoiled = randoms.masked_fill(zero[:, None, None], 0.0)
    matrices = torch.where(corrupt[:, None, None], spoiled, shears)
    changed = chosen | ~corrupt[:, None] if corruption else None
    return map_joints(x, matrices, changed).chunk(number)

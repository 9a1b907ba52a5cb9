"""USDRL's views of a batch.

Paper: Weng et al., USDRL, AAAI 2025, which cites earlier work for its augmentations. Code:
github.com/wengwanjiang/USDRL (no licence file); sources U12, U13.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
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


@options("views")
class Distortion:
    """What happens to the joints of a view: they are corrupted, or else sheared (A8)."""

    corruption: Share = option(0.5, "probability of joint corruption instead of the shear")
    joints: Share = option(0.6, "share of the joints that corruption touches (released: 15 of 25)")
    erase: Share = option(
        0.5, "probability that corrupted joints become 0 rather than pass through a random matrix"
    )
    shear: Amount = option(1.0, "largest off-diagonal entry of the shear matrix")


@options("views")
class USDRLViews:
    """How USDRL's views are drawn."""

    number: int = option(4, "views of each clip (released: 4)", ge=2, le=256)
    crop: Shares = option((0.1, 1.0), "smallest and largest share of a clip that a view keeps")
    distortion: Distortion = option(Distortion(), "what happens to the joints")


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    how: USDRLViews = USDRLViews(),
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """USDRL's views: a temporal crop resized, then joint corruption or a shear; all at once.

    Args:
        x: padded clips `(N, C, T, V, M)`.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        how: the options.
        coordinates: channels that are coordinates, the first ones; None: all. A confidence that
            follows is cropped and resized with them, is 0 for joints that became 0 and mixes with
            nothing.

    Returns:
        `how.number` tensors `(N, C, frames, V, M)`.

    Source: the released code, sources U12, U13.

    Examples:
        >>> import torch
        >>> x, lengths = torch.randn(2, 3, 40, 20, 1), torch.tensor([40, 25])
        >>> views = draw_views(x, lengths, torch.Generator().manual_seed(0), frames=16)
        >>> len(views), views[0].shape
        (4, torch.Size([2, 3, 16, 20, 1]))
    """
    return draw_distorted(
        x, lengths, generator, frames, how.number, how.crop, how.distortion, coordinates
    )


def draw_distorted(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    number: int,
    crop: tuple[float, float],
    how: Distortion,
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """Any `number` of such views; see `draw_views`."""
    start, span = draw_crops(lengths, frames, crop, number, generator)
    x = crop_resize(x, start, span, frames)  # (K * N, C, frames, V, M)
    return distort(x, generator, how, coordinates).chunk(number)


def distort(
    x: Tensor, generator: Generator, how: Distortion, coordinates: int | None = None
) -> Tensor:
    """Clips `(N, C, T, V, M)`, each with some joints corrupted, or else sheared."""
    count, channels, joints, device = len(x), coordinates or x.shape[1], x.shape[3], x.device
    shears = keep_rest(draw_shears(count, channels, how.shear, generator, device), x.shape[1])
    randoms = keep_rest(draw_matrices(count, channels, 1.0, generator, device), x.shape[1])
    chosen = draw_joints(count, joints, how.joints, generator, device)
    shares = torch.rand(2, count, generator=generator, device=device)
    corrupt, zero = shares[0] < how.corruption, shares[1] < how.erase
    spoiled = randoms.masked_fill(zero[:, None, None], 0.0)
    matrices = torch.where(corrupt[:, None, None], spoiled, shears)
    changed = chosen | ~corrupt[:, None] if how.corruption else None
    return map_joints(x, matrices, changed)

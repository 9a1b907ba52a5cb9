"""AimCLR's two compositions of augmentations: the normal and the extreme view.

Paper: Guo et al., AimCLR, AAAI 2022; the normal view is SkeletonCLR's and CrosSCLR's too. Code:
github.com/Levigty/AimCLR (MIT), which settles what the paper leaves open (sources C8 to C14).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Amount, Form, Share, Widths
from ..skeleton import Skeleton
from .aimclr import (
    blur,
    crop_padded,
    draw_angles,
    draw_axes,
    draw_flips,
    draw_noise,
    draw_sigmas,
    draw_starts,
    flip_joints,
    flip_time,
    rotations,
)
from .basic import crop_resize, draw_shears, keep_rest, map_frames, resize


@options("views")
class NormalView:
    """How a normal view is drawn."""

    shear: Amount = option(0.5, "largest shear factor (paper: 0.5); 0 for none")
    padding_ratio: int = option(
        6, "the crop's padding is 1 / padding_ratio of the frames (paper: 6); 0: no crop", ge=0
    )


@options("views")
class AimCLRViews:
    """How AimCLR's views are drawn; what follows `normal` is of the extreme view."""

    normal: NormalView = option(NormalView(), "crop and shear of all three views")
    flip: Share = option(0.5, "probability of the spatial flip (paper: 0.5)")
    degrees: tuple[Amount, Amount] = option(
        (30.0, 1.0), "largest rotation about a main axis and the others (paper: 30, 1); 0, 0: none"
    )
    time_flip: Share | None = option(
        None, "probability of the temporal flip; none: 0 (official), 0.5 (paper)"
    )
    noise: Share | None = option(
        None, "probability of Gaussian noise; none: 0.5 (official), 1 (paper, which names none)"
    )
    noise_std: Amount = option(0.01, 'standard deviation of the noise (paper: "N(0, 0.01)")')
    blurred: Share = option(0.5, "probability of the blur (paper: 0.5)")
    sigma: Widths = option((0.1, 2.0), "smallest and largest width of the blur, in frames")
    axis_mask: Share = option(0.5, "probability that a coordinate becomes 0 (paper: 0.5)")
    form: Form | None = option(None, "of the extreme view (sources C12, C14); none: the method's")


def draw_normal_view(
    x: Tensor,
    generator: Generator,
    how: NormalView = NormalView(),
    lengths: Tensor | None = None,
    frames: int | None = None,
    coordinates: int | None = None,
) -> Tensor:
    """Draws a normal view of each clip: crop, then shear.

    Args:
        x: `(N, C, T, V, M)`.
        generator: on the device of `x`.
        how: the options.
        lengths: true lengths `(N,)`: the clips are first resized, whole, to `frames` frames.
        frames: frames after that; not read without `lengths`.
        coordinates: channels that are coordinates, the first ones; a confidence that follows is
            cropped with them and nothing else. None: all.

    Returns:
        `(N, C, frames, V, M)`.

    Source: paper, "Normal Augmentations"; sources C8.
    """
    x = _resize(x, lengths, frames)
    padding = _padding(x, how)
    start = draw_starts(len(x), padding, generator, x.device)
    shears = draw_shears(len(x), coordinates or x.shape[1], how.shear, generator, x.device)
    return map_frames(x, crop_padded(start, x.shape[2], padding), keep_rest(shears, x.shape[1]))


class ExtremeDraws(NamedTuple):
    """What `extreme_view` takes: a value, a matrix or a mask's bit for each of N clips."""

    start: Tensor
    padding: int
    shears: Tensor
    flipped: Tensor
    rotations: Tensor
    backwards: Tensor
    noise: Tensor
    sigma: Tensor
    axis: Tensor


def extreme_view(x: Tensor, draws: ExtremeDraws, skeleton: Skeleton) -> Tensor:
    """Crop, shear, spatial flip, rotation, temporal flip, noise, blur, axis mask, in this order.

    The matrices of `draws` say how many channels are coordinates. A confidence after them goes
    through what moves frames or joints (crop and both flips) only, and where it is 0 the joint is
    missing: noise and blur leave its coordinates 0.

    Source: the paper's eight; their order is that of the released code (sources C8).
    """
    # Flips commute with each other and with matrices: what comes before the noise is two passes.
    at = flip_time(crop_padded(draws.start, x.shape[2], draws.padding), draws.backwards)
    x = map_frames(x, at, keep_rest(draws.rotations @ draws.shears, x.shape[1]))
    x = flip_joints(x, draws.flipped, skeleton)
    x, rest = x.tensor_split([draws.shears.shape[1]], dim=1)
    x = blur(x.add_(draws.noise), draws.sigma, draws.axis)  # in place: x is this function's own
    return torch.cat([x * (rest > 0), rest], dim=1) if rest.shape[1] else x


def draw_extreme_view(
    x: Tensor,
    generator: Generator,
    skeleton: Skeleton,
    how: AimCLRViews = AimCLRViews(),
    lengths: Tensor | None = None,
    frames: int | None = None,
    coordinates: int | None = None,
) -> Tensor:
    """Draws an extreme view of each clip: all of `extreme_view`.

    Args:
        x: `(N, C, T, V, M)` with two or three coordinates a joint.
        generator: on the device of `x`.
        skeleton: the joint layout.
        how: the options; without a form "official".
        lengths: as in `draw_normal_view`.
        frames: see there.
        coordinates: channels that are coordinates, the first ones; None: all. `extreme_view` says
            what happens to a confidence that follows.

    Returns:
        `(N, C, frames, V, M)`.

    Raises:
        ValueError: clips of neither two nor three coordinates.

    Source: paper, "Extreme Augmentations"; sources C8.
    """
    x = _resize(x, lengths, frames)
    count, channels, device = len(x), coordinates or x.shape[1], x.device
    if channels not in (2, 3):
        raise ValueError(f"x of shape {tuple(x.shape)}: rotation needs 2 or 3 coordinates")
    paper = how.form == "paper"
    time_flip = (0.5 if paper else 0.0) if how.time_flip is None else how.time_flip
    noise = (1.0 if paper else 0.5) if how.noise is None else how.noise
    padding, axes = _padding(x, how.normal), 3 if channels == 3 else 1
    draws = ExtremeDraws(
        start=draw_starts(count, padding, generator, device),
        padding=padding,
        shears=draw_shears(count, channels, how.normal.shear, generator, device),
        flipped=draw_flips(count, how.flip, generator, device),
        rotations=rotations(draw_angles(count, axes, how.degrees, generator, device)),
        backwards=draw_flips(count, time_flip, generator, device),
        noise=draw_noise(x[:, :channels], how.noise_std, noise, generator),
        sigma=draw_sigmas(count, how.sigma, how.blurred, generator, device),
        axis=draw_axes(count, channels, how.axis_mask, generator, device),
    )
    return extreme_view(x, draws, skeleton)


def _resize(x: Tensor, lengths: Tensor | None, frames: int | None) -> Tensor:
    if lengths is None:
        return x
    if frames is None:
        raise ValueError("frames is missing: how many to resize the clips of these lengths to")
    return crop_resize(x, torch.zeros_like(lengths), lengths, frames)


def _padding(x: Tensor, how: NormalView) -> int:
    return x.shape[2] // how.padding_ratio if how.padding_ratio else 0


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    how: AimCLRViews = AimCLRViews(),
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """AimCLR's extreme, query and key view: eight augmentations, and twice a crop and a shear.

    Args:
        x: padded clips `(N, C, T, V, M)`, resized to `frames` first.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        skeleton: the joint layout.
        how: the options.
        coordinates: channels that are coordinates, of all three views; see `draw_extreme_view`.

    Returns:
        Three tensors `(N, C, frames, V, M)`.

    Source: the released code (sources C7, C8).
    """
    x = resize(x, lengths, frames)
    extreme = draw_extreme_view(x, generator, skeleton, how, coordinates=coordinates)
    query, key = (
        draw_normal_view(x, generator, how.normal, coordinates=coordinates) for _ in range(2)
    )
    return extreme, query, key

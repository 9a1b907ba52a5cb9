"""AimCLR's two compositions of augmentations: the normal and the extreme view.

Paper: Guo et al., AimCLR, AAAI 2022; the normal view is SkeletonCLR's and CrosSCLR's too. Code:
github.com/Levigty/AimCLR (MIT), which settles what the paper leaves open (sources C8 to C14).
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import torch
from pydantic import Field
from torch import Generator, Tensor

from ..errors import unknown
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

FORMS = ("official", "paper")


def draw_normal_view(
    x: Tensor,
    generator: Generator,
    lengths: Tensor | None = None,
    frames: int | None = None,
    shear: float = 0.5,
    padding_ratio: int = 6,
    coordinates: int | None = None,
) -> Tensor:
    """Draws a normal view of each clip: crop, then shear.

    Args:
        x: `(N, C, T, V, M)`.
        generator: on the device of `x`.
        lengths: true lengths `(N,)`: the clips are first resized, whole, to `frames` frames.
        frames: frames after that; not read without `lengths`.
        shear: largest shear factor (paper: 0.5); 0 for none.
        padding_ratio: the crop's padding is `T // padding_ratio` frames (paper: 6); 0 for no crop.
        coordinates: channels that are coordinates, the first ones; a confidence that follows is
            cropped with them and nothing else. None: all.

    Returns:
        `(N, C, frames, V, M)`.

    Source: paper, "Normal Augmentations"; sources C8.
    """
    x = _resize(x, lengths, frames)
    padding = _padding(x, padding_ratio)
    start = draw_starts(len(x), padding, generator, x.device)
    shears = draw_shears(len(x), coordinates or x.shape[1], shear, generator, x.device)
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
    lengths: Tensor | None = None,
    frames: int | None = None,
    shear: float = 0.5,
    padding_ratio: int = 6,
    flip: float = 0.5,
    degrees: tuple[float, float] = (30.0, 1.0),
    time_flip: float | None = None,
    noise: float | None = None,
    noise_std: float = 0.01,
    blurred: float = 0.5,
    sigma: tuple[float, float] = (0.1, 2.0),
    axis_mask: float = 0.5,
    form: str = "official",
    coordinates: int | None = None,
) -> Tensor:
    """Draws an extreme view of each clip: all of `extreme_view`.

    Args:
        x: `(N, C, T, V, M)` with two or three coordinates a joint.
        generator: on the device of `x`.
        skeleton: the joint layout.
        lengths: as in `draw_normal_view`, like the three that follow.
        frames: see there.
        shear: see there.
        padding_ratio: see there.
        flip: probability of the spatial flip (paper: 0.5).
        degrees: largest angles of the rotation, see `draw_angles`; (0, 0) for none.
        time_flip: probability of the temporal flip. None: 0 (official), 0.5 (paper).
        noise: probability of Gaussian noise. None: 0.5 (official), 1 (paper, which names none).
        noise_std: its standard deviation (paper: "N(0, 0.01)").
        blurred: probability of the blur (paper: 0.5).
        sigma: smallest and largest width of the blur, in frames (paper: 0.1, 2).
        axis_mask: probability of the axis mask (paper: 0.5).
        form: "official" or "paper" (sources C12, C14).
        coordinates: channels that are coordinates, the first ones; None: all. `extreme_view` says
            what happens to a confidence that follows.

    Returns:
        `(N, C, frames, V, M)`.

    Raises:
        InputError: an unknown form.
        ValueError: clips of neither two nor three coordinates.

    Source: paper, "Extreme Augmentations"; sources C8.
    """
    if form not in FORMS:
        raise unknown("form", form, FORMS)
    x = _resize(x, lengths, frames)
    count, channels, device = len(x), coordinates or x.shape[1], x.device
    if channels not in (2, 3):
        raise ValueError(f"x of shape {tuple(x.shape)}: rotation needs 2 or 3 coordinates")
    time_flip = {"official": 0.0, "paper": 0.5}[form] if time_flip is None else time_flip
    noise = {"official": 0.5, "paper": 1.0}[form] if noise is None else noise
    padding, axes = _padding(x, padding_ratio), 3 if channels == 3 else 1
    draws = ExtremeDraws(
        start=draw_starts(count, padding, generator, device),
        padding=padding,
        shears=draw_shears(count, channels, shear, generator, device),
        flipped=draw_flips(count, flip, generator, device),
        rotations=rotations(draw_angles(count, axes, degrees, generator, device)),
        backwards=draw_flips(count, time_flip, generator, device),
        noise=draw_noise(x[:, :channels], noise_std, noise, generator),
        sigma=draw_sigmas(count, sigma, blurred, generator, device),
        axis=draw_axes(count, channels, axis_mask, generator, device),
    )
    return extreme_view(x, draws, skeleton)


def _resize(x: Tensor, lengths: Tensor | None, frames: int | None) -> Tensor:
    if lengths is None:
        return x
    if frames is None:
        raise ValueError("frames is missing: how many to resize the clips of these lengths to")
    return crop_resize(x, torch.zeros_like(lengths), lengths, frames)


def _padding(x: Tensor, ratio: int) -> int:
    return x.shape[2] // ratio if ratio > 0 else 0


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    shear: Amount = 0.5,
    padding_ratio: Annotated[int, Field(ge=0)] = 6,
    flip: Share = 0.5,
    degrees: tuple[Amount, Amount] = (30.0, 1.0),
    time_flip: Share | None = None,
    noise: Share | None = None,
    noise_std: Amount = 0.01,
    blurred: Share = 0.5,
    sigma: Widths = (0.1, 2.0),
    axis_mask: Share = 0.5,
    form: Form | None = None,
    coordinates: int | None = None,
) -> tuple[Tensor, ...]:
    """AimCLR's extreme, query and key view: eight augmentations, and twice a crop and a shear.

    Args:
        x: padded clips `(N, C, T, V, M)`, resized to `frames` first.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        skeleton: the joint layout.
        shear: largest shear factor (0.5), of all three views; 0 for none.
        padding_ratio: a crop's padding is `T // padding_ratio` frames (6); 0 for no crop.
        flip: of the extreme view, see `draw_extreme_view`, like all that follow.
        degrees: see there.
        time_flip: see there.
        noise: see there.
        noise_std: see there.
        blurred: see there.
        sigma: see there.
        axis_mask: see there.
        form: see there. None: the method's.
        coordinates: see there; of all three views.

    Returns:
        Three tensors `(N, C, frames, V, M)`.

    Source: the released code (sources C7, C8).
    """
    x = resize(x, lengths, frames)
    extreme = draw_extreme_view(
        x, generator, skeleton, shear=shear, padding_ratio=padding_ratio, flip=flip,
        degrees=degrees, time_flip=time_flip, noise=noise, noise_std=noise_std, blurred=blurred,
        sigma=sigma, axis_mask=axis_mask, form=form or "official", coordinates=coordinates,
    )  # fmt: skip
    normal: dict[str, Any] = {"shear": shear, "padding_ratio": padding_ratio}
    query, key = (
        draw_normal_view(x, generator, coordinates=coordinates, **normal) for _ in range(2)
    )
    return extreme, query, key

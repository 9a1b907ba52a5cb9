"""Views of masked modelling: a turned stretch of each clip, its patches, and which are hidden.

A patch is one joint of one person for a few frames; patches that move much are hidden more often
than others, since they say most of an action (Mao et al., MAMP, ICCV 2023). Sources G1, G4 and G5.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Amount, Positive, Share, Shares, Size
from .aimclr import rotations
from .basic import crop_resize, draw_crops, keep_rest, map_joints


@options("views")
class Stretch:
    """How a stretch of a clip is cut and turned."""

    crop: Shares = option((0.5, 1.0), "smallest and largest share of a clip that a stretch is")
    least: Size = option(64, "frames that it has at least, of a clip that has them (released: 64)")
    turn: Amount = option(0.3, "largest angle about each axis, in radians (released: 0.3)")


@options("views")
class RandomViews:
    """How a stretch is drawn, and which patches are hidden: any."""

    stretch: Stretch = option(Stretch(), "the stretch")
    masked: Share = option(0.9, "share of the patches that are hidden (released: 0.9)")


@options("views")
class MotionViews:
    """How a stretch is drawn, and which patches are hidden: rather those that move."""

    stretch: Stretch = option(Stretch(), "the stretch")
    masked: Share = option(0.9, "share of the patches that are hidden (released: 0.9)")
    temperature: Positive | None = option(
        0.8, "of hiding by motion (released: 0.8; NTU-120: 0.75); none: any patches"
    )


@options("views")
class TransformedViews:
    """S-JEPA's: a stretch as it is, for the target, and one moved as a whole, partly hidden."""

    stretch: Stretch = option(Stretch(), "the stretch; the target's is not turned")
    shift: Amount = option(0.1, "largest shift along each axis, in the unit of the clips; ours")
    mirror: Share = option(0.5, "how many views have the first coordinate's sign turned; ours")
    masked: Share = option(0.9, "share of the patches that are hidden (paper: 0.9)")
    temperature: Positive | None = option(0.8, "of hiding by motion, as MAMP's; none: any patches")


def cut(x: Tensor, size: int) -> Tensor:
    """Patches of clips `(N, C, T, V, M)`: `(N*M, P, V, size * C)`, frame by frame within.

    Person `m` of clip `n` is row `n * M + m`; of a number of frames that `size` does not divide,
    the last one is repeated.

    Examples:
        >>> import torch
        >>> x = torch.arange(6.0).view(1, 1, 6, 1, 1)
        >>> cut(x, 4)[0, :, 0]
        tensor([[0., 1., 2., 3.],
                [4., 5., 5., 5.]])
    """
    N, C, T, V, M = x.shape
    count = -(-T // size)
    if count * size > T:
        x = x[:, :, torch.arange(count * size, device=x.device).clamp_max(T - 1)]
    rows = x.permute(0, 4, 2, 3, 1).reshape(N * M, count, size, V, C)
    return rows.transpose(2, 3).reshape(N * M, count, V, size * C)


def draw_stretch(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    how: Stretch = Stretch(),
    coordinates: int | None = None,
) -> Tensor:
    """Draws a stretch of each clip, resized to `frames` and turned as a whole.

    Args:
        x: padded clips `(N, C, T, V, M)`.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same stretches.
        frames: frames of a stretch (paper: 120).
        how: the options.
        coordinates: channels that are coordinates, the first ones; None: all.

    Returns:
        `(N, C, frames, V, M)`.

    Source: released feeder, sources G4.
    """
    start, span = draw_crops(lengths, how.least, how.crop, 1, generator)
    x = crop_resize(x, start, span, frames)
    if not how.turn:
        return x
    matrices = _turns(len(x), coordinates or x.shape[1], how.turn, generator, x.device)
    return map_joints(x, keep_rest(matrices, x.shape[1]))


def draw_transformed(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    how: TransformedViews = TransformedViews(),
    coordinates: int | None = None,
) -> tuple[Tensor, Tensor]:
    """A stretch of each clip as it is, and the same turned, mirrored and shifted as a whole.

    A mirror changes a sign alone: each joint stays the one that it is, so that what is asked of a
    joint is what the other side holds of it. Joints that are absent, all 0, stay 0. See
    `draw_stretch` for the arguments.

    Returns:
        Two tensors `(N, C, frames, V, M)`.

    Source: sources G8; the amounts are ours.
    """
    channels, count = coordinates or x.shape[1], len(x)
    plain = draw_stretch(x, lengths, generator, frames, replace(how.stretch, turn=0.0), coordinates)
    matrices = _turns(count, channels, how.stretch.turn, generator, x.device)
    mirrored = torch.rand(count, generator=generator, device=x.device) < how.mirror
    matrices[:, :, 0] *= torch.where(mirrored, -1.0, 1.0)[:, None]
    shift = _between(count, channels, how.shift, generator, x.device)
    moved = map_joints(plain, keep_rest(matrices, x.shape[1]))
    there = (plain[:, :channels] != 0).any(dim=1, keepdim=True)
    moved[:, :channels] += shift[:, :, None, None, None] * there
    return plain, moved


def motion_of(patches: Tensor, known: Tensor) -> Tensor:
    """How much each patch `(B, P, V, F)` differs from the one before it: `(B, P, V)`.

    The mean of absolute differences; the first patch has the second one's.

    Args:
        patches: by `cut`.
        known: the same shape, bool; differences to or from what is not known are 0.

    Source: released code, sources G5.
    """
    if patches.shape[1] == 1:
        return torch.zeros_like(patches[..., 0])
    change = (patches[:, 1:] - patches[:, :-1]).abs()
    motion = (change * (known[:, 1:] & known[:, :-1])).mean(dim=3)
    return torch.cat([motion[:, :1], motion], dim=1)


def visible(patches: int, masked: float) -> int:
    """How many of so many patches are seen: rounded down as released, at least one.

    Examples:
        >>> visible(750, 0.9)  # 750 * (1 - 0.9) is a little less than 75
        74
    """
    return min(max(int(patches * (1 - masked)), 1), patches)


def draw_hidden(
    motion: Tensor, masked: float, temperature: float | None, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draws which patches are seen, and which are hidden.

    Without replacement, with odds `exp(motion / (temperature * the largest))` to be hidden
    (Gumbel's trick): a patch's noise is added to its motion, and the lowest are seen.

    Args:
        motion: `(..., L)`, see `motion_of`.
        masked: share that is hidden.
        temperature: see above; None: all patches alike.
        generator: on the device of `motion`.

    Returns:
        `(..., K)` and `(..., L - K)` integers.

    Source: released code, sources G5.
    """
    least = 1e-10  # as released
    noise = torch.rand(motion.shape, generator=generator, device=motion.device)
    score = -(-(noise + least).log() + least).log()
    if temperature is not None:
        largest = motion.amax(dim=-1, keepdim=True)
        score = score + motion / (largest * temperature + least)
    order = score.argsort(dim=-1)
    count = visible(motion.shape[-1], masked)
    return order[..., :count], order[..., count:]


def _turns(
    count: int, channels: int, most: float, generator: Generator, device: torch.device
) -> Tensor:
    return rotations(_between(count, 3 if channels == 3 else 1, most, generator, device))


def _between(
    count: int, axes: int, most: float, generator: Generator, device: torch.device
) -> Tensor:
    return (2 * torch.rand(count, axes, generator=generator, device=device) - 1) * most

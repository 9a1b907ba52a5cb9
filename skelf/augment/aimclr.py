"""AimCLR's augmentations; `aimclr_views.py` composes them to the normal and the extreme view.

As in `basic.py`: batched pure functions of `(N, C, T, V, M)` that take what was drawn, each with a
`draw_` partner. "Nothing for this clip" is part of the draw (a mask, a sigma of 0, an axis of -1),
so every function runs over the whole batch. Crop and temporal flip say which frames to take;
`basic.map_frames` takes them, and shears and rotates them with matrices of `draw_shears` and
`rotations`.

Paper: Guo et al., AimCLR, AAAI 2022, supplement. Code: github.com/Levigty/AimCLR (MIT), which
settles what the paper leaves open (sources C8 to C14).
"""

from __future__ import annotations

from math import radians

import torch
from torch import Generator, Tensor

from ..skeleton import Skeleton
from .basic import blend


def draw_starts(count: int, padding: int, generator: Generator, device: torch.device) -> Tensor:
    """Draws the first frame of `count` crops of the padded clip: 0 to `2 * padding`, inclusive."""
    return torch.randint(2 * padding + 1, (count,), generator=generator, device=device)


def crop_padded(start: Tensor, frames: int, padding: int) -> Tensor:
    """The frames of a crop of the clip padded in time by reflection, as long as the clip: `(N, T)`.

    The edge frame is part of the reflection, so that it stands twice: `2 1 0 0 1 2 ...`.

    Args:
        start: first frame within the padded clip, `(N,)`; `padding` leaves the clip as it is.
        frames: frames of the clip, T.
        padding: frames added on either side, T at most (paper: T / 6).

    Source: paper, "Crop"; sources C9.
    """
    at = start[:, None] - padding + torch.arange(frames, device=start.device)
    at = torch.where(at < 0, -1 - at, at)
    return torch.where(at >= frames, 2 * frames - 1 - at, at)


def draw_flips(
    count: int, probability: float, generator: Generator, device: torch.device
) -> Tensor:
    """Draws which of `count` clips to flip: a mask `(count,)`."""
    return torch.rand(count, generator=generator, device=device) < probability


def flip_joints(x: Tensor, flipped: Tensor, skeleton: Skeleton) -> Tensor:
    """Swaps left and right joints of the clips in the mask `flipped` `(N,)`.

    Joints change places, coordinates keep their sign: no mirror image (released; sources C10).
    """
    N, C, T, V, M = x.shape
    joint = torch.arange(V, device=x.device)
    order = torch.where(
        flipped[:, None], torch.as_tensor(skeleton.flip, device=x.device), joint
    )  # (N, V)
    places = (order[:, :, None] * M + torch.arange(M, device=x.device)).view(N, 1, V * M)
    return x.reshape(N, C * T, V * M).gather(2, places.expand(-1, C * T, -1)).view(x.shape)


def flip_time(at: Tensor, flipped: Tensor) -> Tensor:
    """Reverses the frames `at` `(N, T)` of the clips in the mask `flipped` `(N,)`."""
    return torch.where(flipped[:, None], at.flip(1), at)


def draw_angles(
    count: int,
    axes: int,
    degrees: tuple[float, float],
    generator: Generator,
    device: torch.device,
) -> Tensor:
    """Draws rotation angles `(count, axes)` in radians: one random main axis, the others smaller.

    Args:
        count: number of clips.
        axes: 3, or 1 for flat skeletons, whose one axis is the main one.
        degrees: largest angle about the main axis and about the others (paper: 30, 1); angles are
            uniform from 0 on, never negative.
        generator: on `device`.
        device: where to draw.

    Source: paper, "Rotate"; sources C11.
    """
    main = torch.randint(axes, (count, 1), generator=generator, device=device)
    share = torch.rand(count, axes, generator=generator, device=device)
    is_main = torch.arange(axes, device=device) == main
    return share * torch.where(is_main, radians(degrees[0]), radians(degrees[1]))


def rotations(angles: Tensor) -> Tensor:
    """Rotation matrices about x, then y, then z, by angles `(N, 3)`: `(N, 3, 3)`, for `map_frames`.

    Angles `(N, 1)` give `(N, 2, 2)`, about z. A positive angle turns the axes, not the body.

    Raises:
        ValueError: neither one nor three angles a clip.
    """
    if angles.dim() != 2 or angles.shape[1] not in (1, 3):
        raise ValueError(f"angles are (N, 3), or (N, 1) for flat skeletons; got {angles.shape}")
    cos, sin = angles.cos(), angles.sin()

    def turn(axis: int, first: int, second: int) -> Tensor:
        size = 3 if angles.shape[1] == 3 else 2
        matrix = torch.eye(size, dtype=angles.dtype, device=angles.device).repeat(len(angles), 1, 1)
        matrix[:, first, first] = matrix[:, second, second] = cos[:, axis]
        matrix[:, first, second], matrix[:, second, first] = sin[:, axis], -sin[:, axis]
        return matrix

    if angles.shape[1] == 1:
        return turn(0, 0, 1)
    return turn(2, 0, 1) @ turn(1, 2, 0) @ turn(0, 1, 2)


def draw_noise(x: Tensor, std: float, probability: float, generator: Generator) -> Tensor:
    """Draws noise to add to `x`: N(0, std), or 0 for the clips that get none; the shape of `x`.

    Absent persons get noise too, as released. Source: paper, "Gaussian Noise"; sources C12.
    """
    noisy = draw_flips(len(x), probability, generator, x.device)
    if x.device.type != "cpu":
        noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        return noise.mul_(_per_clip(noisy * std))
    # To draw is most of the work of a view: here, where nothing waits for the count, for some only.
    chosen, noise = noisy.nonzero()[:, 0], x.new_zeros(x.shape)
    noise[chosen] = torch.randn(len(chosen), *x.shape[1:], generator=generator, dtype=x.dtype) * std
    return noise


def draw_sigmas(
    count: int,
    sigma: tuple[float, float],
    probability: float,
    generator: Generator,
    device: torch.device,
) -> Tensor:
    """Draws widths for `blur`, `(count,)`: uniform in `sigma`, or 0 for clips that stay sharp."""
    share = torch.rand(count, generator=generator, device=device)
    blurred = draw_flips(count, probability, generator, device)
    return (sigma[0] + (sigma[1] - sigma[0]) * share) * blurred


def blur(x: Tensor, sigma: Tensor, axis: Tensor | None = None, size: int = 15) -> Tensor:
    """Weighs each frame with its neighbours in time by `exp(-d^2 / (2 sigma^2))`; masks an axis.

    The weights do not sum to 1: a still clip grows by up to 5 times at sigma 2. Beyond the clip
    there are zeros. A masked axis costs nothing here: its weights are 0.

    Args:
        x: `(N, C, T, V, M)`.
        sigma: in frames, `(N,)`; 0 leaves a clip as it is (paper: 0.1 to 2).
        axis: the coordinate of each clip that becomes 0 throughout, `(N,)`, -1 for none; None: no
            clip has one.
        size: number of frames that count, odd (paper: 15).

    Source: paper, Eq. 11, which has no normalisation either; sources C13.
    """
    N, C, T, V, M = x.shape
    distance = torch.arange(size, dtype=torch.int32, device=x.device) - size // 2
    at = torch.arange(T, dtype=torch.int32, device=x.device)[:, None] + distance  # (T, size)
    # At the least sigma every weight but a frame's own is exactly 0.
    width = sigma.clamp_min(1e-3)[:, None].to(x.dtype)
    weights = torch.exp(-(distance**2) / (2 * width**2))[:, None] * ((at >= 0) & (at < T))
    weights = weights.view(N, 1, T * size)
    if axis is None:
        weights = weights.expand(-1, C, -1)
    else:
        weights = weights * (torch.arange(C, device=x.device) != axis[:, None])[:, :, None]
    first = torch.arange(0, N * C * T, T, dtype=torch.int32, device=x.device)[:, None]
    out = blend(
        x.reshape(N * C * T, V * M),
        (first + at.clamp(0, T - 1).flatten()).view(-1, size),
        weights.reshape(-1, size),
    )
    return out.view(x.shape)


def draw_axes(
    count: int, channels: int, probability: float, generator: Generator, device: torch.device
) -> Tensor:
    """Draws the coordinate that `blur` masks in each of `count` clips, `(count,)`; -1 for none."""
    masked = draw_flips(count, probability, generator, device)
    axis = torch.randint(channels, (count,), generator=generator, device=device)
    return torch.where(masked, axis, -1)


def _per_clip(values: Tensor) -> Tensor:
    """`(N,)` or `(N, C)` to five dimensions, to go with `(N, C, T, V, M)`."""
    return values.view(*values.shape, *[1] * (5 - values.dim()))

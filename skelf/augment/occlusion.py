"""Occlusions of clips: what a sensor does not see, or sees badly, in test clips.

A function that changes clips takes what was drawn, one row a clip; its `draw_` partner draws for
one clip from that clip's own generator. `generator_of` seeds it with the clip's name, so that a
clip is occluded in the same way for every encoder, in batches of any size and order.

Clips are `(N, C, T, V, M)`, as an encoder takes them: already normalised and resized. The survey of
Zhang et al. (2024) masks by zeros; before normalisation these would take away the joints by which a
body is centred and turned, and before resizing they would be blended into the frames beside them.
Places in time are therefore shares of the clip, whatever number of frames an encoder takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from ..errors import InputError
from ..skeleton import Skeleton
from ..streams import bone


def generator_of(name: str, condition: str, seed: int) -> Generator:
    """The generator of one clip and one condition: a hash of both names and the seed."""
    text = f"{seed}\n{condition}\n{name}"
    digest = blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def draw_share(ratio: tuple[float, float], generator: Generator) -> float:
    """The share that is occluded: `U(ratio)` (survey: 0.3 to 0.7)."""
    return float(generator.uniform(*ratio))


def draw_parts(
    parts: Mapping[str, Sequence[int]],
    joints: int,
    ratio: tuple[float, float],
    generator: Generator,
) -> np.ndarray:
    """Draws body parts: as many as come nearest to the share, at least one and never all.

    Args:
        parts: the layout's, name -> joints.
        joints: number of joints `V`.
        ratio: see `draw_share`.
        generator: of the clip.

    Returns:
        `(V,)` bool: the joints of the drawn parts.

    Raises:
        InputError: a layout with fewer than two parts.
    """
    members = [list(part) for part in parts.values() if len(part)]
    if len(members) < 2:
        raise InputError(
            f"spatial occlusion: the layout has {len(members)} body part, two are needed: name its "
            "parts (a layout's TOML file, [parts]), or leave the condition out"
        )
    count = round(draw_share(ratio, generator) * len(members))
    drawn = generator.permutation(len(members))[: min(max(count, 1), len(members) - 1)]
    hidden = np.zeros(joints, bool)
    for part in drawn:
        hidden[members[part]] = True
    return hidden


def draw_block(ratio: tuple[float, float], generator: Generator) -> tuple[float, float]:
    """Draws a block of time: where it starts, uniform where it fits, and its share of the clip."""
    share = draw_share(ratio, generator)
    return float(generator.uniform(0, 1 - share)), share


def draw_missing(
    length: int, joints: int, persons: int, ratio: tuple[float, float], generator: Generator
) -> np.ndarray:
    """Draws which joints are missing, each in each frame for itself: `(length, V, M)` bool.

    The share that is drawn first is their probability. A person's draws don't depend on how many
    others there are.
    """
    share = draw_share(ratio, generator)
    return (generator.random((persons, length, joints)) < share).transpose(1, 2, 0)


def draw_offsets(
    length: int, joints: int, persons: int, coordinates: int, generator: Generator
) -> np.ndarray:
    """Draws normal numbers for every coordinate of every joint: `(length, V, M, D)` float32."""
    shape = (persons, length, joints, coordinates)
    return generator.standard_normal(shape, np.float32).transpose(1, 2, 0, 3)


def frames_at(length: int, frames: int) -> np.ndarray:
    """For each of `frames` frames after resizing the clip's own frame nearest to its place."""
    return np.minimum(((np.arange(frames) + 0.5) / frames * length).astype(np.int64), length - 1)


def hide_joints(x: Tensor, joints: Tensor) -> Tensor:
    """Sets joints `(N, V)` of every person to zero in all frames of `x` `(N, C, T, V, M)`.

    Examples:
        >>> import torch
        >>> hidden = torch.tensor([[True, False]])
        >>> hide_joints(torch.ones(1, 1, 2, 2, 1), hidden).flatten()
        tensor([0., 1., 0., 1.])
    """
    return x.masked_fill(joints[:, None, None, :, None], 0.0)


def hide_block(x: Tensor, start: Tensor, share: Tensor) -> Tensor:
    """Sets a block of frames to zero: those whose middle lies in `[start, start + share)`.

    Args:
        x: `(N, C, T, V, M)`.
        start: `(N,)`, the block's begin as a share of the clip, in [0, 1].
        share: `(N,)`, its length as a share of the clip.
    """
    middle = (torch.arange(x.shape[2], device=x.device) + 0.5) / x.shape[2]
    hidden = (middle >= start[:, None]) & (middle < (start + share)[:, None])  # (N, T)
    return x.masked_fill(hidden[:, None, :, None, None], 0.0)


def drop_joints(x: Tensor, missing: Tensor) -> Tensor:
    """Sets single joints `(N, T, V, M)` to zero, each in its frame and person alone."""
    return x.masked_fill(missing[:, None], 0.0)


def shake(x: Tensor, offsets: Tensor, sigma: float, skeleton: Skeleton) -> Tensor:
    """Adds noise of deviation `sigma` times the body's mean bone length to every coordinate.

    A person who is absent from a frame stays zero there; a confidence stays as it is.

    Args:
        x: `(N, C, T, V, M)`, the coordinates first.
        offsets: `(N, T, V, M, D)`, standard normal, `D` coordinates.
        sigma: share of the clip's mean bone length.
        skeleton: the layout.
    """
    moved, rest = x.tensor_split([offsets.shape[-1]], dim=1)
    there = (moved != 0).any(dim=1).any(dim=2)  # (N, T, M)
    # In frames where nobody is, bones have no length and must not shrink the mean.
    bones = bone(moved, skeleton).norm(dim=1).sum(dim=2)  # (N, T, M)
    count = there.sum(dim=(1, 2)).clamp_min(1) * max(1, len(skeleton.edges))
    size = bones.sum(dim=(1, 2)) / count  # (N,)
    noise = offsets.permute(0, 4, 1, 2, 3) * (sigma * size[:, None, None, None, None])
    return torch.cat([moved + noise * there[:, None, :, None, :], rest], dim=1)

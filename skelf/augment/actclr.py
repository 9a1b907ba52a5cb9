"""ActCLR's views of a batch: one distorted more, one distorted, and mixtures of a plain one.

Paper: Lin et al., Actionlet-Dependent Contrastive Learning for Unsupervised Skeleton-Based Action
Recognition, CVPR 2023. Code: github.com/LanglandsLin/ActCLR (MIT); sources L10, L11. Which region
takes which view, the method finds out. Differs: all augmentations throughout (released: fewer from
epochs 101 and 201 on, none from 301 on), and one way of shearing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ..settings.options import option, options
from ..settings.ranges import Amount, Share, Shares
from ..skeleton import Skeleton
from ..streams import bone
from .aimclr_views import AimCLRViews, draw_extreme_view, draw_normal_view
from .basic import resize
from .pcm3 import Mix, draw_mix, mix, part_table
from .skelemixclr import CELL, distance


@options("views")
class ActCLRViews:
    """How ActCLR's views are drawn."""

    augment: AimCLRViews = option(AimCLRViews(), "of the distorted views; crop and shear of all")
    strong_noise: Amount = option(0.05, "standard deviation of the stronger view's noise")
    speed: Share = option(0.5, "probability that the stronger view is played at another speed")
    shrink: Amount = option(0.5, "largest factor of the stronger view's bones; 1 or more may grow")
    mix_kinds: tuple[Amount, Amount, Amount] = option(
        (0.5, 0.25, 0.25), "how often CutMix, ResizeMix and Mixup"
    )
    mix_span: Shares = option((0.25, 0.42), "shares of the frames pasted (released: 3 to 5 of 12)")
    mix_parts: Shares = option((0.4, 0.6), "shares of the body parts pasted (released: 2 to 3)")


class Views(NamedTuple):
    """What `ActCLR.forward` takes; all but the last three are clips `(N, C, T, V, M)`."""

    strong: Tensor
    query: Tensor
    plain: Tensor
    key: Tensor
    boned: Tensor  # the plain view with the bones of another clip
    mixed: Tensor  # a mixture of these
    pasted: Tensor  # another one
    away: Tensor  # (N,): how many clips farther on the one stands that was pasted
    covered: Tensor  # (N, T', V): how much of each cell of the map was pasted over
    taken: Tensor  # (N, T', V): how much of each cell of the other clip was taken


def draw_views(
    x: Tensor,
    lengths: Tensor,
    generator: Generator,
    frames: int,
    skeleton: Skeleton,
    how: ActCLRViews = ActCLRViews(),
    coordinates: int | None = None,
) -> Views:
    """Draws the views of a batch.

    Args:
        x: padded clips `(N, C, T, V, M)`, resized to `frames` first.
        lengths: true lengths `(N,)`.
        generator: on the device of `x`; the same state gives the same views.
        frames: frames of a view.
        skeleton: the joint layout; its body parts are mixed, its bones scaled.
        how: the options.
        coordinates: channels that are coordinates, the first ones; None: all.

    Source: the released code (sources L10, L11).
    """
    x, device, count = resize(x, lengths, frames), x.device, len(x)
    more = replace(how.augment, noise_std=how.strong_noise)
    strong = draw_extreme_view(x, generator, skeleton, more, coordinates=coordinates)
    drawn = torch.rand(2 + skeleton.joints, count, generator=generator, device=device)
    rate = torch.where(drawn[0] < how.speed, 0.5 + drawn[1], 1.0)
    factor = (how.shrink * drawn[2:].T)[:, None, None, :, None]
    strong = scale_bones(play(strong, rate), factor, skeleton, coordinates)
    query = draw_extreme_view(x, generator, skeleton, how.augment, coordinates=coordinates)
    plain, key = (
        draw_normal_view(x, generator, how.augment.normal, coordinates=coordinates)
        for _ in range(2)
    )
    parts = part_table(skeleton, device)
    first, second, third = (
        draw_mix(
            count, frames, parts, generator, how.mix_kinds, how.mix_span, how.mix_parts, CELL
        )
        for _ in range(3)
    )  # fmt: skip
    lengths_of_other = bone_lengths(plain, skeleton, coordinates)[first.partner]
    boned = with_lengths(plain, lengths_of_other, skeleton, coordinates)
    covered, taken = (cells.expand(count, -1, -1) for cells in _cells(third))
    return Views(
        strong, query, plain, key, boned, mix(boned, *second), mix(boned, *third),
        distance(third), covered, taken,
    )  # fmt: skip


def play(x: Tensor, rate: Tensor) -> Tensor:
    """Clips `(N, C, T, V, M)` of `rate * T` frames, cut to T, or followed by frames of zeros.

    Args:
        x: clips.
        rate: `(N,)`; 1 leaves a clip as it is, above it is played more slowly.

    Source: the released code (sources L10).

    Examples:
        >>> x = torch.arange(1.0, 5).view(1, 1, 4, 1, 1)
        >>> play(x, torch.tensor([0.5])).flatten()
        tensor([1.5000, 3.5000, 0.0000, 0.0000])
    """
    T = x.shape[2]
    size = (T * rate).long().clamp_min(1)[:, None]
    frame = torch.arange(T, device=x.device)
    at = ((frame + 0.5) * (T / size) - 0.5).clamp(0, T - 1)  # (N, T)
    before = at.floor().long()
    clip = torch.arange(len(x), device=x.device)[:, None]
    rows = x.transpose(1, 2)  # (N, T, C, V, M)
    share = (at - before).to(x.dtype)[:, :, None, None, None]
    out = torch.lerp(rows[clip, before], rows[clip, (before + 1).clamp_max(T - 1)], share)
    return (out * (frame < size)[:, :, None, None, None]).transpose(1, 2)


def bone_lengths(x: Tensor, skeleton: Skeleton, coordinates: int | None = None) -> Tensor:
    """Length of the bone to each joint's parent, `(N, 1, T, V, M)`; the root's is 0."""
    return bone(x[:, :coordinates], skeleton).square().sum(dim=1, keepdim=True).sqrt()


def with_lengths(
    x: Tensor, lengths: Tensor, skeleton: Skeleton, coordinates: int | None = None
) -> Tensor:
    """Clips whose bones have other lengths, `(N, 1, T, V, M)`; a length of 0 leaves a bone's own.

    Source: the released code (sources L11). differs: there a bone of a person whom the other clip
    does not have shrinks to 3 mm.
    """
    own = bone_lengths(x, skeleton, coordinates)
    known = (own > 0) & (lengths > 0)
    factor = torch.where(known, lengths / own.clamp_min(1e-3), 1.0)
    return scale_bones(x, factor, skeleton, coordinates)


def scale_bones(
    x: Tensor, factor: Tensor, skeleton: Skeleton, coordinates: int | None = None
) -> Tensor:
    """Clips `(N, C, T, V, M)` whose bones are longer by a factor; the root stays where it is.

    Args:
        x: clips.
        factor: of the bone to each joint's parent; goes with `(N, 1, T, V, M)`.
        skeleton: the joint layout.
        coordinates: channels that are coordinates; None: all. A joint stays where it was if one
            between it and the root, or itself, has a confidence of 0.

    Examples:
        >>> from skelf.skeleton import Skeleton
        >>> arm = Skeleton(("a", "b", "c"), (-1, 0, 1), (), {"arm": (0, 1, 2)}, 0)
        >>> x = torch.tensor([1.0, 2, 4]).view(1, 1, 1, 3, 1)
        >>> scale_bones(x, torch.tensor(2.0), arm).flatten()
        tensor([1., 3., 7.])
    """
    moved, rest = x.tensor_split([coordinates or x.shape[1]], dim=1)
    chain = _chains(skeleton).to(x)
    scaled = bone(moved, skeleton) * factor
    out = torch.einsum("nctvm,vw->nctwm", scaled, chain)
    out = out + moved[:, :, :, skeleton.root].unsqueeze(3)
    if rest.shape[1]:
        lost = torch.einsum("nctvm,vw->nctwm", (rest <= 0).to(x), chain) + (
            rest[:, :, :, skeleton.root] <= 0
        ).to(x).unsqueeze(3)
        out = torch.where(lost > 0, moved, out)
    return torch.cat([out, rest], dim=1)


def _chains(skeleton: Skeleton) -> Tensor:
    """Whose bones lie between the root and a joint: `(V, V)`, bone by joint."""
    chain = torch.zeros(skeleton.joints, skeleton.joints)
    for joint in range(skeleton.joints):
        above = joint
        while skeleton.parents[above] >= 0:
            chain[above, joint], above = 1.0, skeleton.parents[above]
    return chain


def _cells(drawn: Mix) -> tuple[Tensor, Tensor]:
    """What a mixture covers of one map and takes of the other, `(T', V)` each.

    ResizeMix takes all frames of the joints that it pastes, as the released code counts.
    """
    covered = drawn.weight[::CELL]
    frame = torch.arange(len(drawn.source), device=drawn.source.device)
    resized = (drawn.source != frame).any()
    return covered, torch.where(resized, covered.amax(dim=0, keepdim=True), covered)

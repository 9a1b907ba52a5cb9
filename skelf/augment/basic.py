"""Augmentations: batched pure functions on the device, each fed with its own random draws.

A function that transforms takes what was drawn (`start`, `matrices`, `joints`), so that a test or
another codebase can feed the same draws; its `draw_` partner makes them from one `torch.Generator`.
Clips are `(N, C, T, V, M)`, and so they lie in memory: a frame's joints in one coordinate are a
row, and what moves, weighs or mixes frames and coordinates sums a few rows in one pass, `blend`.
Any other order in memory gives the same numbers after a copy.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Generator, Tensor
from torch.nn import functional as F


def blend(rows: Tensor, index: Tensor, weight: Tensor) -> Tensor:
    """Sums weighted rows: row `i` is `sum_j weight[i, j] * rows[index[i, j]]`.

    Looking up bags of embeddings is this sum, and it alone reads each row and writes each result
    once, on a CPU and a GPU: four times as fast as gathering and then interpolating.

    Args:
        rows: `(R, W)`.
        index: `(B, J)` integers. A row of weight 0 is read too: it must be finite.
        weight: `(B, J)`, of the type of `rows`.

    Returns:
        `(B, W)`.
    """
    if torch.compiler.is_exporting():  # other runtimes have no bags
        bags = zip(index.unbind(1), weight.unbind(1), strict=True)
        parts = [rows[one] * share[:, None] for one, share in bags]
        return reduce(torch.add, parts)
    return F.embedding_bag(index, rows, mode="sum", per_sample_weights=weight)


def draw_crops(
    lengths: Tensor, frames: int, ratio: tuple[float, float], views: int, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draws a temporal crop for each clip and view.

    The crop covers `floor(length * r)` frames, `r ~ U(ratio)`, but no fewer than `frames` and no
    more than the clip has: clips of at most `frames` frames are never cropped. The start is uniform
    over the places that fit.

    Args:
        lengths: true lengths `(N,)`.
        frames: frames after resizing (paper: 64).
        ratio: smallest and largest share of the clip (released code: 0.1, 1).
        views: number of views K.
        generator: on the device of `lengths`.

    Returns:
        `start` and `span`, each `(K, N)` integers.

    Source: USDRL's released feeder (sources U12); the paper only cites UmURL.
    """
    shape, device = (views, len(lengths)), lengths.device
    share = ratio[0] + (ratio[1] - ratio[0]) * _uniform(shape, generator, device)
    span = (lengths * share).floor().long().clamp_min(frames).minimum(lengths)
    start = (_uniform(shape, generator, device) * (lengths - span + 1)).long()
    return start.minimum(lengths - span), span


def central_crop(lengths: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """The middle of each clip: as many frames less at either end, rounded down.

    Args:
        lengths: true lengths `(N,)`.
        share: of the clip that stays (released evaluation of ISC, CMD and PCM3: 0.95).

    Returns:
        `start` and `span`, each `(N,)` integers, for `crop_resize`.

    Source: the released feeders (sources P15).

    Examples:
        >>> import torch
        >>> central_crop(torch.tensor([100, 39, 1]), 0.95)
        (tensor([2, 0, 0]), tensor([96, 39,  1]))
    """
    left = ((1 - share) * lengths.double() / 2).floor().long()
    return left, lengths - 2 * left


def crop_resize(x: Tensor, start: Tensor, span: Tensor, frames: int) -> Tensor:
    """Cuts `span` frames from `start` of each clip and resizes them along time, linearly.

    Output frame `i` reads position `(i + 0.5) * span / frames - 0.5`, clamped to the crop: bilinear
    interpolation without aligned corners and without antialiasing.

    Args:
        x: `(N, C, T, V, M)`, padded beyond each clip's length.
        start: first frame, `(N,)` or `(K, N)`.
        span: number of frames, same shape; `start + span` stays within the clip's length.
        frames: frames to return.

    Returns:
        `(N, C, frames, V, M)`, or `(K * N, C, frames, V, M)`, view by view.

    Examples:
        >>> import torch
        >>> x = torch.arange(8.0).view(1, 1, 8, 1, 1)
        >>> crop_resize(x, torch.tensor([2]), torch.tensor([4]), 2).flatten()  # frames 2 to 5
        tensor([2.5000, 4.5000])
    """
    N, C, T, V, M = x.shape
    start, span = start.reshape(-1, N), span.reshape(-1, N)
    step = torch.arange(frames, device=x.device) + 0.5
    position = step * (span[..., None] / frames) - 0.5  # (K, N, frames)
    position = position.clamp_min(0).minimum(span[..., None] - 1.0)
    lower = position.floor()
    weight = (position - lower).to(x.dtype)
    at = start[..., None] + lower.long()
    after = torch.minimum(at + 1, (start + span - 1)[..., None])
    both = torch.stack([at, after], dim=-1).view(-1, N, 1, 2 * frames)
    shares = torch.stack([1 - weight, weight], dim=-1).view(-1, N, 1, 2 * frames)
    first = T * torch.arange(N * C, device=x.device).view(N, C, 1)  # rows of frame 0
    out = blend(
        x.reshape(N * C * T, V * M),
        (first + both).view(-1, 2),
        shares.expand(-1, -1, C, -1).reshape(-1, 2),
    )
    return out.view(-1, C, frames, V, M)


def map_frames(x: Tensor, at: Tensor, matrices: Tensor) -> Tensor:
    """Takes frames of each clip and multiplies all joints by one matrix a clip: `x' = A x[at]`.

    Args:
        x: `(N, C, T, V, M)`.
        at: frames of the clip, `(N, T')`.
        matrices: `(N, C, C)`.

    Returns:
        `(N, C, T', V, M)`.
    """
    N, C, T, V, M = x.shape
    frames = at.shape[1]
    first = torch.arange(0, N * C * T, T, device=x.device).view(N, 1, 1, C)
    index = (at[:, None, :, None] + first).expand(-1, C, -1, -1)  # (N, C, T', C)
    weight = matrices[:, :, None].expand(-1, -1, frames, -1)
    out = blend(x.reshape(N * C * T, V * M), index.reshape(-1, C), weight.reshape(-1, C))
    return out.view(N, C, frames, V, M)


def draw_shears(
    count: int, channels: int, amplitude: float, generator: Generator, device: torch.device
) -> Tensor:
    """Draws `count` shear matrices `(count, C, C)`: diagonal 1, the rest as `draw_matrices`."""
    matrices = draw_matrices(count, channels, amplitude, generator, device)
    matrices.diagonal(dim1=1, dim2=2).fill_(1.0)
    return matrices


def draw_matrices(
    count: int, channels: int, amplitude: float, generator: Generator, device: torch.device
) -> Tensor:
    """Draws `count` matrices `(count, C, C)` with all entries `U(-amplitude, amplitude)`."""
    return (2 * _uniform((count, channels, channels), generator, device) - 1) * amplitude


def draw_joints(
    count: int, joints: int, share: float, generator: Generator, device: torch.device
) -> Tensor:
    """Draws `round(share * V)` joints for each of `count` clips: a mask `(count, V)`."""
    order = _uniform((count, joints), generator, device).argsort(dim=1)
    return torch.zeros(count, joints, dtype=torch.bool, device=device).scatter_(
        1, order[:, : round(share * joints)], True
    )


def keep_rest(matrices: Tensor, channels: int) -> Tensor:
    """Matrices of the coordinates `(N, D, D)` for clips of `channels` C: `(N, C, C)`.

    Channels after the coordinates (a confidence) pass unchanged and enter no coordinate.
    """
    more = channels - matrices.shape[1]
    if not more:
        return matrices
    wide = torch.nn.functional.pad(matrices, (0, more, 0, more))
    wide.diagonal(dim1=1, dim2=2)[:, -more:] = 1.0
    return wide


def map_joints(x: Tensor, matrices: Tensor, joints: Tensor | None = None) -> Tensor:
    """Multiplies the coordinates of the chosen joints by one matrix a clip: `x' = A x`.

    With a shear matrix and all joints this is the shear (USDRL's "pose augmentation"); with a
    random or a zero matrix and some joints it is joint corruption. The choice of joints holds for
    all persons and frames of a clip.

    Args:
        x: `(N, C, T, V, M)`.
        matrices: `(N, C, C)`.
        joints: mask `(N, V)` of the joints to change; all when None.

    Source: USDRL's released augmentations (sources U13). There a corrupted joint is a row vector
    times the matrix; all its entries have one distribution, so the transpose changes nothing but
    the draw.

    Examples:
        >>> import torch
        >>> x = torch.ones(1, 3, 4, 2, 1)  # two joints
        >>> zero = torch.zeros(1, 3, 3)
        >>> map_joints(x, zero, torch.tensor([[True, False]]))[0, :, 0, :, 0]  # the first is lost
        tensor([[0., 1.],
                [0., 1.],
                [0., 1.]])
    """
    N, C, T, V, M = x.shape
    rows = x.reshape(N * C, T * V * M)
    index = torch.arange(N * C, device=x.device).view(N, 1, C).expand(-1, C, -1).reshape(-1, C)
    mapped = blend(rows, index, matrices.reshape(N * C, C)).view(x.shape)
    if joints is None:
        return mapped
    # Weights of 0 and 1 choose exactly, in a third of the time that `where` takes.
    unchanged = (~joints).to(x.dtype)[:, None, None, :, None].expand(-1, -1, -1, -1, M)
    return mapped.lerp_(x, unchanged.contiguous())


def _uniform(shape: tuple[int, ...], generator: Generator, device: torch.device) -> Tensor:
    return torch.rand(shape, generator=generator, device=device)


def resize(x: Tensor, lengths: Tensor, frames: int) -> Tensor:
    """Whole clips `(N, C, T, V, M)` of `lengths` `(N,)` in `frames`: what protocols encode.

    Examples:
        >>> import torch
        >>> x = torch.arange(6.0).view(1, 1, 6, 1, 1)  # four frames and two of padding
        >>> resize(x, torch.tensor([4]), 2).flatten()
        tensor([0.5000, 2.5000])
    """
    return crop_resize(x, torch.zeros_like(lengths), lengths, frames)

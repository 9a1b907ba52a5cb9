"""Augmentations: batched pure functions on the device, each fed with its own random draws.

A function that transforms takes what was drawn (`start`, `matrices`, `joints`), so that a test or
another codebase can feed the same draws; its `draw_` partner makes them from one `torch.Generator`.
Clips are `(N, C, T, V, M)`; they are kept with the coordinates innermost in memory, which makes
every function below one or two passes over the data.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor


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

    Source: USDRL's released feeder (facts A8a); the paper only cites UmURL.
    """
    shape, device = (views, len(lengths)), lengths.device
    share = ratio[0] + (ratio[1] - ratio[0]) * _uniform(shape, generator, device)
    span = (lengths * share).floor().long().clamp_min(frames).minimum(lengths)
    start = (_uniform(shape, generator, device) * (lengths - span + 1)).long()
    return start.minimum(lengths - span), span


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
    """
    N, C, T, V, M = x.shape
    # A view, not a copy, when memory is (N, T, M, V, C).
    rows = x.permute(0, 2, 4, 3, 1).reshape(N * T, M * V * C)
    start, span = start.reshape(-1, N), span.reshape(-1, N)
    step = torch.arange(frames, device=x.device) + 0.5
    position = step * (span[..., None] / frames) - 0.5  # (K, N, frames)
    position = position.clamp_min(0).minimum(span[..., None] - 1.0)
    lower = position.floor()
    weight = (position - lower).to(x.dtype).reshape(-1, 1)
    first = torch.arange(N, device=x.device)[:, None] * T + start[..., None]
    last = first + span[..., None] - 1
    at = (first + lower.long()).reshape(-1)
    after = torch.minimum(at + 1, last.expand(-1, -1, frames).reshape(-1))
    out = rows.index_select(0, at).lerp_(rows.index_select(0, after), weight)
    return out.view(-1, frames, M, V, C).permute(0, 4, 1, 3, 2)


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

    Source: USDRL's released augmentations (facts A8b). There a corrupted joint is a row vector
    times the matrix; all its entries have one distribution, so the transpose changes nothing but
    the draw.
    """
    N, C, T, V, M = x.shape
    rows = x.permute(0, 2, 4, 3, 1).reshape(N, T * M * V, C)
    mapped = torch.bmm(rows, matrices.transpose(1, 2))
    if joints is not None:  # whole frames as rows: the mask is contiguous, twice as fast
        mask = joints.repeat_interleave(C, dim=1)[:, None]  # (N, 1, V * C)
        mapped = torch.where(mask, mapped.view(N, T * M, V * C), rows.reshape(N, T * M, V * C))
    return mapped.view(N, T, M, V, C).permute(0, 4, 1, 3, 2)


def _uniform(shape: tuple[int, ...], generator: Generator, device: torch.device) -> Tensor:
    return torch.rand(shape, generator=generator, device=device)

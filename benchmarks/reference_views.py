"""AimCLR's views of one clip `(C, T, V, M)` in NumPy, each step by itself (facts 3.2).

Functions that take what was drawn stand beside those that draw, so that a test can give both paths
the same draws.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


def resize(x: np.ndarray, frames: int) -> np.ndarray:
    """The whole clip in `frames` frames, linearly between them, ends held."""
    at = np.clip((np.arange(frames) + 0.5) * x.shape[1] / frames - 0.5, 0, x.shape[1] - 1)
    lower = np.floor(at).astype(int)
    upper = np.minimum(lower + 1, x.shape[1] - 1)
    weight = (at - lower)[None, :, None, None]
    return x[:, lower] * (1 - weight) + x[:, upper] * weight


def crop(x: np.ndarray, start: int, padding: int) -> np.ndarray:
    T = x.shape[1]
    if not padding:
        return x
    x = np.concatenate([x[:, :padding][:, ::-1], x, x[:, -padding:][:, ::-1]], axis=1)
    return x[:, start : start + T]


def turn(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Shear or rotation: `matrix @` the coordinates of every joint."""
    return np.einsum("dc,ctvm->dtvm", matrix, x)


def blur(x: np.ndarray, sigma: float) -> np.ndarray:
    offsets = np.arange(-7, 8)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    padded = np.pad(x, ((0, 0), (7, 7), (0, 0), (0, 0)))
    return sum(kernel[7 + d] * padded[:, 7 + d : 7 + d + x.shape[1]] for d in offsets)


class Draws(NamedTuple):
    """What one extreme view is made with; None where a step was not drawn."""

    start: int
    shear: np.ndarray
    flipped: bool
    rotation: np.ndarray
    noise: np.ndarray | None
    sigma: float | None
    axis: int | None


def extreme(x: np.ndarray, draws: Draws, flip: list[int]) -> np.ndarray:
    x = crop(x, draws.start, x.shape[1] // 6)
    x = turn(x, draws.shear)
    if draws.flipped:
        x = x[:, :, flip]
    x = turn(x, draws.rotation)
    if draws.noise is not None:
        x = x + draws.noise
    if draws.sigma is not None:
        x = blur(x, draws.sigma)
    if draws.axis is not None:
        x = x.copy()
        x[draws.axis] = 0
    return x


def draw_normal(x: np.ndarray) -> np.ndarray:
    padding = x.shape[1] // 6
    return turn(crop(x, np.random.randint(2 * padding + 1), padding), _shear())


def draw_extreme(x: np.ndarray, flip: list[int]) -> np.ndarray:
    draws = Draws(
        start=np.random.randint(2 * (x.shape[1] // 6) + 1),
        shear=_shear(),
        flipped=np.random.rand() < 0.5,
        rotation=_rotation(),
        noise=np.random.normal(0, 0.01, x.shape) if np.random.rand() < 0.5 else None,
        sigma=np.random.uniform(0.1, 2.0) if np.random.rand() < 0.5 else None,
        axis=np.random.randint(3) if np.random.rand() < 0.5 else None,
    )
    return extreme(x, draws, flip)


def collate(clips: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(clips)).float()


def _shear() -> np.ndarray:
    shear = np.random.uniform(-0.5, 0.5, (3, 3))
    np.fill_diagonal(shear, 1)
    return shear


def _rotation() -> np.ndarray:
    largest = np.full(3, np.pi / 180)
    largest[np.random.randint(3)] = np.pi / 6
    (a, b, c), turned = np.random.uniform(0, largest), np.eye(3)
    for first, second, angle in ((1, 2, a), (2, 0, b), (0, 1, c)):
        matrix = np.eye(3)
        matrix[first, first] = matrix[second, second] = np.cos(angle)
        matrix[first, second], matrix[second, first] = np.sin(angle), -np.sin(angle)
        turned = matrix @ turned
    return turned

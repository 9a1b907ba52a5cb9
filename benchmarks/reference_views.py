"""Views of one clip `(C, T, V, M)` in NumPy, each step by itself: AimCLR's, USDRL's, PCM3's.

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


def corrupt(x: np.ndarray, matrix: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """USDRL's joint corruption: the matrix on some joints, of all frames and persons."""
    x = x.copy()
    x[:, :, joints] = turn(x[:, :, joints], matrix)
    return x


def draw_usdrl(x: np.ndarray, frames: int, corruption: float = 0.5) -> np.ndarray:
    """USDRL's view: a crop, resized, then corruption or a shear (sources U12, U13)."""
    length = x.shape[1]
    span = min(max(int(length * np.random.uniform(0.1, 1)), frames), length)
    start = np.random.randint(length - span + 1)
    x = resize(x[:, start : start + span], frames)
    if np.random.rand() < corruption:
        joints = np.random.permutation(x.shape[2])[: round(0.6 * x.shape[2])]
        zero = np.random.rand() < 0.5
        return corrupt(x, np.zeros((3, 3)) if zero else np.random.uniform(-1, 1, (3, 3)), joints)
    return turn(x, _shear(1.0))


class MixDraws(NamedTuple):
    """How PCM3 mixes a batch: `kind` is cut, resize or mixup; `blend` is the latter's share."""

    shift: int
    kind: str
    start: int
    length: int
    joints: np.ndarray
    blend: float


def mix(clips: list[np.ndarray], draws: MixDraws) -> list[np.ndarray]:
    """PCM3's mixed view: each clip with that `shift` places on (sources P5)."""
    frames, window = clips[0].shape[1], slice(draws.start, draws.start + draws.length)
    at = np.arange(frames)[window]
    if draws.kind == "resize":
        taken = min(frames, 2 * draws.length)
        at = np.arange(draws.length) * taken // draws.length
    made = []
    for i, clip in enumerate(clips):
        other = clips[(i + draws.shift) % len(clips)]
        if draws.kind == "mixup":
            made.append(clip * (1 - draws.blend) + other * draws.blend)
            continue
        clip = clip.copy()
        clip[:, window, draws.joints] = other[:, at][:, :, draws.joints]
        made.append(clip)
    return made


def draw_pcm3(clips: list[np.ndarray], frames: int, parts: list[list[int]]) -> list[Tensor]:
    """PCM3's query, key, unmasked and mixed view of a batch."""
    query = [draw_usdrl(clip, frames) for clip in clips]
    key = [draw_usdrl(clip, frames) for clip in clips]
    plain = [draw_usdrl(clip, frames, corruption=0.0) for clip in clips]
    units, count = frames // 4, np.random.randint(2, 4)
    length = np.random.randint(round(7 / 16 * units), round(11 / 16 * units) + 1)
    chosen = np.random.permutation(len(parts))[:count]
    draws = MixDraws(
        shift=np.random.randint(1, max(len(clips) - 1, 2)),
        kind=np.random.choice(["cut", "resize", "mixup"], p=[0.5, 0.25, 0.25]),
        start=4 * np.random.randint(units - length + 1),
        length=4 * length,
        joints=np.concatenate([parts[i] for i in chosen]),
        blend=np.random.rand(),
    )
    return [collate(view) for view in (query, key, plain, mix(query, draws))]


def collate(clips: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(clips)).float()


def _shear(largest: float = 0.5) -> np.ndarray:
    shear = np.random.uniform(-largest, largest, (3, 3))
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

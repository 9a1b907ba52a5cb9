"""What an encoder says of recordings, a few times a second and in a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..inference.bulk.blocks import part_of
from ..inference.bulk.units import pieces
from ..inference.frames import frame_features


class Signals(NamedTuple):
    """One signal a recording.

    Args:
        values: of each recording `(B, D)` float64: bins of `step` frames, the last one shorter.
        step: `(N,)` int64, frames of a bin.
        explained: share of the features' variance that the `D` numbers hold.
    """

    values: list[np.ndarray]
    step: np.ndarray
    explained: float


def signals(
    encoder: Encoder,
    clips: ClipSet,
    rate: float,
    dims: int,
    *,
    window: float | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Signals:
    """Dense features of recordings, averaged in bins and reduced.

    Args:
        encoder: comes back as it was.
        clips: recordings as the encoder takes them.
        rate: bins a second; a bin is at least a frame.
        dims: principal components that are kept, at most.
        window: seconds that the encoder sees at once; None: its 64 frames at 30 a second.
        device: where the encoder runs.
        progress: called with frames done and in all.

    Raises:
        InputError: clips that the encoder cannot take.
    """
    bounds, done = pieces(clips.length, "frames"), 0
    bins: list[np.ndarray] = []
    for first, last in pairwise(bounds):
        some = part_of(clips, first, last)
        bins += bins_of(encoder, some, rate, window=window, device=device)
        done += some.frames_total
        if progress:
            progress(done, clips.frames_total)
    return reduced(bins, steps(clips, rate), dims)


def steps(clips: ClipSet, rate: float) -> np.ndarray:
    """Frames of a bin of each recording, `(N,)`."""
    found: np.ndarray = np.maximum(1, np.rint(clips.fps / rate)).astype(np.int64)
    return found


def bins_of(
    encoder: Encoder,
    clips: ClipSet,
    rate: float,
    *,
    window: float | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> list[np.ndarray]:
    """Dense features of recordings that are encoded together, averaged; see `signals`."""
    frames = None if window is None else np.maximum(1, np.rint(window * clips.fps)).astype(np.int64)
    blocks = (
        (index, block.numpy())
        for index, block in frame_features(
            encoder, clips, window=frames, device=device, progress=progress
        )
    )
    return binned(blocks, steps(clips, rate))


def binned(blocks: Iterator[tuple[int, np.ndarray]], step: np.ndarray) -> list[np.ndarray]:
    """Means over bins of frames, of blocks that come in order; memory holds the means alone.

    Args:
        blocks: index of a recording, and its next `(T, D)`.
        step: `(N,)` frames of a bin.

    Returns:
        `(B, D)` float32 of each recording.
    """
    done: list[list[np.ndarray]] = [[] for _ in step]
    rest: np.ndarray | None = None
    now = -1
    for index, block in blocks:
        if index != now:
            if rest is not None and len(rest):
                done[now].append(rest.mean(axis=0, keepdims=True))
            now, rest = index, None
        frames = block if rest is None else np.concatenate([rest, block])
        every = int(step[index])
        whole = len(frames) // every
        if whole:
            bins = frames[: whole * every].reshape(whole, every, -1).mean(axis=1)
            done[index].append(bins)
        rest = frames[whole * every :]
    if rest is not None and len(rest):
        done[now].append(rest.mean(axis=0, keepdims=True))
    return [np.concatenate(parts) for parts in done]


def reduced(bins: Iterable[np.ndarray], step: np.ndarray, dims: int) -> Signals:
    """Signals of bins: the set's mean goes, each bin gets length 1, principal components stay.

    So the direction counts in which a moment differs from what is usual, not how far: a standing
    person differs less from the mean than a jumping one, and would be lost else.

    Args:
        bins: `(B, D)` of each recording; they are gone through three times, and none is kept.
        step: `(N,)` frames of a bin.
        dims: components that are kept, at most.
    """
    count, mean = 0, np.zeros(1)
    for part in bins:
        count += len(part)
        mean = mean + part.sum(axis=0, dtype=np.float64)
    mean = mean / count
    middle, square = np.zeros(len(mean)), np.zeros((len(mean), len(mean)))
    for part in bins:
        x = _directions(part, mean)
        middle += x.sum(axis=0)
        square += x.T @ x
    middle /= count
    axes, explained = _axes(square - count * np.outer(middle, middle), min(dims, count))
    values = [(_directions(part, mean) - middle) @ axes for part in bins]
    return Signals(values, step, explained)


def _directions(part: np.ndarray, mean: np.ndarray) -> np.ndarray:
    x: np.ndarray = part.astype(np.float64) - mean
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    x /= np.where(norm > 0, norm, 1)
    return x


def _axes(scatter: np.ndarray, dims: int) -> tuple[np.ndarray, float]:
    """The principal axes `(D, dims)`, and the share of the variance that is along them."""
    if np.trace(scatter) <= 1e-20:  # one moment, or all alike
        return np.eye(len(scatter), 1), 1.0
    variance, vectors = np.linalg.eigh(scatter)
    variance, vectors = variance[::-1].clip(0), vectors[:, ::-1][:, :dims]
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return np.ascontiguousarray(vectors), float(variance[:dims].sum() / variance.sum())

"""What an encoder says of recordings, a few times a second and in a few numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ..contracts import Encoder
from ..data.clips import ClipSet
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
        progress: called with windows done and in all.

    Raises:
        InputError: clips that the encoder cannot take.
    """
    step = np.maximum(1, np.rint(clips.fps / rate)).astype(np.int64)
    frames = None if window is None else np.maximum(1, np.rint(window * clips.fps)).astype(np.int64)
    blocks = (
        (index, block.numpy())
        for index, block in frame_features(
            encoder, clips, window=frames, device=device, progress=progress
        )
    )
    return reduced(binned(blocks, step), step, dims)


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


def reduced(bins: list[np.ndarray], step: np.ndarray, dims: int) -> Signals:
    """Signals of bins: the set's mean goes, each bin gets length 1, principal components stay.

    So the direction counts in which a moment differs from what is usual, not how far: a standing
    person differs less from the mean than a jumping one, and would be lost else.

    Args:
        bins: `(B, D)` of each recording.
        step: `(N,)` frames of a bin.
        dims: components that are kept, at most.
    """
    from sklearn.decomposition import PCA  # not above: it takes a second

    stacked = np.concatenate(bins).astype(np.float64)
    stacked -= stacked.mean(axis=0)
    norm = np.linalg.norm(stacked, axis=1, keepdims=True)
    stacked /= np.where(norm > 0, norm, 1)
    if not stacked.any() or len(stacked) < 2:  # one moment, or all alike
        found, explained = stacked[:, :1], 1.0
    else:
        pca = PCA(
            min(dims, *stacked.shape),
            svd_solver="full" if len(stacked) < 500 else "covariance_eigh",
        )
        found = pca.fit_transform(stacked)
        explained = float(pca.explained_variance_ratio_.sum())
    ends = np.cumsum([len(part) for part in bins])[:-1]
    return Signals(np.split(found, ends), step, explained)

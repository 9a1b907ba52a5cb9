"""Recordings as the head sees them: a few numbers for every tenth of a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...errors import InputError

DIMS = 64
"""Principal components that are kept of an encoder's features."""
SAMPLE = 20_000
"""Bins that the components are found from, evenly over all recordings."""


class Reduction(NamedTuple):
    """The way from an encoder's features to a table's numbers: `(x - mean) / deviation @ axes`.

    Args:
        mean: `(F,)`.
        deviation: `(F,)`.
        axes: `(F, D)`.
    """

    mean: np.ndarray
    deviation: np.ndarray
    axes: np.ndarray

    def of(self, features: np.ndarray) -> np.ndarray:
        """`(B, F)` to `(B, D)` float32."""
        scaled = (features.astype(np.float32) - self.mean) / self.deviation
        return np.asarray(scaled @ self.axes, np.float32)


@dataclass(frozen=True, eq=False)
class Table:
    """Features of recordings, averaged in bins and reduced, and the stretches that they fall into.

    Args:
        names: of the recordings.
        frames: `(N,)` int64, of each on disk.
        fps: `(N,)`.
        step: `(N,)` int64, frames of a bin; the last bin of a recording may be shorter.
        values: of each recording `(B, D)` float32.
        stretches: `(S, 3)` int64: recording, first bin, the bin after the last; in order, and
            together they are the recordings.
        reduction: how the values come of an encoder's features.
    """

    names: tuple[str, ...]
    frames: np.ndarray
    fps: np.ndarray
    step: np.ndarray
    values: tuple[np.ndarray, ...]
    stretches: np.ndarray
    reduction: Reduction

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The place of each recording by its name."""
        return {name: at for at, name in enumerate(self.names)}

    @cached_property
    def vectors(self) -> np.ndarray:
        """`(S, D)` float32: each stretch's mean, of length 1."""
        return directions(
            np.array([self.mean(r, a, b) for r, a, b in self.stretches.tolist()], np.float32)
        )

    def mean(self, recording: int, first: int, last: int) -> np.ndarray:
        """`(D,)`: the mean of some bins of a recording."""
        return np.asarray(self.values[recording][first:last].mean(axis=0))

    def number(self, recording: str) -> int:
        """The place of a recording.

        Raises:
            InputError: it has no features.
        """
        if recording not in self.numbers:
            raise InputError(
                f"{recording}: there are no features of it yet; wait until they are made"
            )
        return self.numbers[recording]

    def bins(self, recording: int, start: int, end: int) -> tuple[int, int]:
        """The bins that have most of their frames in a stretch, at least one.

        Raises:
            InputError: no frame of the recording is in it.
        """
        frames, step = int(self.frames[recording]), int(self.step[recording])
        start, end = max(0, start), min(end, frames)
        if start >= end:
            raise InputError(
                f"{self.names[recording]}: there is nothing from frame {start} to {end}; it has "
                f"{frames} frames"
            )
        first, last = (start + step // 2) // step, (end + step // 2) // step
        count = len(self.values[recording])
        if first >= last:  # shorter than a bin
            first = min((start + end) // 2 // step, count - 1)
            last = first + 1
        return min(first, count - 1), min(last, count)

    def span(self, recording: int, first: int, last: int) -> tuple[int, int]:
        """Start and end of some bins in frames."""
        step, frames = int(self.step[recording]), int(self.frames[recording])
        return first * step, min(last * step, frames)


def reduction(features: Sequence[np.ndarray], dims: int = DIMS) -> Reduction:
    """Standard deviations and principal components of features, which no label is needed for.

    Args:
        features: of each recording `(B, F)`.
        dims: components that are kept, at most.

    Examples:
        >>> draw = np.random.default_rng(0).normal(3, 2, (50, 5))
        >>> reduction([draw], dims=2).of(draw).shape
        (50, 2)
    """
    total = sum(len(part) for part in features)
    every = max(1, total // SAMPLE)
    some = np.concatenate([part[::every] for part in features]).astype(np.float64)
    mean, deviation = some.mean(axis=0), some.std(axis=0)
    deviation[deviation < 1e-6 * np.maximum(1, np.abs(mean))] = 1.0
    scaled = (some - mean) / deviation
    count = min(dims, *scaled.shape)
    if len(scaled) < 2 or not scaled.any():  # one moment, or all alike: nothing to tell apart
        axes = np.eye(scaled.shape[1], count)
        return Reduction(*(np.asarray(part, np.float32) for part in (mean, deviation, axes)))
    if len(scaled) < scaled.shape[1]:
        axes = np.linalg.svd(scaled, full_matrices=False)[2][:count].T
    else:
        axes = np.linalg.eigh(scaled.T @ scaled)[1][:, ::-1][:, :count]
    return Reduction(*(np.ascontiguousarray(part, np.float32) for part in (mean, deviation, axes)))


def directions(x: np.ndarray) -> np.ndarray:
    """Rows of length 1; rows of 0 stay."""
    norm = np.linalg.norm(x, axis=-1, keepdims=True)
    return np.asarray(x / np.where(norm > 0, norm, 1), np.float32)

"""Where the windows of recordings lie: at several scales, over clips and long recordings alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from ..protocols.windows import lay

WHOLE = 1.25
"""A clip at most this many times as long as a window is one window: most of it would be in each."""


class Places(NamedTuple):
    """Windows, one row each, recording by recording.

    Args:
        recording: `(W,)` int64, index of the recording.
        start: `(W,)` int64, its first frame.
        length: `(W,)` int64, its frames.
        scale: `(W,)` int64, index of the scale.
    """

    recording: np.ndarray
    start: np.ndarray
    length: np.ndarray
    scale: np.ndarray

    def take(self, rows: np.ndarray | slice) -> Places:
        """Those of `rows`."""
        return Places(*(column[rows] for column in self))


def places(frames: np.ndarray, fps: np.ndarray, scales: Sequence[float], stride: float) -> Places:
    """Windows of every scale over every recording.

    At each scale the windows cover all of a recording, the last one ends with it. A recording at
    most `WHOLE` times as long as a scale's window is one window of that scale, and has none of the
    scales above it: they would be the same.

    Args:
        frames: `(N,)` frames of each recording, at least 1.
        fps: `(N,)` frames a second.
        scales: seconds, from short to long.
        stride: seconds between windows, as a share of their length.

    Examples:
        >>> laid = places(np.array([90, 20]), np.array([30.0, 30.0]), (1.0, 2.0), 0.5)
        >>> list(zip(*(column.tolist() for column in laid)))[:3]
        [(0, 0, 30, 0), (0, 15, 30, 0), (0, 30, 30, 0)]
        >>> [(int(a), int(b)) for a, b in zip(laid.start, laid.length) if b == 60]
        [(0, 60), (30, 60)]
        >>> laid.length[laid.recording == 1].tolist()
        [20]
    """
    frames, fps = np.asarray(frames, np.int64), np.asarray(fps, np.float64)
    left, laid = np.arange(len(frames)), []
    for number, seconds in enumerate(scales):
        window = np.maximum(1, np.rint(seconds * fps[left])).astype(np.int64)
        whole = frames[left] <= WHOLE * window
        window = np.where(whole, frames[left], window)
        step = np.maximum(1, np.rint(stride * window)).astype(np.int64)
        windows = lay(frames[left], "overlap", window, np.minimum(step, window))
        scale = np.full(len(windows.start), number)
        laid.append((left[windows.recording], windows.start, windows.length, scale))
        left = left[~whole]
    columns = [np.concatenate(parts) for parts in zip(*laid, strict=True)]
    order = np.lexsort((columns[1], columns[3], columns[0]))
    return Places(*(column[order] for column in columns))


def window_labels(clips: ClipSet, windows: Places) -> np.ndarray:
    """The class of each window, `(W,)` int64, -1 unknown.

    Of a recording with segments, that of the segment it shares most frames with, if these are half
    of the window or half of the segment; of a clip, its own.
    """
    labels = clips.label[windows.recording].astype(np.int64)
    segments = clips.segments[np.argsort(clips.segments[:, 0], kind="stable")]
    bounds = np.searchsorted(segments[:, 0], np.arange(len(clips) + 1))
    for recording in np.unique(segments[:, 0]):
        rows = np.flatnonzero(windows.recording == recording)
        if not len(rows):
            continue
        own = segments[bounds[recording] : bounds[recording + 1]]
        start, end = windows.start[rows, None], (windows.start + windows.length)[rows, None]
        shared = np.minimum(end, own[:, 2]) - np.maximum(start, own[:, 1])  # (rows, segments)
        best = shared.argmax(axis=1)
        most = shared[np.arange(len(rows)), best]
        shorter = np.minimum((end - start)[:, 0], (own[:, 2] - own[:, 1])[best])
        labels[rows] = np.where(2 * most >= np.maximum(shorter, 1), own[best, 3], -1)
    return labels

"""Windows over untrimmed recordings: where they lie, and back from their rows to frames.

The frames of several recordings lie one after the other here, so that one array holds what is said
of all of them, and a window is a row of a table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data.clips import ClipSet
from ..errors import InputError

Way = Literal["overlap", "centred", "disjoint"]


class Windows(NamedTuple):
    """Windows over recordings, one row each.

    Args:
        recording: `(W,)` int64, index of the recording.
        start: `(W,)` int64, its first frame.
        length: `(W,)` int64, the frames that the encoder sees.
        begin: `(W,)` int64, the first frame of the recording that it is asked about.
        span: `(W,)` int64, the frames from there on that it is asked about.
    """

    recording: np.ndarray
    start: np.ndarray
    length: np.ndarray
    begin: np.ndarray
    span: np.ndarray

    def take(self, rows: np.ndarray | slice) -> Windows:
        """Those of `rows`."""
        return Windows(*(column[rows] for column in self))


class Laid(NamedTuple):
    """Where windows lie, in frames of each recording: rates differ, and times are seconds.

    Args:
        way: as of `lay`.
        window: `(N,)` int64, frames of a window.
        between: `(N,)` int64, frames between windows.
        step: `(N,)` int64: of a window every `step`-th frame is read.
        jitter: `(N,)` int64, most by which `step` is drawn smaller or larger.
    """

    way: Way
    window: np.ndarray
    between: np.ndarray
    step: np.ndarray
    jitter: np.ndarray


def lay(
    frames: np.ndarray, way: Way, window: int | np.ndarray, stride: int | np.ndarray
) -> Windows:
    """Windows that together ask about every frame (`centred`: every `stride`-th).

    A recording shorter than the window is one window; so is its whole length to `centred`.

    Args:
        frames: `(N,)` frames of each recording, at least 1.
        way: "overlap": a window every `stride` frames and one that ends with the recording, each
            asked about all of its frames. "disjoint": the same without overlap; the last one ends
            with the recording too, and is asked only about what no window before it saw.
            "centred": around every `stride`-th frame one window, moved inside where it would leave
            the recording, asked about that frame alone.
        window: frames of a window, one number or `(N,)`.
        stride: frames between windows, likewise; `disjoint` has no use for it.

    Raises:
        InputError: windows that leave frames between them.

    Source: overlap averages as HiCLR's and PCM3's first detection did; disjoint is USDRL's released
    test (sources E7, which leaves the last window open), centred that of the later released
    detection of HiCLR and PCM3 (sources E8).
    """
    frames = np.asarray(frames, np.int64)
    window, stride = (np.broadcast_to(count, frames.shape) for count in (window, stride))
    gaps = np.flatnonzero(stride > window)
    if way == "overlap" and len(gaps):
        raise InputError(
            f"eval.stride: {stride[gaps[0]]} frames between windows of {window[gaps[0]]} leave "
            "frames that no window sees; lower eval.stride"
        )
    length = np.minimum(frames, window)
    last = frames - length  # the start of the last window
    if way == "centred":
        recording, centre = _numbered(-(-frames // stride))
        centre *= stride[recording]
        start = np.clip(centre - window[recording] // 2, 0, last[recording])
        return Windows(recording, start, length[recording], centre, np.ones_like(centre))
    hop = window if way == "disjoint" else stride
    recording, place = _numbered(-(-last // hop) + 1)
    hop = hop[recording]
    begin = place * hop
    start = np.minimum(begin, last[recording])
    length = length[recording]
    if way == "overlap":
        return Windows(recording, start, length, start, length)
    return Windows(recording, start, length, begin, np.minimum(begin + hop, start + length) - begin)


def draw(
    frames: np.ndarray,
    recording: np.ndarray,
    window: int | np.ndarray,
    generator: torch.Generator,
) -> Windows:
    """One window at a random place of each of the named recordings, asked about all its frames.

    Args:
        frames: `(N,)` frames of each recording.
        recording: `(W,)` indices of recordings.
        window: frames of a window, one number or `(N,)`; a shorter recording is taken whole.
        generator: on the CPU.
    """
    length = np.minimum(frames, window)[recording]
    share = torch.rand(len(recording), generator=generator, dtype=torch.float64).numpy()
    start = (share * (frames[recording] - length + 1)).astype(np.int64)
    return Windows(recording, start, length, start, length)


def draw_centred(
    frames: np.ndarray,
    recording: np.ndarray,
    window: int | np.ndarray,
    generator: torch.Generator,
) -> Windows:
    """One window around a random frame of each of the named recordings, asked about that frame."""
    length = np.minimum(frames, window)[recording]
    share = torch.rand(len(recording), generator=generator, dtype=torch.float64).numpy()
    centre = (share * frames[recording]).astype(np.int64)
    half = np.broadcast_to(window, frames.shape)[recording] // 2
    start = np.clip(centre - half, 0, frames[recording] - length)
    return Windows(recording, start, length, centre, np.ones_like(centre))


def as_clips(recordings: ClipSet, windows: Windows) -> ClipSet:
    """The windows as clips that share the recordings' frames; splits and segments stay behind."""
    bare = replace(recordings, splits={}, columns={}, segments=np.zeros((0, 4), np.int64))
    taken = bare.take(windows.recording)
    return replace(taken, start=taken.start + windows.start, length=windows.length)


def rows(windows: Windows, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the windows are asked about, window by window.

    Args:
        windows: `W` windows.
        frames: `(N,)` frames of each recording.

    Returns:
        for each of the `R` rows its window, its place in it, and its frame among the frames of all
        recordings, one after the other.
    """
    window, within = _numbered(windows.span)
    within += (windows.begin - windows.start)[window]
    first = (np.cumsum(frames) - frames)[windows.recording] + windows.start
    return window, within, first[window] + within


def to_frames(values: Tensor, lengths: Tensor) -> Tensor:
    """Rows of an encoder's frames as rows of the frames that its window had: linear in time.

    The way back of `augment.basic.resize`: frame `i` of a window of `L` frames reads position
    `(i + 0.5) * T / L - 0.5` of the encoder's `T` frames, clamped to them.

    Args:
        values: `(N, T, D)`.
        lengths: `(N,)` frames `L` of each window.

    Returns:
        `(N, longest, D)`; beyond a window's end its last row.
    """
    count, longest = values.shape[1], int(lengths.max())
    alike = bool((lengths == longest).all())
    if not alike:
        return between_frames(values, lengths, longest)
    if count == longest:
        return values
    lower, upper, weight = _between(values, lengths[:1], longest)  # one row of them serves all
    below, above = (values.index_select(1, at[0]) for at in (lower, upper))
    return torch.lerp(below, above, weight)


def between_frames(values: Tensor, lengths: Tensor, longest: int) -> Tensor:
    """`to_frames` for a known number of frames, without a look at the lengths."""
    lower, upper, weight = _between(values, lengths, longest)
    clip = torch.arange(values.shape[0], device=values.device)[:, None]  # len() is never traced
    return torch.lerp(values[clip, lower], values[clip, upper], weight)


def _between(values: Tensor, lengths: Tensor, longest: int) -> tuple[Tensor, Tensor, Tensor]:
    """The rows `(N, longest)` around each frame's place, and the later one's weight."""
    count = values.shape[1]
    step = torch.arange(longest, device=values.device) + 0.5
    position = (step * (count / lengths.to(values.device)[:, None]) - 0.5).clamp(0, count - 1)
    lower = position.long()
    upper = (lower + 1).clamp_max(count - 1)
    return lower, upper, (position - lower)[..., None].to(values.dtype)


def average(values: Tensor, frame: Tensor, total: int) -> Tensor:
    """The mean of all rows that speak of a frame.

    Args:
        values: `(R, K)`, such as probabilities.
        frame: `(R,)` int64, the frame of each row in `0..total - 1`.
        total: number of frames `F`.

    Returns:
        `(F, K)`; zeros where no row speaks.
    """
    summed = values.new_zeros(total, values.shape[1]).index_add_(0, frame, values)
    return summed / torch.bincount(frame, minlength=total).clamp_min(1)[:, None]


def frame_labels(frames: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Label of every frame of some recordings, one after the other.

    Args:
        frames: `(N,)` frames of each recording.
        segments: `(G, 4)` recording, start, end (exclusive), class.

    Returns:
        `(F,)` int64: 0 is background, 1 + class inside a segment. Where segments overlap, the one
        that starts later counts.
    """
    labels = np.zeros(int(frames.sum()), np.int64)
    first = np.cumsum(frames) - frames
    ordered = segments[np.argsort(segments[:, 1], kind="stable")]
    for recording, start, end, label in ordered:
        labels[first[recording] + start : first[recording] + end] = label + 1
    return labels


def _numbered(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`[2, 1]` -> `[0, 0, 1]`, `[0, 1, 0]`: the item of each row, and its number within."""
    item = np.repeat(np.arange(len(counts)), counts)
    return item, np.arange(len(item)) - np.repeat(np.cumsum(counts) - counts, counts)

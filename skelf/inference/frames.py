"""A vector for each frame of recordings of any length, a block of frames at a time.

Windows overlap and are averaged frame by frame, as in `protocols.detection`. Only the windows that
are not yet complete are kept, so that memory does not grow with the recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..data.paging import let_go
from ..errors import InputError
from ..protocols.dense import JUDGED, Reader, taking
from ..protocols.features import in_evaluation
from ..protocols.fitting import suited
from ..protocols.laying import Laying
from ..protocols.windows import Windows, lay, to_frames

BLOCK = 1024
"""Frames that are given at once, about."""


def frame_features(
    encoder: Encoder,
    clips: ClipSet,
    *,
    window: int | np.ndarray | None = None,
    stride: int | np.ndarray | None = None,
    batch: int = JUDGED,
    device: str | torch.device = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """What an encoder says of each frame, recording by recording, in order.

    Args:
        encoder: comes back as it was, see `protocols.features.extract`.
        clips: recordings as the encoder takes them, see `adapt.adapted`.
        window: frames that it sees at once, one number or `(N,)`; None: 2.13 seconds.
        stride: frames between windows, likewise; None: half a window.
        batch: windows a forward pass; no influence on the result beyond rounding.
        device: where the encoder runs.
        progress: called with windows done and in all.

    Yields:
        the index of a recording, and the next `(T, D)` of it, float32 on the CPU.

    Raises:
        InputError: another joint layout or normalisation, or features that are not finite.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> clips = generate(clips=0, recordings=2)
        >>> encoder = ENCODERS["gru"](clips.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> blocks = list(frame_features(encoder, clips))
        >>> sum(len(block) for index, block in blocks if index == 1) == clips.length[1]
        np.True_
    """
    encoder = suited(encoder, clips)
    reader, windows = prepared(encoder, clips, window, stride, device)
    open_ = _Open(encoder.dim)
    count = len(windows.start)
    for begin in range(0, count, batch):
        chosen = windows.take(slice(begin, begin + batch))
        # Entered anew for each batch: whoever asks for the next block has his own settings between.
        with in_evaluation(encoder, reader.device), taking(encoder, reader.frames):
            x, lengths = reader(chosen)
            values = to_frames(reader.encode(encoder, x), lengths).float().cpu()
        if not bool(values.isfinite().all()):
            raise InputError(
                f"features of {clips} hold NaN or Inf: the encoder's weights are damaged or its "
                "training diverged; take an earlier checkpoint"
            )
        let_go(reader.recordings.joints)
        for number in range(len(chosen.start)):
            recording, start = int(chosen.recording[number]), int(chosen.start[number])
            yield from open_.reach(recording, start, BLOCK)
            open_.add(start, values[number, : int(chosen.length[number])])
        if progress:
            progress(min(begin + batch, count), count)
    yield from open_.close()


def prepared(
    encoder: Encoder,
    clips: ClipSet,
    window: int | np.ndarray | None,
    stride: int | np.ndarray | None,
    device: str | torch.device,
) -> tuple[Reader, Windows]:
    """What reads windows of recordings, and overlapping windows over all of them, in order."""
    laid = Laying().laid(clips.fps, "seconds")
    size = laid.window if window is None else np.broadcast_to(window, len(clips))
    between = np.maximum(1, size // 2) if stride is None else np.broadcast_to(stride, len(clips))
    clips.verify()  # once, and not again for each batch
    reader = Reader(encoder, replace(clips, stored=None), device, window=size)
    return reader, lay(clips.length, "overlap", size, between)


class _Open:
    """Sums of the frames that a further window may speak of."""

    def __init__(self, dim: int) -> None:
        self.recording, self.first = -1, 0
        self.sums, self.counts = torch.zeros(0, dim), torch.zeros(0)

    def reach(self, recording: int, start: int, block: int) -> Iterator[tuple[int, Tensor]]:
        """What is complete, since the next window begins at `start` of a recording."""
        if recording != self.recording:
            yield from self.close()
            self.recording = recording
        elif start - self.first >= block:
            yield from self._give(start - self.first)

    def add(self, start: int, values: Tensor) -> None:
        """Adds what a window says of the frames from `start` on."""
        begin = start - self.first
        lacking = begin + len(values) - len(self.sums)
        if lacking > 0:
            self.sums = torch.cat([self.sums, values.new_zeros(lacking, values.shape[1])])
            self.counts = torch.cat([self.counts, values.new_zeros(lacking)])
        self.sums[begin : begin + len(values)] += values
        self.counts[begin : begin + len(values)] += 1

    def close(self) -> Iterator[tuple[int, Tensor]]:
        """The rest of the recording."""
        if len(self.sums):
            yield from self._give(len(self.sums))
        self.first = 0

    def _give(self, count: int) -> Iterator[tuple[int, Tensor]]:
        done = self.sums[:count] / self.counts[:count, None]
        self.sums, self.counts = self.sums[count:].clone(), self.counts[count:].clone()
        self.first += count
        yield self.recording, done

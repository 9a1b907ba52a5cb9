"""Windows of recordings through an encoder: a vector for each frame that one is asked about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..augment.basic import resize
from ..contracts import Encoder
from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..errors import InputError
from .features import in_evaluation
from .fitting import fitting
from .windows import Windows, as_clips, rows, to_frames

NormalizeOn = Literal["window", "recording"]

JUDGED = 64
"""Windows a forward pass when nothing trains; no influence on the result beyond rounding."""


class Reader:
    """Reads windows of recordings as an encoder takes them.

    Args:
        encoder: says layout, frames and persons.
        recordings: the recordings. The encoder's normalisation is applied without the steps that
            drop or move frames (fill, trim, resize50), after which segments would not fit.
        device: where windows go.
        normalize_on: "window": each window by itself, as the clip that the encoder was trained on;
            "recording": each whole recording once, before it is cut.
        centred: the encoder gives one vector a window, else one a frame.
        step: every `step`-th frame of a window is read; one number or `(N,)`.
        window: frames of a window, likewise.

    Raises:
        InputError: another joint layout, or recordings opened with another normalisation.
    """

    def __init__(
        self,
        encoder: Encoder,
        recordings: ClipSet,
        device: torch.device | str,
        *,
        normalize_on: NormalizeOn = "window",
        centred: bool = False,
        step: int | np.ndarray = 1,
        window: int | np.ndarray = 64,
    ) -> None:
        recordings = fitting(encoder, recordings, keep_time=True)
        self.normalize = recordings.normalize
        if normalize_on == "recording":
            recordings = _normalized(recordings)
        self.recordings, self.device = recordings, torch.device(device)
        self.persons, self.centred = encoder.persons, centred
        self.step = np.broadcast_to(step, len(recordings))
        # A recurrent encoder takes the frames as they are, as released; others their own number.
        read = int(np.max(-(-np.asarray(window) // step)))
        self.frames = read if centred and recurrent(encoder) else encoder.num_frames

    def __call__(self, windows: Windows, step: np.ndarray | None = None) -> tuple[Tensor, Tensor]:
        """Windows as `(n, C, T, V, M)` on the device, and their true lengths `(n,)`.

        Args:
            windows: the windows.
            step: `(N,)` others than `self.step`.
        """
        steps = (self.step if step is None else step)[windows.recording]
        clips = as_clips(self.recordings, windows)
        batches = ClipBatches(clips, self.device, persons=self.persons, resident=False)
        x, lengths = batches(np.arange(len(clips)))
        resized = x.new_empty(*x.shape[:2], self.frames, *x.shape[3:])
        for every in np.unique(steps):  # one, but for recordings of several rates
            rows = torch.from_numpy(np.flatnonzero(steps == every))
            read = -(lengths[rows] // -int(every))
            resized[rows] = resize(x[rows][:, :, :: int(every)], read, self.frames)
        return resized, lengths

    def encode(self, encoder: Encoder, x: Tensor) -> Tensor:
        """Vectors `(n, T, dim)` of windows, or `(n, 1, dim)` when centred."""
        return encoder(x)[:, None] if self.centred else encoder.frames(x)


def outputs(
    encoder: Encoder,
    reader: Reader,
    windows: Windows,
    head: nn.Module | None = None,
    batch_size: int = JUDGED,
) -> Iterator[tuple[slice, Tensor]]:
    """What encoder and head say of the frames that windows are asked about.

    Args:
        encoder: as it is to be run, see `dense` for a frozen one.
        reader: of the windows' recordings.
        windows: the windows.
        head: `(..., dim)` -> `(..., K)`, linear: it is applied before the way back to frames.
        batch_size: windows a forward pass.

    Yields:
        a slice of the rows of `windows.rows`, and its `(r, K)` on the device.
    """

    def answer(x: Tensor) -> Tensor:
        values = reader.encode(encoder, x)
        return values if head is None else head(values)

    done = 0
    with torch.no_grad():
        for begin in range(0, len(windows.start), batch_size):
            chosen = windows.take(slice(begin, begin + batch_size))
            answers = answered(answer, reader, chosen)
            yield slice(done, done + len(answers)), answers
            done += len(answers)


def answered(
    answer: Callable[[Tensor], Tensor], reader: Reader, windows: Windows, batch_size: int = JUDGED
) -> Tensor:
    """What is said of the frames that windows are asked about, all windows read at once.

    Args:
        answer: clips `(n, C, T, V, M)` -> `(n, T, K)`, of centred windows `(n, 1, K)`.
        reader: of the windows' recordings.
        windows: the windows.
        batch_size: windows that `answer` is given at a time.

    Returns:
        `(r, K)`, a row for each of `windows.rows`.
    """
    x, lengths = reader(windows)
    parts = [answer(part) for part in torch.split(x, batch_size)]
    values = parts[0] if len(parts) == 1 else torch.cat(parts)
    if reader.centred:
        return values[:, 0]
    dense = to_frames(values, lengths)
    if (windows.span == dense.shape[1]).all():  # every row of every window, in order
        return dense.flatten(0, 1)
    window, within, _ = rows(windows, reader.recordings.length)
    return dense[torch.from_numpy(window), torch.from_numpy(within)]


def dense(encoder: Encoder, reader: Reader, windows: Windows) -> Tensor:
    """Frozen features of the frames that windows are asked about, `(R, dim)` on the CPU.

    The encoder comes back as it was, see `features.extract`.

    Raises:
        InputError: features that are not finite.
    """
    features = torch.empty(int(windows.span.sum()), encoder.dim)
    with in_evaluation(encoder, reader.device), taking(encoder, reader.frames):
        for place, values in outputs(encoder, reader, windows):
            # Batch by batch: a look at all of them at once would take their memory again.
            if not bool(values.isfinite().all()):
                raise InputError(
                    f"features of {reader.recordings} hold NaN or Inf: the encoder's weights are "
                    "damaged or its training diverged; take an earlier checkpoint"
                )
            features[place] = values.float().cpu()
    return features


def recurrent(encoder: Encoder) -> bool:
    """Whether the encoder takes clips of any length."""
    parts = _encoders_of(encoder)
    return all(part.any_length for part in parts) and bool(parts)


@contextmanager
def taking(encoder: Encoder, frames: int) -> Iterator[None]:
    """Lets an encoder take clips of so many frames, for a while; only a recurrent one can."""
    parts = _encoders_of(encoder)
    before = [part.num_frames for part in parts]
    try:
        for part in parts if recurrent(encoder) else []:
            part.num_frames = frames
        yield
    finally:
        for part, frames_before in zip(parts, before, strict=True):
            part.num_frames = frames_before


def _encoders_of(encoder: Encoder) -> list[Encoder]:
    """The encoder itself, and those that it is made of."""
    return [cast(Encoder, part) for part in encoder.modules() if hasattr(part, "num_frames")]


def _normalized(recordings: ClipSet) -> ClipSet:
    """The recordings in memory, each normalised as a whole."""
    batches = ClipBatches(recordings, resident=False)
    joints = [
        batches(np.array([number]))[0][0].permute(1, 3, 2, 0).numpy()  # (T, M, V, C)
        for number in range(len(recordings))
    ]
    first = np.cumsum(recordings.length) - recordings.length
    packed = np.ascontiguousarray(np.concatenate(joints), np.float32)
    return replace(recordings, joints=packed, start=first, normalize="none")

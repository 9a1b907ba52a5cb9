"""A dilated head on whole recordings: on frozen features of their frames, or with a copy that
trains.

The features of all windows that hold a frame are averaged, as detection averages probabilities, and
the head is given recordings as wholes. It works at one rate: recordings of another one are brought
to it and its answers back, so that a layer looks as far in seconds whatever a recording's rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ..contracts import Encoder
from ..errors import InputError
from ..losses.steadiness import unsteadiness
from ._training import fit, trained_copy
from .dense import Reader, answered, taking
from .dilated import Dilated
from .features import in_evaluation
from .frame_heads import refuse_memory
from .recipe import Annealed
from .windows import Laid, Windows, average, frame_labels, lay, rows, to_frames

AT_ONCE = 8
"""Recordings that a frozen encoder is given at once; no influence beyond rounding."""
PADDING = -1
"""The label of frames that are not there."""

Features = Callable[[np.ndarray], list[Tensor]]
"""Indices of recordings -> `(T, dim)` of each, a row for each step of the head."""


class Side(NamedTuple):
    """The recordings of one side of a split, as encoder and head take them.

    Args:
        reader: reads windows of them.
        laid: where windows lie.
        steps: `(N,)` int64, rows that the head has of each recording.
    """

    reader: Reader
    laid: Laid
    steps: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """`(N,)` frames of each."""
        return self.reader.recordings.length


class Lesson(NamedTuple):
    """What is learnt, and how.

    Args:
        train: the recordings to learn from.
        recipe: how to train.
        weight: `(K + 1,)` weights of the labels in the loss, on the device that computes.
        steady: weight of `unsteadiness` beside the cross-entropy.
        check_every: epochs between checks; the last epoch is always checked.
        seed: of the order and the places of windows.
    """

    train: Side
    recipe: Annealed
    weight: Tensor
    steady: float
    check_every: int
    seed: int


def frozen(encoder: Encoder, head: Dilated, lesson: Lesson, test: Side) -> Iterator[np.ndarray]:
    """Trains the head on frozen features.

    Args:
        encoder: comes back bit-equal.
        head: trained in place, on the device.
        lesson: what to learn.
        test: the recordings to be judged by.

    Yields:
        at every check the probabilities of the test frames `(F, K + 1)`.

    Raises:
        InputError: features that memory cannot hold, or a training that diverged.
    """
    frames = sum(side.reader.recordings.frames_total for side in (lesson.train, test))
    refuse_memory(frames, encoder.dim)
    known, asked = (list(still(encoder, side)) for side in (lesson.train, test))
    standardise(head, known)
    device = lesson.weight.device

    def features(chosen: np.ndarray) -> list[Tensor]:
        return [known[index].to(device) for index in chosen]

    for _ in learn(nn.Identity(), head, lesson, features):
        yield said(head, asked, test)


def tuned(encoder: Encoder, head: Dilated, lesson: Lesson, test: Side) -> Iterator[np.ndarray]:
    """Trains a copy of the encoder with the head, on whole recordings.

    The head standardises by the features that the encoder had before.

    Args:
        encoder: comes back bit-equal.
        head: trained in place, on the device.
        lesson: what to learn.
        test: the recordings to be judged by.

    Yields:
        at every check the probabilities of the test frames `(F, K + 1)`.

    Raises:
        InputError: a training that diverged.
    """
    train = lesson.train
    standardise(head, still(encoder, train))
    copy = trained_copy(encoder, lesson.weight.device)
    generator = torch.Generator().manual_seed(lesson.seed)

    def features(chosen: np.ndarray) -> list[Tensor]:
        return at_rate(encoded(copy, train, chosen, generator), train.steps[chosen])

    with taking(copy, train.reader.frames):
        for _ in learn(copy, head, lesson, features):
            yield said(head, still(copy, test), test)


def learn(
    encoder: nn.Module | Encoder, head: Dilated, lesson: Lesson, features: Features
) -> Iterator[int]:
    """Trains a head, and the encoder that the features come from, in place.

    Args:
        encoder: whose weights train too; a module without weights: none.
        head: on the device.
        lesson: what to learn.
        features: of the training recordings, on the device.

    Yields:
        the epoch at every check.

    Raises:
        InputError: a training that diverged.
    """
    recordings = lesson.train.reader.recordings
    labels = torch.from_numpy(frame_labels(recordings.length, recordings.segments))
    by_recording = torch.split(labels, recordings.length.tolist())
    device = lesson.weight.device

    def loss(indices: Tensor) -> Tensor:
        parts = [by_recording[index] for index in indices.tolist()]
        wanted = pad_sequence(parts, batch_first=True, padding_value=PADDING).to(device)
        logits = answers(head, features(indices.numpy()), [len(part) for part in parts])
        value = F.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), lesson.weight, ignore_index=PADDING
        )
        return value + lesson.steady * unsteadiness(logits, wanted != PADDING)

    generator = torch.Generator().manual_seed(lesson.seed)
    recipe, every = lesson.recipe, lesson.check_every
    yield from fit(encoder, head, recipe, len(recordings), loss, generator, test_every=every)


def answers(head: Dilated, features: list[Tensor], frames: list[int]) -> Tensor:
    """Logits `(N, longest, K + 1)` of the frames of recordings, padded behind their ends.

    Args:
        head: takes them side by side.
        features: `(T, dim)` of each, at the head's rate.
        frames: of each recording.
    """
    steps = [len(part) for part in features]
    x = pad_sequence(features, batch_first=True)
    logits: Tensor = head(x, torch.tensor(steps, device=x.device))
    if steps == frames:
        return logits
    back = [
        to_frames(logits[at : at + 1, :count], torch.tensor([wanted]))[0]
        for at, (count, wanted) in enumerate(zip(steps, frames, strict=True))
    ]
    return pad_sequence(back, batch_first=True)


def said(head: Dilated, features: Iterable[Tensor], side: Side) -> np.ndarray:
    """Probabilities `(F, K + 1)` of the frames of all recordings, one recording at a time."""
    device, told = head.mean.device, []
    with torch.no_grad():
        for part, frames in zip(features, side.length.tolist(), strict=True):
            logits = answers(head, [part.to(device)], [frames])[0]
            told.append(logits.softmax(dim=1).cpu())
    return torch.cat(told).numpy()


def still(encoder: Encoder, side: Side) -> Iterator[Tensor]:
    """Frozen features `(T, dim)` of each recording in turn at the head's rate, on the CPU.

    The encoder comes back as it was, see `features.extract`.

    Raises:
        InputError: features that are not finite.
    """
    count = len(side.steps)
    for begin in range(0, count, AT_ONCE):
        chosen = np.arange(begin, min(begin + AT_ONCE, count))
        reader = side.reader
        with torch.no_grad(), in_evaluation(encoder, reader.device), taking(encoder, reader.frames):
            values = [part.float().cpu() for part in encoded(encoder, side, chosen)]
        if not all(bool(part.isfinite().all()) for part in values):
            raise InputError(
                f"features of {reader.recordings} hold NaN or Inf: the encoder's weights are "
                "damaged or its training diverged; take an earlier checkpoint"
            )
        yield from at_rate(values, side.steps[chosen])


def encoded(
    encoder: Encoder, side: Side, chosen: np.ndarray, generator: Generator | None = None
) -> list[Tensor]:
    """Features `(T, dim)` of every frame of some recordings, by the encoder as it is.

    Args:
        encoder: takes clips of the reader's frames.
        side: where they are.
        chosen: `(n,)` their indices.
        generator: moves overlapping windows at random; None: they lie at fixed places.
    """
    reader, laid = side.reader, side.laid
    length = side.length[chosen]
    window, between = laid.window[chosen], laid.between[chosen]
    windows = lay(length, laid.way, window, 1 if reader.centred else between)
    if generator is not None and laid.way == "overlap":
        windows = moved(windows, length, np.minimum(between - 1, window - between), generator)
    frame = torch.from_numpy(rows(windows, length)[2])
    of_all = windows._replace(recording=chosen[windows.recording])
    values = answered(lambda x: reader.encode(encoder, x), reader, of_all)
    frames = average(values, frame.to(values.device), int(length.sum()))
    return list(torch.split(frames, length.tolist()))


def moved(windows: Windows, frames: np.ndarray, most: np.ndarray, generator: Generator) -> Windows:
    """Overlapping windows, those of a recording earlier by one number; the ends stay covered.

    Args:
        windows: of `lay`.
        frames: `(N,)` of each recording.
        most: `(N,)` the largest shift, so small that no frame is left between windows.
        generator: on the CPU.
    """
    share = torch.rand(len(frames), generator=generator, dtype=torch.float64).numpy()
    shift = (share * (most + 1)).astype(np.int64)[windows.recording]
    is_last = windows.start + windows.length == frames[windows.recording]
    start = np.where(is_last, windows.start, np.maximum(0, windows.start - shift))
    return windows._replace(start=start, begin=start)


def at_rate(values: list[Tensor], steps: np.ndarray) -> list[Tensor]:
    """Features of frames `(T, dim)` as so many rows each, linear in time."""
    return [
        part if len(part) == count else to_frames(part[None], torch.tensor([count]))[0]
        for part, count in zip(values, steps.tolist(), strict=True)
    ]


def standardise(head: Dilated, features: Iterable[Tensor]) -> None:
    """Lets the head give each of these features mean 0 and deviation 1, over all frames.

    They are looked at one recording after the other, and none is kept.
    """
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for part in features:
        values = part.double()
        count, total = count + len(part), total + values.sum(dim=0)
        squares = squares + values.square().sum(dim=0)
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(0).sqrt()
    head.mean.copy_(mean)
    # A constant feature becomes 0; its deviation may be a rounding error instead of 0.
    head.deviation.copy_(torch.where(deviation > 1e-6 * mean.abs(), deviation, 1.0))

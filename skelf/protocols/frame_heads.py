"""What detection trains: a linear head on frozen frame features, or a copy of the whole encoder.

Both stop at every check and hand over the probabilities of the test frames.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ..contracts import Encoder
from ..errors import InputError
from ._training import fit, mean_and_deviation, trained_copy
from .dense import Reader, dense, outputs, taking
from .recipe import Recipe
from .windows import (
    Laid,
    Windows,
    average,
    draw,
    draw_centred,
    frame_labels,
    lay,
    rows,
    to_frames,
)

MEMORY_SHARE = 0.8
"""Most of the computer's memory that frozen features may take."""


class Lesson(NamedTuple):
    """What a head learns from, and how.

    Args:
        reader: of the training recordings.
        laid: where windows of them lie.
        draws: windows an epoch that tuning takes from a recording; None: as many as cover it.
        recipe: how to train.
        check_every: epochs between checks; the last epoch is always checked.
        weight: `(K + 1,)` weights of the labels in the loss, on the device that computes.
        seed: of order and places.
    """

    reader: Reader
    laid: Laid
    draws: int | None
    recipe: Recipe
    check_every: int
    weight: Tensor
    seed: int

    def windows(self) -> Windows:
        """Windows at fixed places, that a frozen head learns from."""
        return lay(
            self.reader.recordings.length, self.laid.way, self.laid.window, self.laid.between
        )

    def labels(self, windows: Windows) -> Tensor:
        """The label of each row of windows."""
        recordings = self.reader.recordings
        frame = rows(windows, recordings.length)[2]
        return torch.from_numpy(frame_labels(recordings.length, recordings.segments)[frame])


class Task(NamedTuple):
    """What a head is to learn, and what it is to be checked on.

    Args:
        lesson: what it learns from.
        judged: of the test recordings.
        judged_laid: where windows of them lie.
    """

    lesson: Lesson
    judged: Reader
    judged_laid: Laid

    def test_windows(self) -> Windows:
        """Windows that ask about every test frame."""
        laid = self.judged_laid
        stride = 1 if self.judged.centred else laid.between
        return lay(self.judged.recordings.length, laid.way, laid.window, stride)

    def averaged(self, p: Tensor) -> np.ndarray:
        """Frame probabilities `(F, K + 1)` of those `(R, K + 1)` of `test_windows`' rows."""
        at = rows(self.test_windows(), self.judged.recordings.length)[2]
        return average(p, torch.from_numpy(at), self.judged.recordings.frames_total).numpy()


def frozen(
    encoder: Encoder, head: nn.Module, task: Task, *, standardize: bool
) -> Iterator[np.ndarray]:
    """Trains the head on frozen features.

    Args:
        encoder: comes back bit-equal.
        head: trained in place, on the device.
        task: what to learn.
        standardize: give each feature mean 0 and deviation 1 over the training frames.

    Yields:
        at every check the probabilities of the test frames `(F, K + 1)`.

    Raises:
        InputError: features that memory cannot hold, or a training that diverged.
    """
    lesson = task.lesson
    windows, others = lesson.windows(), task.test_windows()
    refuse_memory(int(windows.span.sum() + others.span.sum()), encoder.dim)
    x, queries = dense(encoder, lesson.reader, windows), dense(encoder, task.judged, others)
    if standardize:
        mean, deviation = mean_and_deviation(x)
        for part in (x, queries):
            part.sub_(mean).div_(deviation)
    for _ in learn(head, x, lesson.labels(windows), lesson):
        yield task.averaged(said(head, queries, lesson.weight.device))


def learn(head: nn.Module, x: Tensor, labels: Tensor, lesson: Lesson) -> Iterator[int]:
    """Trains a head in place on features `(R, dim)` with labels `(R,)`.

    Yields:
        the epoch at every check.

    Raises:
        InputError: a training that diverged.
    """
    device = lesson.weight.device

    def loss(indices: Tensor) -> Tensor:
        batch, target = x[indices].to(device), labels[indices].to(device)
        return F.cross_entropy(head(batch), target, weight=lesson.weight)

    generator = torch.Generator().manual_seed(lesson.seed)
    every = lesson.check_every
    yield from fit(nn.Identity(), head, lesson.recipe, len(x), loss, generator, test_every=every)


def said(head: nn.Module, x: Tensor, device: torch.device) -> Tensor:
    """The head's probabilities `(R, K + 1)` of features `(R, dim)`, on the CPU."""
    with torch.no_grad():
        logits = torch.cat([head(part.to(device)).cpu() for part in torch.split(x, 65536)])
    return logits.softmax(dim=1)


def tuned(encoder: Encoder, head: nn.Module, task: Task) -> Iterator[np.ndarray]:
    """Trains a copy of the encoder with the head, on windows at random places.

    Args:
        encoder: comes back bit-equal.
        head: trained in place, on the device.
        task: what to learn.

    Yields:
        at every check the probabilities of the test frames `(F, K + 1)`.

    Raises:
        InputError: a training that diverged.
    """
    copy = trained_copy(encoder, task.lesson.weight.device)
    for _ in tune(copy, head, task.lesson):
        yield task.averaged(said_by_tuned(copy, head, task.judged, task.test_windows()))


def tune(copy: Encoder, head: nn.Module, lesson: Lesson) -> Iterator[int]:
    """Trains an encoder and a head in place, on windows at random places.

    Yields:
        the epoch at every check, while the encoder takes clips of the reader's frames.

    Raises:
        InputError: a training that diverged.
    """
    length = lesson.reader.recordings.length
    covering = -(-length // lesson.laid.window)
    draws = covering if lesson.draws is None else lesson.draws
    recording = np.repeat(np.arange(len(length)), draws)
    generator = torch.Generator().manual_seed(lesson.seed)
    loss = _window_loss(copy, head, lesson, recording, generator)
    with taking(copy, lesson.reader.frames):
        every, count = lesson.check_every, len(recording)
        yield from fit(copy, head, lesson.recipe, count, loss, generator, test_every=every)


def said_by_tuned(copy: Encoder, head: nn.Module, judged: Reader, windows: Windows) -> Tensor:
    """Probabilities `(R, K + 1)` of the windows' rows, on the CPU."""
    logits = outputs(copy, judged, windows, head)
    return torch.cat([z.float().softmax(dim=1).cpu() for _, z in logits])


def _window_loss(
    copy: Encoder, head: nn.Module, lesson: Lesson, recording: np.ndarray, generator: Generator
) -> Callable[[Tensor], Tensor]:
    """Indices of `recording` -> the loss of a window at a random place of each."""
    reader, laid = lesson.reader, lesson.laid
    most = int(laid.jitter.max(initial=0))
    length = reader.recordings.length
    labels = torch.from_numpy(frame_labels(length, reader.recordings.segments))

    def loss(indices: Tensor) -> Tensor:
        chosen, step, span = recording[indices.numpy()], laid.step, laid.window
        if most:
            shift = int(torch.randint(2 * most + 1, (), generator=generator)) - most
            step = laid.step + np.rint(shift * laid.jitter / most).astype(np.int64)
            span = laid.window // laid.step * step
        place = draw_centred if reader.centred else draw
        drawn = place(length, chosen, span, generator)
        x, lengths = reader(drawn, step)
        logits = head(reader.encode(copy, x))  # (n, T or 1, K + 1)
        window, within, frame = (torch.from_numpy(part) for part in rows(drawn, length))
        logits = logits[:, 0] if reader.centred else to_frames(logits, lengths)[window, within]
        return F.cross_entropy(logits, labels[frame].to(logits.device), weight=lesson.weight)

    return loss


def refuse_memory(count: int, dim: int) -> None:
    """Refuses features `(count, dim)` that memory cannot hold."""
    if not hasattr(os, "sysconf"):
        return
    wanted = count * dim * 4
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > MEMORY_SHARE * there:
        raise InputError(
            f"frozen features of {count} frames take {wanted / 2**30:.0f} GiB of the "
            f"{there / 2**30:.0f} GiB of memory: use eval.tune=true, which keeps none, or "
            "eval.windows=disjoint or a larger eval.stride"
        )

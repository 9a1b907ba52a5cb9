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


class Task(NamedTuple):
    """What a head is to learn, and what it is to be checked on.

    Args:
        learned: of the training recordings.
        judged: of the test recordings.
        learned_laid: where windows of the training recordings lie.
        judged_laid: of the test recordings.
        draws: windows an epoch that tuning takes from a recording; None: as many as cover it.
        recipe: how to train.
        test_every: epochs between checks; the last epoch is always checked.
        weight: `(K + 1,)` weights of the labels in the loss, on the device that computes.
        seed: of order and places.
    """

    learned: Reader
    judged: Reader
    learned_laid: Laid
    judged_laid: Laid
    draws: int | None
    recipe: Recipe
    test_every: int
    weight: Tensor
    seed: int

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
    device, length = task.weight.device, task.learned.recordings.length
    laid = task.learned_laid
    windows = lay(length, laid.way, laid.window, laid.between)
    others = task.test_windows()
    _refuse_memory(int(windows.span.sum() + others.span.sum()), encoder.dim)
    x, queries = dense(encoder, task.learned, windows), dense(encoder, task.judged, others)
    if standardize:
        mean, deviation = mean_and_deviation(x)
        for part in (x, queries):
            part.sub_(mean).div_(deviation)
    frame = rows(windows, length)[2]
    labels = torch.from_numpy(frame_labels(length, task.learned.recordings.segments)[frame])

    def loss(indices: Tensor) -> Tensor:
        batch, target = x[indices].to(device), labels[indices].to(device)
        return F.cross_entropy(head(batch), target, weight=task.weight)

    generator = torch.Generator().manual_seed(task.seed)
    every = task.test_every
    for _ in fit(nn.Identity(), head, task.recipe, len(x), loss, generator, test_every=every):
        with torch.no_grad():
            logits = torch.cat(
                [head(part.to(device)).cpu() for part in torch.split(queries, 65536)]
            )
        yield task.averaged(logits.softmax(dim=1))


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
    copy = trained_copy(encoder, task.weight.device)
    others, length = task.test_windows(), task.learned.recordings.length
    covering = -(-length // task.learned_laid.window)
    draws = covering if task.draws is None else task.draws
    recording = np.repeat(np.arange(len(length)), draws)
    generator = torch.Generator().manual_seed(task.seed)
    loss = _window_loss(copy, head, task, recording, generator)
    with taking(copy, task.learned.frames):
        every, count = task.test_every, len(recording)
        for _ in fit(copy, head, task.recipe, count, loss, generator, test_every=every):
            logits = outputs(copy, task.judged, others, head)
            yield task.averaged(torch.cat([z.float().softmax(dim=1).cpu() for _, z in logits]))


def _window_loss(
    copy: Encoder, head: nn.Module, task: Task, recording: np.ndarray, generator: Generator
) -> Callable[[Tensor], Tensor]:
    """Indices of `recording` -> the loss of a window at a random place of each."""
    reader, laid = task.learned, task.learned_laid
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
        return F.cross_entropy(logits, labels[frame].to(logits.device), weight=task.weight)

    return loss


def _refuse_memory(count: int, dim: int) -> None:
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

"""What detection trains: a linear head on frozen frame features, or a copy of the whole encoder.

Both stop at every check and hand over the probabilities of the test frames.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ..errors import InputError
from ._training import Recipe, fit, trained_copy
from .dense import NormalizeOn, Reader, dense, outputs, taking
from .windows import Way, Windows, average, draw, draw_centred, frame_labels, lay, rows, to_frames

MEMORY_SHARE = 0.8
"""Most of the computer's memory that frozen features may take."""


class Laying(NamedTuple):
    """Where windows lie; the fields are arguments of `detection.run`."""

    windows: Way
    window: int
    stride: int
    step: int
    jitter: int
    draws: int | None
    normalize_on: NormalizeOn


class Task(NamedTuple):
    """What a head is to learn, and what it is to be checked on.

    Args:
        learned: of the training recordings.
        judged: of the test recordings.
        laying: where windows lie.
        recipe: how to train.
        weight: `(K + 1,)` weights of the labels in the loss, on the device that computes.
        seed: of order and places.
    """

    learned: Reader
    judged: Reader
    laying: Laying
    recipe: Recipe
    weight: Tensor
    seed: int

    def test_windows(self) -> Windows:
        """Windows that ask about every test frame."""
        stride = 1 if self.judged.centred else self.laying.stride
        frames = self.judged.recordings.length
        return lay(frames, self.laying.windows, self.laying.window, stride)

    def averaged(self, p: Tensor) -> np.ndarray:
        """Frame probabilities `(F, K + 1)` of those `(R, K + 1)` of `test_windows`' rows."""
        at = rows(self.test_windows(), self.judged.recordings.length)[2]
        return average(p, torch.from_numpy(at), self.judged.recordings.frames_total).numpy()


def frozen(
    encoder: nn.Module, head: nn.Module, task: Task, *, standardize: bool
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
    contract: Any = encoder
    device, length = task.weight.device, task.learned.recordings.length
    laying = task.laying
    own = lay(length, laying.windows, laying.window, laying.stride)
    others = task.test_windows()
    _refuse_memory(int(own.span.sum() + others.span.sum()), int(contract.dim))
    x, queries = dense(encoder, task.learned, own), dense(encoder, task.judged, others)
    if standardize:
        mean, deviation = x.mean(dim=0), x.std(dim=0, correction=0)
        # A constant feature becomes 0; its deviation may be a rounding error instead of 0.
        deviation = torch.where(deviation > 1e-6 * mean.abs(), deviation, 1.0)
        for part in (x, queries):
            part.sub_(mean).div_(deviation)
    frame = rows(own, length)[2]
    labels = torch.from_numpy(frame_labels(length, task.learned.recordings.segments)[frame])

    def loss(indices: Tensor) -> Tensor:
        batch, target = x[indices].to(device), labels[indices].to(device)
        return F.cross_entropy(head(batch), target, weight=task.weight)

    generator = torch.Generator().manual_seed(task.seed)
    for _ in fit(nn.Identity(), head, task.recipe, len(x), loss, generator):
        with torch.no_grad():
            logits = torch.cat(
                [head(part.to(device)).cpu() for part in torch.split(queries, 65536)]
            )
        yield task.averaged(logits.softmax(dim=1))


def tuned(encoder: nn.Module, head: nn.Module, task: Task) -> Iterator[np.ndarray]:
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
    draws = -(-length // task.laying.window) if task.laying.draws is None else task.laying.draws
    recording = np.repeat(np.arange(len(length)), draws)
    generator = torch.Generator().manual_seed(task.seed)
    loss = _window_loss(copy, head, task, recording, generator)
    with taking(copy, task.learned.frames):
        for _ in fit(copy, head, task.recipe, len(recording), loss, generator):
            made = outputs(copy, task.judged, others, head)
            yield task.averaged(torch.cat([z.float().softmax(dim=1).cpu() for _, z in made]))


def _window_loss(
    copy: nn.Module, head: nn.Module, task: Task, recording: np.ndarray, generator: Generator
) -> Callable[[Tensor], Tensor]:
    """Indices of `recording` -> the loss of a window at a random place of each."""
    reader, laying = task.learned, task.laying
    length = reader.recordings.length
    labels = torch.from_numpy(frame_labels(length, reader.recordings.segments))

    def loss(indices: Tensor) -> Tensor:
        chosen, step, span = recording[indices.numpy()], laying.step, laying.window
        if laying.jitter:
            shift = torch.randint(2 * laying.jitter + 1, (), generator=generator)
            step += int(shift) - laying.jitter
            span = laying.window // laying.step * step
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

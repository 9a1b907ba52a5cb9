"""Clips as an encoder takes them, for protocols that train it: whole, or cropped anew each time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..augment.basic import crop_resize, draw_crops
from ..contracts import Encoder
from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..errors import InputError
from .crop import CUTS, RANDOM, Crop, Cut, read
from .fitting import fitting, labelled

Augment = Literal["none", "crop"]

JUDGED = 256
"""Clips a forward pass outside training; no influence on the result beyond rounding."""

CPU_BYTES = 4 * 2**30
"""Most bytes that a split's resized clips may take in a CPU's memory; on a GPU half of what is
free. The clips of a larger split are resized anew in every epoch."""


class Part(NamedTuple):
    """Clips to learn from, or to be judged by.

    Args:
        inputs: indices `(n,)` on the CPU -> what the encoder takes, on the device.
        labels: `(N,)` int64 on the CPU.
    """

    inputs: Callable[[Tensor], Tensor]
    labels: Tensor

    def take(self, indices: Tensor) -> Part:
        """The clips at `indices` `(n,)`."""
        return Part(lambda chosen: self.inputs(indices[chosen]), self.labels[indices])


def both_sides(encoder: Encoder, train: ClipSet, test: ClipSet) -> tuple[ClipSet, ClipSet, int]:
    """The labelled clips of both splits as the encoder takes them, and the number of classes.

    Raises:
        InputError: a split without labelled clips, fewer than two classes to train on, or clips of
            another joint layout or normalisation than the encoder's.
    """
    train, test = labelled(train, "training"), labelled(test, "test")
    train, test = (fitting(encoder, clips) for clips in (train, test))
    if len(np.unique(train.label)) < 2:
        raise InputError(
            f"{train}: the training split holds a single class ({int(train.label[0])}), two are "
            "needed: choose another split or import more clips"
        )
    highest = max(int(train.label.max()), int(test.label.max()))
    return train, test, max(len(train.class_names), highest + 1)


def part(
    encoder: Encoder,
    clips: ClipSet,
    device: torch.device | str,
    augment: Augment = "none",
    crop: Crop = "whole",
) -> Part:
    """Labelled clips, `crop` of them ("none") or a random part of each at every look ("crop")."""
    if augment == "crop":
        inputs = crops(encoder, clips, device)
    else:
        inputs = still(encoder, clips, device, CUTS.get(crop))
    return Part(inputs, torch.from_numpy(clips.label.astype(np.int64)))


def still(
    encoder: Encoder, clips: ClipSet, device: torch.device | str, cut: Cut | None = None
) -> Callable[[Tensor], Tensor]:
    """Indices -> clips, or what is cut of them, at the encoder's frames, `(n, C, T, V, M)`.

    They are the same in every epoch, so they are kept where they fit: see `CPU_BYTES`.
    """
    frames, persons = encoder.num_frames, encoder.persons
    shape = (len(clips), clips.channels, frames, clips.skeleton.joints, persons)
    if 4 * int(np.prod(shape)) > _room(torch.device(device)):
        streamed = ClipBatches(clips, device, persons=persons)
        return lambda indices: read(*streamed(indices), frames, cut)
    resized = torch.empty(shape, device=device)
    batches = ClipBatches(clips, device, persons=persons, resident=False)
    plan = torch.split(torch.arange(len(clips)), JUDGED)
    stream = batches.stream(indices.numpy() for indices in plan)
    for indices, (x, lengths) in zip(plan, stream, strict=True):
        resized[indices.to(device)] = read(x, lengths, frames, cut)
    return lambda indices: resized[indices.to(device)]


def crops(
    encoder: Encoder, clips: ClipSet, device: torch.device | str
) -> Callable[[Tensor], Tensor]:
    """Indices -> a random part of each clip, `RANDOM` of it, resized to the encoder's frames.

    Draws from torch's global generator on the CPU.
    """
    frames = encoder.num_frames
    batches = ClipBatches(clips, device, persons=encoder.persons)

    def draw(indices: Tensor) -> Tensor:
        x, lengths = batches(indices)
        start, span = draw_crops(lengths.cpu(), frames, RANDOM, 1, torch.default_generator)
        return crop_resize(x, start.to(device), span.to(device), frames)

    return draw


def _room(device: torch.device) -> float:
    return 0.5 * torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else CPU_BYTES

"""BatchNorm's statistics for an encoder that nobody trained: those of clips, as a trained one has.

BatchNorm starts with mean 0 and variance 1. Judged so, an untrained encoder would lack what the
first steps of any training give without learning anything, and would be the easier to beat.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..contracts import Encoder, Module
from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..encoders._norms import InputNorm
from ..encoders.kernels import Kernels
from ..machine.guest import no_trace
from ..machine.guest import seed as seed_torch
from .crop import read
from .fitting import fitting
from .windows import as_clips, draw

CLIPS = 256
"""Most clips that the statistics are taken of."""

WINDOW = 64 / 30
"""Seconds that are read of a recording with segments: a window of detection, by default."""

_READ = 32  # clips that are read at a time: one may be far longer than the encoder's frames


def settle(
    encoder: Encoder,
    clips: ClipSet,
    device: str | torch.device = "cpu",
    kind: type[_BatchNorm] = _BatchNorm,
) -> int:
    """Gives every BatchNorm that no batch has moved yet the statistics of training clips.

    One pass of at most `CLIPS` clips, the same ones whenever the clips are: whole, resized to the
    encoder's frames, without dropout. The statistics are those of what a norm is given when the
    norms before it have theirs. Of recordings with segments windows are read. A norm that has seen
    a batch stays as it is, and so does all else.

    Args:
        encoder: changed in place. In a group of processes each may do so by itself.
        clips: what it will be judged with, see `fitting`; labels play no part.
        device: where the pass runs.
        kind: which norms; others stay as they are.

    Returns:
        How many clips, or windows, they are of; 0 where there was nothing to do.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> clips = generate(clips=12)
        >>> encoder = ENCODERS["gru"](clips.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> settle(encoder, clips), settle(encoder, clips)
        (12, 0)
    """
    norms = starting(encoder, kind)
    if not norms or not len(clips):
        return 0
    place = torch.device(device)
    x = _inputs(encoder, clips, place)
    home = next(buffer.device for norm in norms for buffer in norm.buffers())
    flags = [(module, module.training) for module in encoder.modules()]
    autocast = torch.autocast(place.type, enabled=False)
    with no_trace(place), torch.no_grad(), autocast, _measuring(norms):
        seed_torch(0, place)  # for what an encoder of somebody's own may draw
        try:
            encoder.to(place).train()
            for module in encoder.modules():
                seen = isinstance(module, _BatchNorm) and module not in norms
                if seen or isinstance(module, nn.modules.dropout._DropoutNd):
                    module.eval()
            encoder(x)
        finally:
            encoder.to(home)
            for module, flag in flags:
                module.training = flag
    return len(x)


def settle_kernels(encoder: Encoder, clips: ClipSet, device: str | torch.device = "cpu") -> int:
    """Takes the thresholds of fixed kernels from training clips, as `settle` reads them.

    Args:
        encoder: changed in place where it is a `Kernels`.
        clips: what it will be judged with; labels play no part.
        device: where the kernels run.

    Returns:
        How many clips, or windows, they are of; 0 where there was nothing to do.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders.kernels import Kernels
        >>> clips = generate(clips=12)
        >>> encoder = Kernels(clips.skeleton, persons=1, frames=16, features=84)
        >>> settle_kernels(encoder, clips)
        12
    """
    if not isinstance(encoder, Kernels) or not len(clips):
        return 0
    place = torch.device(device)
    home = encoder.biases.device
    x = _inputs(encoder, clips, place)
    with no_trace(place), torch.no_grad():
        encoder.to(place)
        encoder.fit(x)
        encoder.to(home)
    return len(x)


@contextmanager
def settled(encoder: Encoder, clips: ClipSet, device: str | torch.device = "cpu") -> Iterator[None]:
    """Around a look at an encoder that goes on training: see `settle`; afterwards as it was."""
    before = [(norm, [buffer.clone() for buffer in norm.buffers()]) for norm in starting(encoder)]
    try:
        settle(encoder, clips, device)
        yield
    finally:
        for norm, kept in before:
            for buffer, value in zip(norm.buffers(), kept, strict=True):
                buffer.copy_(value)


def settle_inputs(method: Module, clips: ClipSet, device: str | torch.device = "cpu") -> None:
    """Gives the input norms of a method's encoders the statistics of its training clips.

    Args:
        method: all encoders in it that have an `InputNorm`: copies that follow, those of streams.
        clips: what it is trained on.
        device: where the passes run.
    """
    for module in method.modules():
        if isinstance(getattr(module, "norm", None), InputNorm):
            settle(cast(Encoder, module), clips, device, InputNorm)


def starting(encoder: Encoder, kind: type[_BatchNorm] = _BatchNorm) -> list[_BatchNorm]:
    """The norms that have the statistics that every BatchNorm starts with."""
    norms = (module for module in encoder.modules() if isinstance(module, kind))
    return [n for n in norms if n.num_batches_tracked is not None and not n.num_batches_tracked]


@contextmanager
def _measuring(norms: list[_BatchNorm]) -> Iterator[None]:
    """Statistics are those of the next batch, not moved towards them, and of this process alone."""
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None
        norm.__dict__["apart"] = True  # asked by the norm of several processes
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            del norm.__dict__["apart"]


def _inputs(encoder: Encoder, clips: ClipSet, device: torch.device) -> Tensor:
    """What the statistics are of, `(n, C, T, V, M)`."""
    has_segments = np.isin(np.arange(len(clips)), clips.segments[:, 0])
    cut = bool(has_segments.any())
    clips = fitting(encoder, clips, keep_time=cut)
    order = np.random.default_rng(0).permutation(len(clips))
    # Recordings are few and long: each may give several windows.
    chosen = np.resize(order, CLIPS) if cut else np.sort(order[:CLIPS])
    if cut:
        usual = np.maximum(np.rint(WINDOW * np.asarray(clips.fps)), 2).astype(np.int64)
        usual[np.asarray(clips.fps) <= 0] = round(WINDOW * 30)
        window = np.where(has_segments, usual, clips.length)
        generator = torch.Generator().manual_seed(0)
        clips = as_clips(clips, draw(clips.length, chosen, window, generator))
    else:
        clips = clips.take(chosen)
    batches = ClipBatches(clips, device, persons=encoder.persons, resident=False)
    plan = (part.numpy() for part in torch.split(torch.arange(len(clips)), _READ))
    return torch.cat([read(*batch, encoder.num_frames) for batch in batches.stream(plan)])

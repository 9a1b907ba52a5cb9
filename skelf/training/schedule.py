"""When a training run does what: the batches of an epoch, the learning rate at a moment."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..settings.run import Train
from .shuffle import Full, Order, Windows


class Plan:
    """The batches of one epoch, each made when it is asked for: for each process an index array.

    All index arrays of a batch have one length. The last, smaller batch is kept, unless a process
    would get fewer than two clips; a remainder that does not divide among the processes waits for
    the next epoch. Nothing is stored for a resume: all follows from (seed, epoch).

    Args:
        count: clips.
        batch_size: clips a batch, of all processes together.
        processes: how many share a batch.
        seed: the run's.
        epoch: counted from 0.
        whole: leave the last, smaller batch out (sources C21, P11), unless it is the only one.
        sets: `(count,)`, which set of a pool each clip is of: batches are of one set each, in mixed
            order. None: of all.
        windows: neighbours and window of `shuffle.Windows`; None: a full permutation.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        processes: int,
        seed: int,
        epoch: int,
        whole: bool = False,
        sets: np.ndarray | None = None,
        windows: tuple[int, int] | None = None,
    ) -> None:
        self.size, self.processes = batch_size, processes
        draw = np.random.default_rng((seed, epoch))
        self.parts = _orders(draw, count, seed, epoch, sets, windows)
        numbers = [self._batches(len(part), whole) for part in self.parts]
        self.ends = np.cumsum(numbers)
        self.turns: np.ndarray | None = None  # of a pool's batches, set after set, which is next
        if sets is not None:
            self.turns = _turns(draw, self.ends, in_order=windows is not None)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def since(self, first: int = 0) -> Iterator[list[np.ndarray]]:
        """The batches from the one at `first` on: for each, one index array a process."""
        for part, begin in self._places(first):
            batch = self.parts[part][begin : begin + self.size]
            share = len(batch) // self.processes
            yield list(batch[: share * self.processes].reshape(self.processes, share))

    def ahead(self, first: int = 0) -> Iterator[list[np.ndarray]]:
        """For each batch from `first` on, chunks of neighbours that are to be read soon."""
        told: dict[int, int] = {}
        for part, begin in self._places(first):
            span = slice(begin, begin + 2 * self.size)  # this batch and the next one
            chunks, told[part] = self.parts[part].coming(span, told.get(part))
            yield chunks

    def _places(self, first: int) -> Iterator[tuple[int, int]]:
        """Of each batch from `first` on: which order, and the place in it where it begins."""
        for number in range(first, len(self)):
            turn = number if self.turns is None else int(self.turns[number])
            part = int(np.searchsorted(self.ends, turn, "right"))
            before = int(self.ends[part - 1]) if part else 0
            yield part, (turn - before) * self.size

    def _batches(self, count: int, whole: bool) -> int:
        """Batches of `count` clips; the last one of a set is left out where it is too small."""
        full, rest = divmod(count, self.size)
        kept = rest // self.processes >= 2 and not (whole and full)
        return full * (self.size // self.processes >= 2) + kept


def _orders(
    draw: np.random.Generator,
    count: int,
    seed: int,
    epoch: int,
    sets: np.ndarray | None,
    windows: tuple[int, int] | None,
) -> list[Order]:
    """The order of all clips, or of each set's."""
    if windows is None:
        order = draw.permutation(count)
        if sets is None:
            return [Full(order)]
        return [Full(order[sets[order] == each]) for each in np.unique(sets)]
    if sets is None:
        return [Windows(count, (seed, epoch, 0), *windows)]
    members = [np.flatnonzero(sets == each) for each in np.unique(sets)]
    return [
        Windows(len(clips), (seed, epoch, part), *windows, clips)
        for part, clips in enumerate(members)
    ]


def _turns(draw: np.random.Generator, ends: np.ndarray, in_order: bool) -> np.ndarray:
    """Batches of several sets in mixed order; `in_order`: each set's one after the other."""
    turns = list(range(int(ends[-1]) if len(ends) else 0))
    draw.shuffle(turns)
    mixed = np.array(turns, np.int64)
    if in_order:
        of = np.searchsorted(ends, mixed, "right")
        mixed[np.argsort(of, kind="stable")] = np.arange(len(mixed))
    return mixed


def rate_factor(settings: Train, epoch: float) -> float:
    """What the learning rate is multiplied by at a (fractional) epoch."""
    if epoch < settings.warmup_epochs:
        return max(epoch, 1e-3) / settings.warmup_epochs
    if settings.schedule == "step":
        return settings.gamma ** sum(int(epoch) >= milestone for milestone in settings.milestones)
    if settings.schedule == "cosine":
        span = settings.epochs - settings.warmup_epochs
        return 0.5 * (1 + math.cos(math.pi * (epoch - settings.warmup_epochs) / span))
    return 1.0

"""When a training run does what: the batches of an epoch, the learning rate at a moment."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from ..settings.run import Train


def batch_plan(
    count: int,
    batch_size: int,
    processes: int,
    seed: int,
    epoch: int,
    whole: bool = False,
    sets: np.ndarray | None = None,
) -> Iterator[list[np.ndarray]]:
    """The batches of one epoch: for each, one index array a process, all of one length.

    Clips are shuffled by (seed, epoch). The last, smaller batch is kept, unless a process would get
    fewer than two clips; a remainder that does not divide among the processes waits for the next
    epoch.

    Args:
        count: clips.
        batch_size: clips a batch, of all processes together.
        processes: how many share a batch.
        seed: the run's.
        epoch: counted from 0.
        whole: leave the last, smaller batch out (sources C21, P11), unless it is the only one.
        sets: `(count,)`, which set of a pool each clip is of: batches are of one set each, in mixed
            order. None: of all.
    """
    draw = np.random.default_rng((seed, epoch))
    order = draw.permutation(count)
    parts = [order] if sets is None else [order[sets[order] == each] for each in np.unique(sets)]
    plan = []
    for part in parts:
        for first in range(0, len(part), batch_size):
            batch = part[first : first + batch_size]
            share = len(batch) // processes
            if share >= 2 and not (whole and first and len(batch) < batch_size):
                plan.append(list(batch[: share * processes].reshape(processes, share)))
    if sets is not None:
        draw.shuffle(plan)
    yield from plan


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

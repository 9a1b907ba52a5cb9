"""Segments of a recording whose frame probabilities come block by block, in bounded memory.

What comes out is what `protocols.recordings.find` makes of the whole recording at once, whatever
the blocks are: `Means` averages over windows, `Smoothing` over time, and a rule keeps the frames
that it has not settled. The released forms look at whole recordings and get them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..protocols.intervals import kept, propose, smoothed
from ..protocols.proposals import (
    BACKGROUND,
    CLASS,
    HIT_RATE,
    Proposals,
    grown,
    of_classes,
    runs,
)
from ..protocols.rules import Counts, Rules


class Means:
    """The mean of all that windows say of a frame, as soon as no later window speaks of it.

    Args:
        columns: numbers of a frame.
        device: of what is added.
    """

    def __init__(self, columns: int, device: torch.device) -> None:
        self.first = 0
        self.sums = torch.zeros(0, columns, device=device)
        self.counts = torch.zeros(0, device=device)

    def add(self, frame: Tensor, values: Tensor) -> None:
        """Rows `(R, K)` of frames `(R,)`, none of which was taken."""
        missing = int(frame.max()) + 1 - self.first - len(self.sums)
        if missing > 0:
            self.sums = torch.cat([self.sums, self.sums.new_zeros(missing, self.sums.shape[1])])
            self.counts = torch.cat([self.counts, self.counts.new_zeros(missing)])
        place = frame - self.first
        self.sums.index_add_(0, place, values)
        self.counts += torch.bincount(place, minlength=len(self.counts))

    def take(self, end: int) -> np.ndarray:
        """The means of the frames before `end` that were not taken yet, `(T, K)`."""
        count = max(0, end - self.first)
        means = self.sums[:count] / self.counts[:count, None].clamp_min(1)
        self.sums, self.counts = self.sums[count:].clone(), self.counts[count:].clone()
        self.first += count
        return means.cpu().numpy()


class Smoothing:
    """`smoothing.smooth`, centred, of frames that come block by block: the very same numbers.

    Args:
        radius: frames on either side.
    """

    def __init__(self, radius: int) -> None:
        self.radius, self.done, self.first = radius, 0, 0
        self.total: np.ndarray | None = None  # sums of all frames before `first`, `first + 1`, ...

    def add(self, p: np.ndarray, last: bool) -> np.ndarray:
        """Takes frames `(T, K)`, and gives those that are settled by now."""
        p = np.asarray(p, np.float64)
        if not self.radius:
            return p
        if self.total is None:
            self.total = np.zeros((1, p.shape[1]))
        more = np.cumsum(np.concatenate([self.total[-1:], p]), axis=0)[1:]
        total = np.concatenate([self.total, more])
        frames = self.first + len(total) - 1  # that came so far
        ready = frames if last else max(self.done, frames - self.radius)
        at = np.arange(self.done, ready)
        begin = np.maximum(0, at - self.radius)
        end = np.minimum(frames, at + self.radius + 1)
        sums = total[end - self.first] - total[begin - self.first]
        self.done = ready
        forget = max(0, ready - self.radius - self.first)
        self.total, self.first = total[forget:].copy(), self.first + forget
        means: np.ndarray = sums / np.maximum(end - begin, 1)[:, None]
        return means


class Growing:
    """`proposals.argmax_growing`; keeps the frames of an interval that still grows."""

    def __init__(self, rules: Rules, counts: Counts) -> None:
        hit_rate = HIT_RATE if rules.threshold is None else rules.threshold
        self.settings = counts.window, counts.back, hit_rate
        self.first = 0
        self.p: np.ndarray | None = None
        self.intervals: list[Proposals] = []

    def add(self, p: np.ndarray, last: bool) -> None:
        """Takes smoothed frames."""
        p = p if self.p is None else np.concatenate([self.p, p])
        intervals, at = grown(p.argmax(axis=1), *self.settings, complete=last)
        start, end, label, score = of_classes(p, intervals)
        self.intervals.append(Proposals(start + self.first, end + self.first, label, score))
        self.p, self.first = p[at:].copy(), self.first + at

    def end(self) -> Proposals:
        """All intervals, in time's order."""
        return _joined(self.intervals)


class Runs:
    """`proposals.background_runs` or `class_runs`; keeps the sum of a run that goes on.

    Args:
        threshold: of the rule; None: its own.
        by_class: runs of each class by itself; False: of what is not background.
    """

    def __init__(self, threshold: float | None, *, by_class: bool) -> None:
        usual = CLASS if by_class else BACKGROUND
        self.threshold = usual if threshold is None else threshold
        self.by_class, self.at = by_class, 0
        self.start = np.zeros(0, np.int64)  # of the open run of each column; -1: there is none
        self.sum = np.zeros((0, 1))
        self.done: list[tuple[np.ndarray, ...]] = []

    def add(self, p: np.ndarray, last: bool) -> None:
        """Takes smoothed frames."""
        scores = p[:, 1:]
        if self.by_class:
            active = scores > self.threshold
        else:
            active = (1 - p[:, 0] >= self.threshold)[:, None]
        if not len(self.start):
            self.start = np.full(active.shape[1], -1)
            self.sum = np.zeros((active.shape[1], 1 if self.by_class else scores.shape[1]))
        start, end, column = runs(active)
        sums = self._sums(scores, start, end, column)
        start = start + self.at
        # A run that goes on from the block before, or ended with it.
        goes_on = (start == self.at) & (self.start[column] >= 0)
        sums[goes_on] += self.sum[column[goes_on]]
        start[goes_on] = self.start[column[goes_on]]
        over = self.start >= 0
        over[column[goes_on]] = False
        columns = np.flatnonzero(over)
        self._close(self.start[columns], np.full(len(columns), self.at), columns, self.sum[columns])
        self.start[:] = -1
        still = end == len(p) if not last else np.zeros(len(end), bool)
        self.start[column[still]], self.sum[column[still]] = start[still], sums[still]
        self._close(start[~still], end[~still] + self.at, column[~still], sums[~still])
        self.at += len(p)

    def end(self) -> Proposals:
        """All intervals, class by class, or in time's order."""
        if not self.done:
            return _joined([])
        start, end, column, mean = (np.concatenate(part) for part in zip(*self.done, strict=True))
        order = np.lexsort((start, column))
        start, end, column, mean = (part[order] for part in (start, end, column, mean))
        label = column if self.by_class else mean.argmax(axis=1)
        score = mean[:, 0] if self.by_class else mean[np.arange(len(label)), label]
        return Proposals(start, end, label, score)

    def _sums(
        self, scores: np.ndarray, start: np.ndarray, end: np.ndarray, column: np.ndarray
    ) -> np.ndarray:
        if self.by_class:  # one column below the other, so that a run is a range of one long array
            below = column * len(scores)
            start, end, scores = start + below, end + below, scores.T.reshape(-1, 1)
        padded = np.concatenate([scores, np.zeros((1, scores.shape[1]))])
        both = np.stack([start, end], axis=1).ravel()
        sums: np.ndarray = np.add.reduceat(padded, both, axis=0)[::2] if len(both) else padded[:0]
        return sums

    def _close(
        self, start: np.ndarray, end: np.ndarray, column: np.ndarray, sums: np.ndarray
    ) -> None:
        self.done.append((start, end, column, sums / (end - start)[:, None]))


class Whole:
    """Rules that look at whole recordings, as the released forms do: all frames are kept."""

    def __init__(self, rules: Rules, counts: Counts) -> None:
        self.rules, self.counts = rules, counts
        self.parts: list[np.ndarray] = []

    def add(self, p: np.ndarray, last: bool) -> None:
        """Takes frames that are not smoothed."""
        self.parts.append(np.array(p))

    def end(self) -> Proposals:
        """All intervals."""
        p = smoothed(np.concatenate(self.parts), self.rules, self.counts.radius)
        return propose(p, self.rules, self.counts)


class Finder:
    """What is found in one recording.

    Args:
        rules: how.
        counts: the rules' times as frames of it.
    """

    def __init__(self, rules: Rules, counts: Counts) -> None:
        self.rules, self.counts, self.frames = rules, counts, 0
        released = rules.proposals == "growing-official" or (
            rules.smoothing_form == "official" and counts.radius > 0
        )
        self.smoothing = Smoothing(0 if released else counts.radius)
        self.rule: Growing | Runs | Whole
        if released:
            self.rule = Whole(rules, counts)
        elif rules.proposals == "growing":
            self.rule = Growing(rules, counts)
        else:
            self.rule = Runs(rules.threshold, by_class=rules.proposals == "class")

    def add(self, p: np.ndarray, last: bool = False) -> None:
        """The next frames `(T, K + 1)`; column 0 is the background."""
        self.frames += len(p)
        self.rule.add(p if isinstance(self.rule, Whole) else self.smoothing.add(p, last), last)

    def end(self) -> Proposals:
        """What was found, once the last frames were added."""
        return kept(self.rule.end(), self.rules, self.counts, self.frames)


def _joined(parts: list[Proposals]) -> Proposals:
    none = np.zeros(0, np.int64)
    every = [Proposals(none, none, none, np.zeros(0)), *parts]
    start, end, label, score = (np.concatenate(column) for column in zip(*every, strict=True))
    return Proposals(start, end, label, score)

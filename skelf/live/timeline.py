"""One person's frames in time: late and repeated ones go, gaps are filled, rates are changed."""

from __future__ import annotations

from collections import Counter, deque
from statistics import median
from typing import NamedTuple

import numpy as np

GAP = 1.5
"""A frame is missing where the next comes later than so many usual intervals."""
LATEST = 15
"""Intervals whose median is the usual one."""
NEW_CLOCK = 10
"""Late frames in a row, in order, after which the source's clock is taken to have begun anew."""
_TINY = 1e-6  # of an interval: what two ways to write one moment differ by


class Stamped(NamedTuple):
    """A frame as the model gets it.

    Args:
        time: seconds.
        joints: `(C, V, M)`.
    """

    time: float
    joints: np.ndarray


class Behind:
    """Frames that came late: enough of them in order, and the source's clock began anew."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, time: float) -> None:
        """Another one, before any that is on time."""
        in_order = self.times and time > self.times[-1]
        self.times = [*self.times, time] if in_order else [time]

    @property
    def restarted(self) -> bool:
        """Whether that were so many that the clock began anew."""
        return len(self.times) >= NEW_CLOCK


class Timeline:
    """The frames of one person on the model's clock, each as soon as it is known.

    Args:
        rate: frames a second that are wanted, by linear interpolation between the two frames
            around each moment; None: frames pass as they come.
        interval: seconds between the source's frames, as a first guess; None: not known.
        fill: longest gap, in seconds, that is filled by a straight line.
        counts: where "late", "repeated", "filled" and "gaps" are counted.
    """

    def __init__(
        self, rate: float | None, interval: float | None, fill: float, counts: Counter[str]
    ) -> None:
        self.rate, self.fill, self.counts = rate, fill, counts
        self.intervals = deque([] if interval is None else [interval], maxlen=LATEST)
        self.last: Stamped | None = None
        self.number: int | None = None
        self.first, self.given = 0.0, 0  # the moment that the clock started at, and frames since
        self.behind = Behind()

    def accepts(self, time: float, number: int | None = None) -> bool:
        """Whether a frame is news; one that is late or repeated is counted."""
        if self.last is None:
            return True
        if time == self.last.time or (number is not None and number == self.number):
            self.counts["repeated"] += 1
            return False
        if time > self.last.time:
            return True
        self.counts["late"] += 1
        self.behind(time)
        return False

    def __call__(self, time: float, joints: np.ndarray, number: int | None = None) -> list[Stamped]:
        """The frames that are known once this one has come, which `accepts` took."""
        frame, before = Stamped(time, joints), self.last
        self.last, self.number, self.behind = frame, number, Behind()
        if before is None:
            return self._start(frame)
        gap = time - before.time
        missing = round(gap / self.interval) - 1 if gap > GAP * self.interval else 0
        self.intervals.append(gap)
        if missing and gap > self.fill:
            self.counts["gaps"] += 1
            return self._start(frame)
        self.counts["filled"] += missing
        if self.rate is not None:
            return self._between(before, frame)
        moments = [before.time + gap * (i + 1) / (missing + 1) for i in range(missing)]
        return [*(blend(before, frame, moment) for moment in moments), frame]

    @property
    def interval(self) -> float:
        """Seconds between frames, usually; infinite before two have come."""
        return median(self.intervals) if self.intervals else np.inf

    def _start(self, frame: Stamped) -> list[Stamped]:
        self.first, self.given = frame.time, 1
        return [frame]

    def _between(self, before: Stamped, after: Stamped) -> list[Stamped]:
        """Frames of the wanted rate that are due after `before`, up to `after`."""
        assert self.rate is not None
        due, small = [], _TINY / self.rate
        while (moment := self.first + self.given / self.rate) <= after.time + small:
            due.append(blend(before, after, min(moment, after.time)))
            self.given += 1
        return due


def blend(before: Stamped, after: Stamped, time: float) -> Stamped:
    """The frame at a moment between two, on a straight line.

    A joint that is missing in one of them is missing. What lies at one of the two is a copy.
    """
    share = (time - before.time) / (after.time - before.time)
    for frame, at in ((before, 0), (after, 1)):
        if abs(share - at) < _TINY:
            return Stamped(time, frame.joints)
    a, b = before.joints, after.joints
    there = (a != 0).any(axis=0) & (b != 0).any(axis=0)
    return Stamped(time, ((a + np.float32(share) * (b - a)) * there).astype(np.float32))

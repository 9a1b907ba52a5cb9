"""What is said of a person as probabilities come: actions that begin and end, or classes.

The detector's rule is causal: it knows nothing of what follows, while the rules of a recording
(`protocols.proposals`) look at both sides of a frame. So its segments differ from theirs: they are
known later, by about half of the smoothing, and one that turns out short has been said already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from ..settings.values import Settings
from .ways import Moment


class Actions:
    """Actions of one person that begin and end, one at a time.

    Probabilities are averaged over the latest `smoothing` seconds. An action begins where its mean
    reaches `enter` and is the highest of all classes; it ends where its mean falls below `leave`,
    or another action begins. A mean over the past is late by half of its length: the times that
    are said are earlier by that, and `known` is the moment at which they were known.

    Args:
        names: of the classes; column 0 of the probabilities is none of them.
        enter: see above.
        leave: see above.
        smoothing: seconds.
    """

    def __init__(
        self, names: Sequence[str], *, enter: float, leave: float, smoothing: float
    ) -> None:
        self.names, self.enter, self.leave, self.smoothing = names, enter, leave, smoothing
        self.latest: deque[Moment] = deque()
        self.open: int | None = None
        self.first: float | None = None  # of all moments
        self.start, self.last = 0.0, 0.0
        self.scores: list[float] = [0.0, 0.0]  # sum and number of the open action's means

    def __call__(self, moment: Moment) -> list[Settings]:
        """Events of a moment, which is later than the one before."""
        self.latest.append(moment)
        while self.latest[0].time < moment.time - self.smoothing - 1e-9:
            self.latest.popleft()
        latest = np.stack([each.p for each in self.latest])  # (frames, K + 1)
        p = latest[:, 1:].mean(axis=0, dtype=np.float64)
        best, events = int(p.argmax()), []
        self.first = moment.time if self.first is None else self.first
        time = max(self.first, moment.time - self.smoothing / 2)
        begins = p[best] >= self.enter and best != self.open
        if self.open is not None and (begins or p[self.open] < self.leave):
            events += self._close(time, moment.time)
        if begins:
            self.open, self.start, self.scores = best, time, [0.0, 0.0]
            event = _event("start", self.names[best], time, float(p[best]))
            events.append(event | {"known": round(moment.time, 6)})
        if self.open is not None:
            self.scores = [self.scores[0] + float(p[self.open]), self.scores[1] + 1]
        self.last = moment.time
        return events

    def finish(self) -> list[Settings]:
        """Ends what is open, where the person was last seen."""
        return [] if self.open is None else self._close(self.last, self.last)

    def _close(self, time: float, known: float) -> list[Settings]:
        assert self.open is not None
        label, mean = self.names[self.open], self.scores[0] / max(self.scores[1], 1)
        self.open = None
        event = _event("end", label, time, mean)
        return [event | {"start": round(self.start, 6), "known": round(known, 6)}]


class Classes:
    """The class of what one person does, at every moment that comes.

    Args:
        names: of the classes.
        unknown_below: the probability below which the answer is "unknown".
        top: how many classes are named with their probabilities.
    """

    def __init__(self, names: Sequence[str], *, unknown_below: float, top: int) -> None:
        self.names, self.unknown_below, self.top = names, unknown_below, top

    def __call__(self, moment: Moment) -> list[Settings]:
        """The event of a moment."""
        order = np.argsort(-moment.p, kind="stable")
        score = float(moment.p[order[0]])
        event = _event("class", self.names[order[0]], moment.time, score)
        named = {self.names[at]: round(float(moment.p[at]), 4) for at in order[: self.top]}
        return [event | {"unknown": score < self.unknown_below, "probabilities": named}]

    def finish(self) -> list[Settings]:
        """Nothing is open."""
        return []


def _event(kind: str, label: str, time: float, score: float) -> Settings:
    return {"event": kind, "label": label, "t": round(time, 6), "score": round(score, 4)}

"""A session: messages in, events out, with everything that is remembered between them.

It knows neither sockets nor threads: `run.py` feeds it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from ..data.motion.axes import UPS
from ..errors import unknown
from ..inference.over_time import refuse_over_time
from ..inference.space import UNITS, Placing, placing
from ..settings.values import Settings
from ..skeleton import Skeleton
from .bodies import Bodies
from .counts import Counts
from .message import Frame, Request, Rubbish, read
from .options import Live
from .plan import planned
from .tracks import MOST, Answering, Person, Tracks

PRELUDE = 8
"""Moments from which the source's rate and the size of bodies are told; their frames wait."""
USUAL_FPS = 30.0
"""The rate of a source that ended before it showed one."""
Say = Callable[[str], None]


class Waiting(NamedTuple):
    """A frame that can be read, on its way to its person."""

    time: float
    number: int | None
    person: Person
    joints: np.ndarray


class Session:
    """Live answers of a model about the frames of one source.

    Args:
        model: whose encoder and head answer, in evaluation mode.
        how: the options; None: the defaults.
        layout: the joints of messages that come as lists; None: the model's.
        unit: of the coordinates, as "mm"; None: the model's.
        up: the axis that points up in them, as "z"; None: as the model knows it.
        say: told what a person should know, a line each.

    Raises:
        InputError: a detector whose head looks ahead, a layout without the model's joints, or a
            unit or an axis that nobody knows.
    """

    def __init__(
        self,
        model: Answering,
        how: Live | None = None,
        *,
        layout: Skeleton | None = None,
        unit: str | None = None,
        up: str | None = None,
        say: Say = lambda text: None,
    ) -> None:
        refuse_over_time(getattr(model, "head", None), "skelf live")
        self.model, self.how, self.needs, self.say = model, how or Live(), model.needs, say
        self.unit, self.up = unit, up
        if unit is not None and unit not in UNITS:
            raise unknown("unit", unit, UNITS)
        if up is not None and up not in UPS:
            raise unknown("axis", up, UPS)
        self.bodies = Bodies(self.needs, layout, say)
        self.counts = Counts()
        self.ended = False
        self.placing = Placing()
        self.prelude: list[Waiting] = []
        self.tracks: Tracks | None = None
        self.now = -np.inf  # the latest moment of any frame

    def feed(self, raw: bytes, arrival: float) -> list[Settings]:
        """The events that follow from a message.

        Args:
            raw: the message.
            arrival: when it came, in seconds of any clock; counts where it has no time.

        Raises:
            InputError: the first frames are of another unit than the model's.
        """
        try:
            said = read(raw)
            if isinstance(said, Request):
                return self._request(said)
            joints = self.bodies(said.joints)
        except Rubbish as rubbish:
            if not self.counts.rubbish[rubbish.kind]:
                self.say(f"{rubbish}; others like it are only counted")
            self.counts.rubbish[rubbish.kind] += 1
            return []
        frame = Waiting(self._time(said, arrival), said.number, said.person, joints)
        if self.tracks is not None:
            return self._counted(self._frame(frame, self.tracks))
        self.prelude.append(frame)
        few = len(self._moments()) < PRELUDE and len(self.prelude) < PRELUDE * MOST
        return [] if few else self._settle()

    def idle(self, seconds: float) -> list[Settings]:
        """The events that follow from silence for so long: who was there has left."""
        if self.tracks is None or seconds <= self.how.keep:
            return []
        return self._counted(self.tracks.leave(np.inf))

    def finish(self) -> list[Settings]:
        """The last events: the source has ended."""
        events = self._settle() if self.tracks is None and self.prelude else []
        if self.tracks is not None:
            events += self._counted(self.tracks.end(self.tracks.by_person))
        return events

    def _request(self, request: Request) -> list[Settings]:
        if request.what == "stats":
            return [self.counts.as_event()]
        self.ended = True
        return []

    def _time(self, frame: Frame, arrival: float) -> float:
        if frame.time is not None:
            return frame.time
        if frame.number is not None and self.how.fps:
            return frame.number / self.how.fps
        return arrival

    def _moments(self) -> list[float]:
        """The moments of the first frames, in order; one that is sent again has none."""
        by_number: dict[tuple[Person, float], float] = {}
        for time, number, person, _ in self.prelude:
            by_number.setdefault((person, time if number is None else float(number)), time)
        return sorted(set(by_number.values()))

    def _settle(self) -> list[Settings]:
        """Decides what the first frames tell, and lets them through."""
        gaps = [b - a for a, b in pairwise(self._moments())]
        interval = median(gaps) if gaps else None
        fps = 1 / interval if interval else USUAL_FPS
        self._place(np.stack([frame.joints.transpose(2, 1, 0) for frame in self.prelude]), fps)
        model = self.model
        plan = planned(
            model.encoder, self.needs, self.how, fps, windows=model.windows, rules=model.rules
        )
        measured = f"{fps:.3g} frames a second" if gaps else "too few frames to tell the rate"
        self.say(f"the source: {measured}; {plan.said()}")
        self.tracks = Tracks(model, self.how, plan, interval, self.counts)
        waiting, self.prelude = self.prelude, []
        events = []
        for frame in waiting:
            events += self._frame(frame, self.tracks)
        return self._counted(events)

    def _place(self, joints: np.ndarray, fps: float) -> None:
        """Looks at the unit and the upward axis of joints `(F, M, V, C)`."""
        if not joints.any():
            return
        attributes = {"confidence": "true"} if self.needs.confidence else {}
        clips = ClipSet.build(
            joints, [len(joints)], self.needs.skeleton, fps=fps, attributes=attributes
        )
        # Some frames of one person, who may lie there, do not tell which way is up.
        needs = self.needs if self.up else self.needs._replace(up=None)
        self.placing = placing(clips, needs, unit=self.unit, up=self.up, say=self.say)

    def _frame(self, frame: Waiting, tracks: Tracks) -> list[Settings]:
        coordinates, keep = self.needs.coordinates, self.how.keep
        joints = frame.joints
        if not joints[:coordinates].any():
            self.counts.of["empty"] += 1
            self.now = max(self.now, frame.time)
            return tracks.leave(self.now - keep)
        news = tracks.accepts(frame.person, frame.time, frame.number, self.now)
        if news is False:
            return []
        if news is None:
            self.counts.of["restarts"] += 1
            events, self.now = tracks.end(tracks.by_person), frame.time
        else:
            self.now = max(self.now, frame.time)
            events = tracks.leave(self.now - keep)
        self.counts.of["frames"] += 1
        if self.placing.changes:
            moved = self.placing(joints[:coordinates].transpose(1, 2, 0)).transpose(2, 0, 1)
            joints = np.concatenate([moved, joints[coordinates:]])
        return events + tracks.answers(frame.person, frame.time, joints, frame.number)

    def _counted(self, events: list[Settings]) -> list[Settings]:
        self.counts.of["events"] += len(events)
        return events

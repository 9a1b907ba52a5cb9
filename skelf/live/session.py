"""A session: messages in, events out, with everything that is remembered between them.

It knows neither sockets nor threads: `run.py` feeds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..data.normalize_frames import FrameNormalizer
from ..encoders.gru import GRU
from ..inference.needs import Needs
from ..inference.space import Placing, placing
from ..settings.values import Settings
from ..skeleton import Skeleton
from .bodies import Bodies
from .counts import Counts
from .message import Frame, Request, Rubbish, read
from .online import Actions, Classes
from .options import Live
from .plan import Plan, planned
from .timeline import Timeline
from .ways import Sliding, Stepping, Way

PRELUDE = 8
"""Moments from which the source's rate and the size of bodies are told; their frames wait."""
MOST = 32
"""Persons at a time."""
USUAL_FPS = 30.0
"""The rate of a source that ended before it showed one."""
Say = Callable[[str], None]


class Answering(Protocol):
    """What is used of an `inference.model.Model`."""

    @property
    def encoder(self) -> Encoder:
        """In evaluation mode."""

    @property
    def kind(self) -> str:
        """Either classifier or detector."""

    @property
    def class_names(self) -> Sequence[str]:
        """In order."""

    @property
    def needs(self) -> Needs:
        """What clips have to be like."""

    @property
    def unknown_below(self) -> float:
        """The probability below which a class is unknown."""

    @property
    def windows(self) -> Settings | None:
        """How a detector reads a recording."""

    @property
    def rules(self) -> Settings | None:
        """How frames become segments."""

    def probabilities(self, features: Tensor) -> Tensor:
        """Of features `(..., dim)`."""


class Waiting(NamedTuple):
    """A frame that can be read, on its way to its person."""

    time: float
    number: int | None
    person: str | int | None
    joints: np.ndarray


class Track(NamedTuple):
    """What is remembered of a person."""

    timeline: Timeline
    way: Way
    said: Actions | Classes


class Session:
    """Live answers of a model about the frames of one source.

    Args:
        model: whose encoder and head answer.
        how: the options.
        layout: the joints of messages that come as lists; None: the model's.
        unit: of the coordinates, as "mm"; None: the model's.
        up: the axis that points up in them, as "z"; None: as the model knows it.
        say: told what a person should know, a line each.

    Raises:
        InputError: a layout without the model's joints.
    """

    def __init__(
        self,
        model: Answering,
        how: Live = Live(),
        *,
        layout: Skeleton | None = None,
        unit: str | None = None,
        up: str | None = None,
        say: Say = lambda text: None,
    ) -> None:
        self.model, self.how, self.needs, self.say = model, how, model.needs, say
        self.unit, self.up = unit, up
        self.bodies = Bodies(self.needs, layout, say)
        self.counts = Counts()
        self.ended = False
        self.plan: Plan | None = None
        self.placing = Placing()
        self.interval: float | None = None
        self.prelude: list[Waiting] = []
        self.tracks: dict[str | int | None, Track] = {}
        self.now = -np.inf
        self.steps = None

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
            frame = Waiting(self._time(said, arrival), said.number, said.person,
                            self.bodies(said.joints))  # fmt: skip
        except Rubbish as rubbish:
            if not self.counts.rubbish[rubbish.kind]:
                self.say(f"{rubbish}; others like it are only counted")
            self.counts.rubbish[rubbish.kind] += 1
            return []
        if self.plan is None:
            self.prelude.append(frame)
            moments = len({each.time for each in self.prelude})
            if moments < PRELUDE and len(self.prelude) < PRELUDE * MOST:
                return []
            return self._settle()
        return self._counted(self._frame(frame))

    def idle(self, seconds: float) -> list[Settings]:
        """The events that follow from silence: who was there has left."""
        return self._counted(self._leave(np.inf)) if seconds > self.how.keep else []

    def finish(self) -> list[Settings]:
        """The last events: the source has ended."""
        events = self._settle() if self.plan is None and self.prelude else []
        return [*events, *self._counted(self._end(list(self.tracks)))]

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

    def _settle(self) -> list[Settings]:
        """Decides what the first frames tell, and lets them through."""
        times = sorted({frame.time for frame in self.prelude})
        gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
        self.interval = median(gaps) if gaps else None
        fps = 1 / self.interval if self.interval else USUAL_FPS
        joints = np.stack([frame.joints.transpose(2, 1, 0) for frame in self.prelude])
        if joints.any():
            attributes = {"confidence": "true"} if self.needs.confidence else {}
            clips = ClipSet.build(
                joints, [len(joints)], self.needs.skeleton, fps=fps, attributes=attributes
            )
            needs = self.needs if self.up else self.needs._replace(up=None)
            self.placing = placing(clips, needs, unit=self.unit, up=self.up, say=self.say)
        model = self.model
        self.plan = planned(
            model.encoder, self.needs, self.how, fps, windows=model.windows, rules=model.rules
        )
        measured = f"{fps:.3g} frames a second" if gaps else "too few frames to tell the rate"
        self.say(f"the source: {measured}; {self.plan.said()}")
        waiting, self.prelude = self.prelude, []
        return self._counted([event for frame in waiting for event in self._frame(frame)])

    def _frame(self, frame: Waiting) -> list[Settings]:
        person, coordinates = frame.person, self.needs.coordinates
        if not frame.joints[:coordinates].any():
            self.counts.of["empty"] += 1
            self.now = max(self.now, frame.time)
            return self._leave(self.now - self.how.keep)
        track = self.tracks.get(person)
        if track is not None and not track.timeline.accepts(frame.time, frame.number):
            if not track.timeline.restarted:
                return []
            self.counts.of["restarts"] += 1
            events, self.now = self._end(list(self.tracks)), frame.time
        else:
            self.now = max(self.now, frame.time)
            events = self._leave(self.now - self.how.keep)
        self.counts.of["frames"] += 1
        if person not in self.tracks:
            events += self._make_room()
            self.tracks[person] = self._track()
        track = self.tracks[person]
        joints = frame.joints
        if self.placing.changes:
            moved = self.placing(joints[:coordinates].transpose(1, 2, 0))
            joints = np.concatenate([moved.transpose(2, 0, 1), joints[coordinates:]])
        for stamped in track.timeline(frame.time, joints, frame.number):
            for moment in track.way(stamped):
                events += _of(person, track.said(moment))
        return events

    def _track(self) -> Track:
        """A person of whom nothing is known."""
        plan, model, how = self.plan, self.model, self.how
        assert plan is not None
        encoder = model.encoder
        normalize = self.needs.normalize
        way: Way
        if plan.steps:
            if self.steps is None:
                assert isinstance(encoder, GRU)  # as `plan.can_step` says
                self.steps = encoder.steps()
            normalizer = FrameNormalizer(
                normalize, encoder.skeleton, encoder.coordinates, encoder.num_frames
            )
            every = plan.stride if plan.asks == "clip" else 1
            way = Stepping(self.steps, normalizer, model.probabilities, every)
        else:
            way = Sliding(encoder, normalize, model.probabilities, plan)
        said: Actions | Classes = Classes(
            model.class_names, unknown_below=model.unknown_below, top=how.top
        )
        if model.kind == "detector":
            said = Actions(
                model.class_names, enter=how.enter, leave=how.leave, smoothing=plan.smoothing
            )
        return Track(Timeline(plan.rate, self.interval, how.fill, self.counts.of), way, said)

    def _make_room(self) -> list[Settings]:
        if len(self.tracks) < MOST:
            return []
        self.counts.of["crowded"] += 1
        return self._end([min(self.tracks, key=self._last)])

    def _last(self, person: str | int | None) -> float:
        last = self.tracks[person].timeline.last
        return -np.inf if last is None else last.time

    def _leave(self, before: float) -> list[Settings]:
        """Ends persons who were last seen before a moment."""
        gone = [person for person in self.tracks if self._last(person) < before]
        self.counts.of["left"] += len(gone)
        return self._end(gone)

    def _end(self, persons: Sequence[str | int | None]) -> list[Settings]:
        events: list[Settings] = []
        for person in persons:
            track = self.tracks.pop(person)
            for moment in track.way.finish():
                events += _of(person, track.said(moment))
            events += _of(person, track.said.finish())
        return events

    def _counted(self, events: list[Settings]) -> list[Settings]:
        self.counts.of["events"] += len(events)
        return events


def _of(person: str | int | None, events: list[Settings]) -> list[Settings]:
    return [event | {"person": person} for event in events]

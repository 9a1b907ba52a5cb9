"""The persons of a session: what is remembered of each, and when one is given up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor

from ..contracts import Encoder
from ..data.normalize_frames import FrameNormalizer
from ..encoders._steps import Steps
from ..encoders.gru import GRU
from ..inference.needs import Needs
from ..settings.values import Settings
from .counts import Counts
from .online import Actions, Classes
from .options import Live
from .plan import Plan
from .timeline import Behind, Stamped, Timeline
from .ways import Sliding, Stepping, Way

MOST = 32
"""Persons at a time."""
Person = str | int | None


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


class Track(NamedTuple):
    """What is remembered of a person."""

    timeline: Timeline
    way: Way
    said: Actions | Classes

    @property
    def last(self) -> float:
        """When the person was last seen."""
        last = self.timeline.last
        return -np.inf if last is None else last.time


class Tracks:
    """The persons who are there.

    Args:
        model: answers.
        how: the options.
        plan: how frames are read.
        interval: seconds between the source's frames; None: not known.
        counts: where persons who leave are counted, and what their timelines count.
    """

    def __init__(
        self, model: Answering, how: Live, plan: Plan, interval: float | None, counts: Counts
    ) -> None:
        self.model, self.how, self.plan, self.interval = model, how, plan, interval
        self.counts = counts.of
        self.by_person: dict[Person, Track] = {}
        self.behind = Behind()  # frames of persons who are not there
        self.steps: Steps | None = None
        if plan.steps:
            assert isinstance(model.encoder, GRU)  # see `plan.can_step`
            self.steps = model.encoder.steps()

    def accepts(self, person: Person, time: float, number: int | None, now: float) -> bool | None:
        """Whether a frame of somebody is news; None: the source's clock has begun anew.

        Args:
            person: who.
            time: of the frame.
            number: of the frame.
            now: the latest moment of anybody's frame; whoever comes so long before it that they
                would have left is late.
        """
        track = self.by_person.get(person)
        if track is not None:
            news, behind = track.timeline.accepts(time, number), track.timeline.behind
        else:
            news, behind = time >= now - self.how.keep, self.behind
            if not news:
                self.counts["late"] += 1
                behind(time)
        if news or behind.restarted:
            self.behind = Behind()
        return True if news else None if behind.restarted else False

    def answers(
        self, person: Person, time: float, joints: np.ndarray, number: int | None
    ) -> list[Settings]:
        """The events of a frame that is news, `(C, V, M)` as the model takes it."""
        events = []
        if person not in self.by_person:
            if len(self.by_person) >= MOST:
                self.counts["crowded"] += 1
                events += self.end([min(self.by_person, key=lambda who: self.by_person[who].last)])
            self.by_person[person] = self._new()
        track = self.by_person[person]
        for stamped in track.timeline(time, joints, number):
            events += _said(person, track, stamped)
        return events

    def leave(self, before: float) -> list[Settings]:
        """Ends persons who were last seen before a moment."""
        gone = [person for person, track in self.by_person.items() if track.last < before]
        self.counts["left"] += len(gone)
        return self.end(gone)

    def end(self, persons: Iterable[Person]) -> list[Settings]:
        """Their last events; nothing is remembered of them."""
        events: list[Settings] = []
        for person in list(persons):
            events += _said(person, self.by_person.pop(person), None)
        return events

    def _new(self) -> Track:
        """A person of whom nothing is known."""
        plan, model, how = self.plan, self.model, self.how
        encoder, normalize = model.encoder, model.needs.normalize
        way: Way
        if self.steps is None:
            way = Sliding(encoder, normalize, model.probabilities, plan)
        else:
            skeleton, coordinates = encoder.skeleton, encoder.coordinates
            normalizer = FrameNormalizer(normalize, skeleton, coordinates, encoder.num_frames)
            every = plan.stride if plan.asks == "clip" else 1
            way = Stepping(self.steps, normalizer, model.probabilities, every)
        said: Actions | Classes
        if model.kind == "detector":
            said = Actions(
                model.class_names, enter=how.enter, leave=how.leave, smoothing=plan.smoothing
            )
        else:
            said = Classes(model.class_names, unknown_below=model.unknown_below, top=how.top)
        return Track(Timeline(plan.rate, self.interval, how.fill, self.counts), way, said)


def _said(person: Person, track: Track, frame: Stamped | None) -> list[Settings]:
    """Events of a person's next frame; None: of there being no more."""
    moments = track.way.finish() if frame is None else track.way(frame)
    events = [event for moment in moments for event in track.said(moment)]
    events += track.said.finish() if frame is None else []
    return [event | {"person": person} for event in events]

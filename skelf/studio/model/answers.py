"""What the model tells the page: plain values, in frames of the recordings as they lie on disk."""

from __future__ import annotations

from typing import NamedTuple

BACKGROUND = "background"
"""The class of stretches in which nothing happens that is wanted: a label like any other, which is
never suggested and becomes no class of a saved model."""


class Suggestion(NamedTuple):
    """Something that the model would label.

    Args:
        recording: its name.
        start: first frame.
        end: the frame after the last.
        label: the class's name.
        probability: mean over its frames, in [0, 1].
    """

    recording: str
    start: int
    end: int
    label: str
    probability: float


class Stretch(NamedTuple):
    """A place that is worth a label.

    Args:
        recording: its name.
        start: first frame.
        end: the frame after the last.
        reason: why, in a few words for the person: "new", "unsure between walk and run".
    """

    recording: str
    start: int
    end: int
    reason: str


class Hit(NamedTuple):
    """A stretch that is like another.

    Args:
        recording: its name.
        start: first frame.
        end: the frame after the last.
        score: cosine of the two, at most 1.
    """

    recording: str
    start: int
    end: int
    score: float


class Expected(NamedTuple):
    """How right the model is in recordings that it did not learn from.

    Args:
        accuracy: share of labelled frames that are right, in [0, 1]; None: too few labels.
        low: lower end of the 95 % interval; None likewise.
        high: upper end.
        recordings: that had labels and were held out.
        text: the same in words, to be shown as it stands.
    """

    accuracy: float | None
    low: float | None
    high: float | None
    recordings: int
    text: str


class Point(NamedTuple):
    """A stretch in the plane.

    Args:
        recording: its name.
        start: first frame.
        end: the frame after the last.
        x: from left to right, in [0, 1].
        y: likewise.
        label: what a person labelled most of it; empty: nothing.
        cluster: from 0; -1: like no others.
    """

    recording: str
    start: int
    end: int
    x: float
    y: float
    label: str
    cluster: int

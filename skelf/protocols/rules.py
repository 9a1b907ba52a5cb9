"""How frame probabilities become detections: rules in seconds, and as frames of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np

from ..errors import InputError
from ..settings.options import flat, option, options
from ..settings.ranges import Amount, PositiveShare, Share
from ..settings.settable import filled
from ..settings.values import Value

Proposing = Literal["background", "class", "growing", "growing-official"]
Smoothing = Literal["centred", "official"]
Unit = Literal["seconds", "frames"]

RELEASED_FPS = 30.0
"""Frames a second of the recordings that the released programs count frames of."""
RELEASED_SMOOTHING = 10
RELEASED_WINDOW, RELEASED_BACK = 15, 2
SHORT = 0.1
"""The share of the training actions that are shorter than a short one."""


class Counts(NamedTuple):
    """The rules' times as frames of one recording.

    Args:
        radius: on either side of a frame, for smoothing.
        shortest: least length of a detection.
        window: of one look of `growing`.
        back: of such a look, before the end.
    """

    radius: int
    shortest: int
    window: int
    back: int


@options("eval")
class Rules:
    """How frame probabilities become detections, and what these are judged by.

    "growing": intervals of the likeliest class that grow over short breaks (our reading of HiCLR's
    and PCM3's first release). "growing-official": that release in full, which counts frames
    whatever the unit. "background": wherever it is not background one interval, of the likeliest
    class (HiCLR and PCM3, later); actions without a long pause between them become one. "class":
    for each class wherever it is above a low threshold (USDRL); only this rule makes any that
    overlap, of which `nms` drops some. The functions stand in `proposals`.

    Times are seconds of each recording. The released programs count frames: `unit` "frames" does so
    whatever the rate. In seconds two defaults follow the training set: a short action is the one
    that a tenth of the training segments are shorter than. Smoothing reaches half of it to either
    side, so that no mean is over more than a short action, but at most 1/3 s, the 10 released
    frames. A detection shorter than the smallest of `tious` times a short action overlaps nine of
    ten actions by too little to be right, and is dropped.
    """

    unit: Unit = option(
        "seconds", "what times count: seconds of each recording, or frames whatever their rate"
    )
    smoothing: Amount | None = option(
        None,
        "time on either side averaged over; none: by the training actions, up to 1/3 s; 10 frames",
    )
    smoothing_form: Smoothing = option(
        "centred", "official: the released mean over padded recordings"
    )
    proposals: Proposing = option(
        "growing", "the rule: growing, growing-official, background or class"
    )
    threshold: Share | None = option(
        None, "of the rule; none: 0.4 for background, 0.02 for class, growing's hit rate 0.1"
    )
    shortest: Amount | None = option(
        None, "detections shorter than this go; none: by the training actions; 0 frames"
    )
    nms: float = option(
        0.0, "of two detections that overlap by more the weaker goes; 0: none does", ge=0, le=1
    )
    tious: tuple[PositiveShare, ...] = option(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        "overlaps in time that count as found; 0.5 is always among them",
    )
    pku_official: bool = option(
        False, "also PKU-MMD's released mean, where classes and recordings without truth count 0"
    )

    def check(self) -> None:
        """Refuses frames that are meant for seconds, and parts of frames."""
        times = {"smoothing": (self.smoothing, 3.0), "shortest": (self.shortest, 15.0)}
        refuse_strange(self.unit, times)

    def settled(self, short_action: float) -> Rules:
        """The same with the times that nobody set.

        Args:
            short_action: seconds of a short training action, as `short_action` gives them.
        """
        smoothing, shortest = float(RELEASED_SMOOTHING), 0.0
        if self.unit == "seconds":
            smoothing = min(RELEASED_SMOOTHING / RELEASED_FPS, short_action / 2)
            shortest = min((0.5, *self.tious)) * short_action
        return replace(
            self,
            smoothing=smoothing if self.smoothing is None else self.smoothing,
            shortest=shortest if self.shortest is None else self.shortest,
        )

    def counts(self, fps: float, short_action: float) -> Counts:
        """The times as frames of a recording.

        Args:
            fps: its frames a second; without a use where frames are counted.
            short_action: as of `settled`.
        """
        settled = self.settled(short_action)
        released = RELEASED_FPS if self.unit == "seconds" else 1.0
        window, back, radius, shortest = (
            int(in_frames(time, self.unit, np.array([fps]))[0])
            for time in (
                RELEASED_WINDOW / released,
                RELEASED_BACK / released,
                settled.smoothing or 0.0,
                settled.shortest or 0.0,
            )
        )
        if self.smoothing_form == "official" and settled.smoothing:
            radius = max(1, radius)
        window = max(1, window)
        return Counts(radius, shortest, window, min(back, window - 1))

    def changed(self, given: Mapping[str, Value], *, source: Mapping[str, str]) -> Rules:
        """These rules with some of them set anew.

        A threshold goes with its rule and a time with its unit: where that changes, they are the
        new one's defaults unless they are given too.

        Raises:
            InputError: an unknown key or a wrong value.
        """
        values = flat(self)
        if given.get("proposals", self.proposals) != self.proposals:
            values.pop("threshold")
        if given.get("unit", self.unit) != self.unit:
            values.pop("smoothing")
            values.pop("shortest")
        return filled(Rules, values | dict(given), section="eval", source=source)

    def describe(self, short_action: float) -> str:
        """One line for a result's definition.

        Args:
            short_action: as of `settled`.
        """
        settled = self.settled(short_action)
        of = "s" if self.unit == "seconds" else "frames"
        smoothed = f"smoothed over {settled.smoothing:.3g} {of} on either side"
        smoothed += " (as released)" if self.smoothing_form == "official" else ""
        rule = {
            "background": "runs of frames that are not background",
            "class": "for each class the runs of frames where it is likely",
            "growing": "intervals grown from the likeliest class",
            "growing-official": "intervals grown from the likeliest class as released",
        }[self.proposals]
        threshold = "its default threshold" if self.threshold is None else f"{self.threshold:g}"
        short = f"; those shorter than {settled.shortest:.3g} {of} dropped"
        dropped = f"; weaker ones of any class overlapping by more than {self.nms:g} dropped"
        return (
            f"frame probabilities {smoothed if settled.smoothing else 'as they are'}; {rule} "
            f"({self.proposals}, {threshold}){short if settled.shortest else ''}"
            f"{dropped if self.nms else ''}"
        )


def short_action(segments: np.ndarray, fps: np.ndarray) -> float:
    """Seconds of a short action: a tenth of the segments are shorter.

    Args:
        segments: `(G, 4)` recording, start, end (exclusive), class; at least one row.
        fps: `(N,)` frames a second of each recording.
    """
    seconds = (segments[:, 2] - segments[:, 1]) / np.asarray(fps, np.float64)[segments[:, 0]]
    return float(np.quantile(seconds, SHORT))


def in_frames(time: float, unit: Unit, fps: np.ndarray) -> np.ndarray:
    """A time in `unit` as int64 frames of recordings with these rates, the nearest number."""
    frames = time * np.asarray(fps, np.float64) if unit == "seconds" else np.full(len(fps), time)
    return np.rint(frames).astype(np.int64)


def refuse_rates(fps: np.ndarray, unit: Unit, where: str) -> None:
    """Refuses recordings without a rate where times are seconds.

    Raises:
        InputError: a rate that is not above 0.
    """
    wrong = np.flatnonzero(~(np.isfinite(fps) & (np.asarray(fps) > 0)))
    if unit == "seconds" and len(wrong):
        raise InputError(
            f"{where}: fps of recording {wrong[0]}: {fps[wrong[0]]:g}; seconds need a rate above "
            "0: import with the rate, or count frames with eval.unit=frames"
        )


def refuse_strange(unit: Unit, times: Mapping[str, tuple[float | None, float]]) -> None:
    """Refuses parts of frames, and seconds that can only be frames.

    Args:
        unit: what they count.
        times: key -> the time and the most seconds that make sense.

    Raises:
        ValueError: as options raise it.
    """
    for key, (time, most) in times.items():
        if time is None:
            continue
        if unit == "frames" and time % 1:  # of an infinite one it is NaN
            raise ValueError(f"{key}: {time:g} frames; eval.unit=frames takes whole numbers")
        if unit == "seconds" and time > most:
            raise ValueError(
                f"{key}: {time:g} seconds; it is at most {most:g}. If frames are meant, say "
                "eval.unit=frames, which counts all times so"
            )

"""How `skelf live` reads frames and answers; `docs/live.md` says what each behaviour is."""

from __future__ import annotations

from typing import Literal

from ..settings.options import option, options
from ..settings.ranges import Amount, Count, Positive, Share

Way = Literal["auto", "step", "slide"]
Full = Literal["auto", "drop", "wait"]


@options("live")
class Live:
    """What is done with frames that come as they like, and when an answer is given.

    Times are seconds of the frames' own time stamps.
    """

    way: Way = option(
        "auto", "step: frame by frame; slide: window by window; auto: step where the model can"
    )
    rate: Positive | None = option(
        None, "frames a second that the model is given; none: the source's, or what it learnt from"
    )
    fps: Positive | None = option(
        None, "frames a second of messages that carry a number and no time"
    )
    window: Positive | None = option(
        None, "time that a sliding window covers; none: the model's own, else its number of frames"
    )
    stride: Positive = option(0.25, "time between windows, and between a classifier's answers")
    fill: Amount = option(0.5, "longest gap that is filled, by a straight line")
    keep: Amount = option(2.0, "time that somebody may be away; then all begins anew")
    smoothing: Amount | None = option(
        None, "a detector's: time before a frame that is averaged; none: as long as its rule's mean"
    )
    enter: Share = option(0.4, "a detector's: the probability from which an action has begun")
    leave: Share = option(0.2, "a detector's: the one below which it is over")
    top: Count = option(3, "classes whose probabilities a classifier's answer names")
    queue: Count = option(64, "frames that may wait; of more the oldest go")
    full: Full = option(
        "auto", "too many wait: drop the oldest, let the source wait; auto: wait only for a file"
    )

    def check(self) -> None:
        """Refuses what does not go together."""
        if self.leave > self.enter:
            raise ValueError(
                f"leave: {self.leave:g} is above live.enter={self.enter:g}; an action would end as "
                "it begins. Set it to the same or lower"
            )

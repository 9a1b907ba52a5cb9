"""Where detection's windows lie: options in seconds, and as frames of recordings."""

from __future__ import annotations

import numpy as np

from ..settings.options import option, options
from ..settings.ranges import Count, Positive
from .dense import NormalizeOn
from .rules import RELEASED_FPS, Unit, in_frames
from .windows import Laid, Way

RELEASED_WINDOW = 64
"""Frames of the released windows, every fourth of which is read."""


@options("eval")
class Laying:
    """Where windows lie, and which of their frames are read.

    "overlap": the probabilities of windows that overlap are averaged frame by frame. "disjoint":
    side by side (USDRL as released). "centred": every frame has a window of its own around it, and
    the clip's vector, which of PCM3's causal GRU is the last step, is classified (HiCLR and PCM3 as
    released, with `step` 4). A window is resized to the encoder's frames, and what the encoder says
    of them back to the recording's; a shorter recording is one window.

    Times are seconds of each recording, or with `eval.unit=frames` frames; a window of seconds
    covers as much motion whatever the rate. `stride` of "centred" windows is that between the
    frames that a frozen head learns from; every test frame has its window. A GRU takes what `step`
    leaves as it is, as released; for other encoders it is resized to their frames. `jitter` is for
    `tune` and "centred": each batch reads every d-th frame, d drawn from `step - jitter` to
    `step + jitter`, of windows as much longer or shorter (released: 1 frame, drawn for each clip).
    `draws` is for `tune` (released: 16).

    `normalize_on` "window": a window is normalised by itself, like the clip that the encoder was
    pretrained on, so that somebody who walked away is centred anew; "recording": the recording as a
    whole, before it is cut. Steps that treat each frame alone, such as root and facing-frames, give
    the same by both.
    """

    windows: Way = option(
        "overlap", "overlap: averaged; disjoint: side by side; centred: around frames"
    )
    window: Positive | None = option(
        None, "time that one window covers; none: 2.13 s, 64 frames at 30 a second; 64 frames"
    )
    stride: Positive | None = option(
        None, "time between windows; none: half a window, of centred ones step"
    )
    step: Positive | None = option(
        None, "of a centred window a frame is read every so often; none: every frame"
    )
    jitter: float = option(0.0, "most by which step is drawn smaller or larger in tuning", ge=0)
    draws: Count | None = option(
        None, "windows an epoch that tuning takes from a recording; none: as many as cover it"
    )
    normalize_on: NormalizeOn = option(
        "window", "what is normalised by itself: window or recording"
    )

    def laid(self, fps: np.ndarray, unit: Unit) -> Laid:
        """Where windows lie, in frames of recordings.

        Args:
            fps: `(N,)` frames a second of each.
            unit: what times count.
        """

        def frames(time: float) -> np.ndarray:
            return np.maximum(1, in_frames(time, unit, fps))

        window = frames(self.covered(unit))
        # A rate may be so low that a step holds a single frame.
        step = np.ones_like(window) if self.step is None else np.minimum(frames(self.step), window)
        jitter = np.minimum(in_frames(self.jitter, unit, fps), step - 1)
        if self.stride is not None:
            between = frames(self.stride)
        else:
            between = step if self.windows == "centred" else np.maximum(1, window // 2)
        return Laid(self.windows, window, between, step, jitter)

    def covered(self, unit: Unit) -> float:
        """The time that one window covers."""
        if self.window is not None:
            return self.window
        return RELEASED_WINDOW if unit == "frames" else RELEASED_WINDOW / RELEASED_FPS

    def describe(self, unit: Unit) -> str:
        """What a result's definition says of it."""
        of = "s" if unit == "seconds" else "frames"
        between = self.covered(unit) / 2 if self.stride is None else self.stride
        read = "" if self.step is None else f", a frame read every {self.step:.3g} {of}"
        where = {
            "overlap": f"every {between:.3g} {of}, probabilities averaged where they overlap",
            "disjoint": "side by side",
            "centred": f"around each frame{read}, the clip vector taken",
        }[self.windows]
        drawn = f", jitter {self.jitter:.3g} {of}" if self.jitter else ""
        return (
            f"windows of {self.covered(unit):.3g} {of} {where}{drawn}, normalised by "
            f"{self.normalize_on}"
        )

    def check(self) -> None:
        """Refuses what does not go together."""
        if self.windows != "centred" and (self.step is not None or self.jitter):
            raise ValueError(
                "step, eval.jitter: they belong to eval.windows=centred; every frame of other "
                "windows is read"
            )
        if self.jitter and self.step is None:
            raise ValueError("jitter: it moves eval.step; set that too")
        if self.step is not None and (
            self.step <= self.jitter
            or (self.window is not None and self.step + self.jitter > self.window)
        ):
            window = "as by default" if self.window is None else f"of {self.window:g}"
            raise ValueError(
                f"step: {self.step:g} with eval.jitter={self.jitter:g} and windows {window}: a "
                "step is no longer than a window, and longer than the jitter"
            )
        if self.stride is not None and self.windows == "disjoint":
            raise ValueError(
                "stride: disjoint windows lie side by side; set eval.window, or take "
                "eval.windows=overlap"
            )

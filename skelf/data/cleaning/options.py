"""What `skelf data clean` can do, and what it refuses for a set."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ...errors import InputError
from ...settings.options import option, options
from ..check import called
from ..clips import ClipSet

Filling = Literal["pchip", "linear"]
"""pchip: a curve through the neighbours in time that never overshoots them. linear: a line."""


@options("clean")
class Clean:
    """What is done, in the order of the fields; every step is off until it is set."""

    outliers: bool = option(False, "joints that jump, or whose bones change, become gaps")
    speed: float = option(
        10.0,
        "outliers: body sizes a second (the size: the diagonal of the box around a body) that a "
        "joint may move beyond the rest of the body",
        gt=0,
    )
    bone: float = option(
        0.5, "outliers: share of its median by which a bone may change; of 3D sets only", gt=0
    )
    gaps: float = option(0.0, "seconds of the longest gap that is filled; 0 fills none", ge=0)
    fill: Filling = option(
        "pchip", "how gaps are filled: pchip, a curve that does not overshoot; linear"
    )
    median: float = option(
        0.0, "seconds of a median filter's window, 3 frames or more; 0: none", ge=0
    )
    savgol: float = option(
        0.0, "seconds of a Savitzky-Golay filter's window, 5 frames or more; 0: none", ge=0
    )
    degree: int = option(3, "savgol: of the polynomial, below the window's frames", ge=0, le=9)
    lowpass: float = option(
        0.0, "Hz of a low-pass filter without lag (Butterworth, there and back); 0: none", ge=0
    )
    order: int = option(
        2, "lowpass: of one of the two passes; together they have twice this order", ge=1, le=10
    )

    def check(self) -> None:
        """Refuses settings that change nothing.

        Raises:
            ValueError: naming the steps.
        """
        if not (self.outliers or self.gaps or self.median or self.savgol or self.lowpass):
            raise ValueError(
                "outliers, gaps, median, savgol, lowpass: nothing to do; set one, as lowpass=6"
            )


def window(seconds: float, fps: float) -> int:
    """Frames of a window: the odd number that is nearest.

    Examples:
        >>> window(0.1, 30), window(0.2, 30), window(0.2, 60)
        (3, 7, 13)
    """
    return 2 * int(np.floor(seconds * fps / 2)) + 1


def refuse(clips: ClipSet, how: Clean) -> None:
    """Refuses what cannot be done at the rate of every clip, before any is read.

    Raises:
        InputError: a cut-off at or above half of a rate, a window of too few frames.
    """
    slow = int(np.argmin(clips.fps))
    fps = float(clips.fps[slow])
    where = f"clip {called(clips, slow)} has {fps:g} frames a second"
    if how.lowpass >= fps / 2:
        raise InputError(
            f"{clips}: clean.lowpass: {how.lowpass:g} Hz is not below half of the rate, {where}; "
            f"give less than {fps / 2:g}"
        )
    for key, seconds, least in (
        ("median", how.median, 3),
        ("savgol", how.savgol, max(5, how.degree + 1 + how.degree % 2)),
    ):
        frames = window(seconds, fps)
        if seconds and frames < least:
            enough = np.ceil(1e4 * (least - 1) / fps) / 1e4
            raise InputError(
                f"{clips}: clean.{key}: a window of {seconds:g} s is {frames} of at least {least} "
                f"frames, {where}; give {enough:g} or more"
            )

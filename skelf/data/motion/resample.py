"""Frame rates: the same motion at other moments."""

from __future__ import annotations

import numpy as np

from ...errors import InputError

RATES = (0.1, 10_000.0)
"""Lowest and highest frame rate that is believed; beyond it a file would ask for any memory."""
LARGEST = 1e9
"""Largest number that a file of motion may hold: sums of them stay far from infinity."""
_TINY = 1e-6  # of a frame: what two ways to write one rate differ by


def resample(frames: np.ndarray, fps: float, to: float) -> np.ndarray:
    """Linear interpolation at the moments `0, 1/to, 2/to, ...` from the first frame on.

    The first frame stays and nothing is extrapolated, so the duration shrinks by less than one new
    frame. Where a new moment is an old one the frame is copied, so 120 to 30 frames a second takes
    every fourth. There is no low-pass filter: to go below about 15 frames a second filter first.

    Args:
        frames: `(T, ...)` floats, at least one frame; NaN marks what was not seen. A new value is
            NaN where one of the two frames that it lies between is.
        fps: frames a second now.
        to: frames a second wanted.

    Returns:
        `(1 + floor((T - 1) * to / fps), ...)`; `frames` itself when the rates are equal.

    Raises:
        InputError: no frames, or a rate outside `RATES`.
    """
    for rate in (fps, to):
        if not RATES[0] <= rate <= RATES[1]:
            raise InputError(
                f"fps: {rate:g} frames a second; rates are {RATES[0]:g} to {RATES[1]:g}"
            )
    if not len(frames):
        raise InputError("fps: there are no frames to resample")
    if abs(fps - to) <= _TINY * fps:
        return frames
    last = len(frames) - 1
    moments = np.arange(np.floor(last * to / fps + _TINY) + 1) * fps / to
    nearest = np.rint(moments)
    moments = np.where(np.abs(moments - nearest) < _TINY, nearest, moments).clip(max=last)
    low = moments.astype(np.int64)
    weight = (moments - low).reshape(-1, *[1] * (frames.ndim - 1)).astype(frames.dtype)
    before = frames[low]
    # The frame after an exact hit may be NaN, and zero times NaN is NaN.
    after = frames[low + (moments > low)]
    return before + weight * (after - before)

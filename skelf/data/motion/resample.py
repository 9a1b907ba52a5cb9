"""Frame rates: the same motion at other moments."""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from .lowpass import lowpass

RATES = (0.1, 10_000.0)
"""Lowest and highest frame rate that is believed; beyond it a file would ask for any memory."""
LARGEST = 1e9
"""Largest number that a file of motion may hold: sums of them stay far from infinity."""
_TINY = 1e-6  # of a frame: what two ways to write one rate differ by
CUTOFF = 0.4
"""Of the new rate: where the filter halves the power. What would fold back lies above 0.5."""
ORDER = 4
"""Of the filter in one of its two passes: an octave above the cut-off 0.4 % of a swing is left."""
NEAR = 0.99
"""Share of the rate from which a lower one needs no filter, as 29.97 for 30."""


def resample(frames: np.ndarray, fps: float, to: float, *, filtered: bool = True) -> np.ndarray:
    """Linear interpolation at the moments `0, 1/to, 2/to, ...` from the first frame on.

    The first frame stays and nothing is extrapolated, so the duration shrinks by less than one new
    frame. Before it goes to a lower rate a low-pass filter without lag takes out what is too fast
    for that rate, which would come back as a slow movement that was never there (aliasing). The
    filter leaves steady motion exact and does not reach over gaps. Without it a frame is copied
    where a new moment is an old one, so 120 to 30 frames a second takes every fourth.

    Args:
        frames: `(T, ...)` floats, at least one frame; NaN marks what was not seen. A new value is
            NaN where one of the two frames that it lies between is.
        fps: frames a second now.
        to: frames a second wanted.
        filtered: whether the filter runs; it never does towards a higher rate.

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
    if filtered and to < NEAR * fps:
        columns = frames.reshape(len(frames), -1, 1)
        columns = lowpass(columns, ~np.isnan(columns[..., 0]), fps, CUTOFF * to, ORDER)
        frames = columns.reshape(frames.shape)
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

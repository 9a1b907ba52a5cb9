"""A low-pass filter that moves nothing in time: Butterworth, there and back.

Source: D. A. Winter, Biomechanics and Motor Control of Human Movement, on the correction of the
cut-off for two passes.
"""

from __future__ import annotations

import numpy as np

from ...errors import InputError
from .runs import smoothed

PERIODS = 1.5
"""Periods of the cut-off, times the order, that a stretch is extended by on both sides before it is
filtered: what the filter still knows of its start has faded by a factor of a million then."""
LONGEST = 10_000  # frames of that


def lowpass(
    frames: np.ndarray, seen: np.ndarray, fps: float, cutoff: float, order: int = 2
) -> np.ndarray:
    """Takes out what moves faster than the cut-off, with no lag.

    The filter runs forwards and then backwards, so its order doubles. Two passes would lower the
    cut-off, so that of one pass is raised: at `cutoff` the whole has half of the power (-3 dB).
    Each stretch without a gap is filtered alone. The line from its first to its last frame is
    taken out before and put back, so steady motion stays exact, and so do both ends.

    Args:
        frames: `(T, K, C)` floats of `K` joints.
        seen: `(T, K)` bool; the rest keeps its bits. So do stretches of one or two frames.
        fps: frames a second.
        cutoff: Hz, below half of `fps`.
        order: of one pass.

    Returns:
        `(T, K, C)`, of the same type.

    Raises:
        InputError: a cut-off that is not above 0 and below half of the rate.

    Examples:
        >>> t = np.arange(300) / 60
        >>> slow, fast = np.sin(2 * np.pi * t), np.sin(2 * np.pi * 20 * t)
        >>> clean = lowpass((slow + fast)[:, None, None], np.ones((300, 1), bool), 60, 5)[:, 0, 0]
        >>> bool(np.abs(clean - slow)[30:-30].max() < 0.01)
        True
    """
    from scipy.signal import butter, sosfiltfilt  # not above: readers need only its module

    if not 0 < cutoff < fps / 2:
        raise InputError(
            f"lowpass: {cutoff:g} Hz at {fps:g} frames a second; a cut-off lies above 0 and below "
            f"half of the rate ({fps / 2:g} Hz)"
        )
    # Half of the power after two passes; the tangent is the bilinear transform's own scale.
    raised = np.tan(np.pi * cutoff / fps) / (2**0.5 - 1) ** (0.5 / order)
    share = 2 / np.pi * np.arctan(raised)  # of half of the rate
    sections = butter(order, share, output="sos")
    margin = min(LONGEST, int(np.ceil(2 * PERIODS * order / min(share, 1 - share))))
    around = ((0, 0), (0, 0), (margin, margin))

    def smooth(stretch: np.ndarray) -> np.ndarray:
        way = np.linspace(0, 1, len(stretch))[:, None, None]
        line = stretch[:1] * (1 - way) + stretch[-1:] * way
        away = np.moveaxis(stretch - line, 0, -1)
        away = np.pad(away, around, "reflect", reflect_type="odd")  # again and again where short
        away = sosfiltfilt(sections, away, axis=-1, padtype=None)
        return line + np.moveaxis(away[..., margin:-margin], -1, 0)

    return smoothed(frames, seen, smooth)

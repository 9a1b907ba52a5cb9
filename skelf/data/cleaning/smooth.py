"""Filters over time that need a window: the median, and a polynomial through it."""

from __future__ import annotations

import numpy as np

from ..motion.runs import smoothed


def median_filter(values: np.ndarray, seen: np.ndarray, frames: int) -> np.ndarray:
    """Each coordinate as the median of a window around it; single wild frames go, steps stay.

    Beyond the ends of a stretch without a gap its first and last frame stand.

    Args:
        values: `(T, K, C)` floats of `K` joints.
        seen: `(T, K)` bool; the rest keeps its bits.
        frames: the window, odd.
    """
    from scipy.ndimage import median_filter as median  # not above: it takes a second

    return smoothed(values, seen, lambda x: median(x, size=(frames, 1, 1), mode="nearest"))


def savgol(values: np.ndarray, seen: np.ndarray, frames: int, degree: int) -> np.ndarray:
    """Each coordinate as what a polynomial through the window around it says (Savitzky-Golay).

    At the ends of a stretch without a gap the polynomial of the outermost window goes on. A
    stretch that is shorter than the window is one window.

    Args:
        values: `(T, K, C)` floats of `K` joints.
        seen: `(T, K)` bool; the rest keeps its bits.
        frames: the window, odd.
        degree: of the polynomial, below `frames`.

    Source: A. Savitzky and M. J. E. Golay, Analytical Chemistry 36 (1964).
    """
    from scipy.signal import savgol_filter  # not above: it takes a second

    def smooth(stretch: np.ndarray) -> np.ndarray:
        width = min(frames, len(stretch) - 1 + len(stretch) % 2)  # odd as well
        return savgol_filter(stretch, width, degree, axis=0)

    return smoothed(values, seen, smooth, least=degree + 1 + degree % 2)

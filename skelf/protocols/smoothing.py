"""Frame probabilities smoothed over time, so that short breaks do not cut an interval."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..errors import InputError

OFFICIAL_LENGTH = 9000
"""Frames that the released code pads every recording to."""


def smooth(
    p: np.ndarray, radius: int = 10, *, form: Literal["centred", "official"] = "centred"
) -> np.ndarray:
    """Mean of each frame's neighbours, so that short breaks do not cut an interval.

    Args:
        p: `(T, K + 1)` probabilities.
        radius: frames on either side; 0 with `centred` leaves `p` as it is.
        form: `centred`: the frame and `radius` before and after it, fewer at the ends. `official`:
            the recording is first padded to 9000 frames of sure background, and the window has
            `radius` frames before, the frame, and `radius - 1` after it; the last frame of a
            recording of 9000 and more is in no window.

    Returns:
        `(T, K + 1)` float64; with `official` up to `radius` rows more, since the released code
        never cuts the padding off and intervals run into it. What follows is all background.

    Raises:
        InputError: a wrong shape, NaN, or a negative radius (with `official` below 1).

    Source: the released detection script of HiCLR and PCM3 (sources E15). Its means are float32,
    and so are those of `official`: eight sure frames of twenty make a background of 0.60000002, and
    the frame falls short of a threshold of 0.4.
    """
    p = checked(p)
    if radius < (form == "official"):
        raise InputError(f"radius: {radius} is too small for the form {form}")
    if form == "official":
        return _smooth_official(p, radius)
    frame = np.arange(len(p))
    begin, end = np.maximum(0, frame - radius), np.minimum(frame + radius + 1, len(p))
    total = np.concatenate([np.zeros((1, p.shape[1])), np.cumsum(p, axis=0)])
    return (total[end] - total[begin]) / np.maximum(end - begin, 1)[:, None]


def padded(p: np.ndarray) -> np.ndarray:
    """A recording as the released code keeps it: with frames of sure background up to 9000.

    Args:
        p: `(T, K + 1)` probabilities.

    Returns:
        `(max(T, 9000), K + 1)`, of the type of `p`.
    """
    padding = np.zeros((max(0, OFFICIAL_LENGTH - len(p)), p.shape[1]), p.dtype)
    padding[:, 0] = 1
    return np.concatenate([p, padding])


def checked(p: np.ndarray) -> np.ndarray:
    """Probabilities `(T, K + 1)` as float64.

    Raises:
        InputError: a wrong shape, or NaN.
    """
    p = np.asarray(p, np.float64)
    if p.ndim != 2 or p.shape[1] < 2:
        raise InputError(f"p: shape {p.shape}, expected (T, K + 1) with column 0 the background")
    if np.isnan(p).any():
        raise InputError("p: holds NaN; the classifier that made it diverged")
    return p


def _smooth_official(p: np.ndarray, radius: int) -> np.ndarray:
    """The released mean filter: float32, added up in time's order as numpy does there."""
    recording = len(p)
    p = padded(p.astype(np.float32))
    # Rows behind see nothing but padding, and the last frame is in no window.
    rows, limit = min(recording + radius, len(p)), len(p) - 1
    total, count = np.zeros((rows, p.shape[1]), np.float32), np.zeros(rows, np.int64)
    for offset in range(-min(radius, limit), min(radius, limit)):
        first, last = max(0, -offset), min(rows, limit - offset)
        total[first:last] += p[first + offset : last + offset]
        count[first:last] += 1
    return (total / count[:, None]).astype(np.float32).astype(np.float64)

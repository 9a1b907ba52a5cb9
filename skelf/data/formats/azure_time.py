"""When the frames of a depth camera were: from its time stamps, which count gaps as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import naming

UNITS = (1e-6, 1e-3, 1.0, 1e-9, 1e-7)
"""Seconds in one unit of a time stamp: the SDK's are microseconds."""
USUAL = (30.0, 15.0, 5.0)
SLOWEST, FASTEST = 2.0, 35.0
MOST_GAP = 600  # frames: a longer pause is another recording, or a slip


class Placed(NamedTuple):
    """Where frames are in time.

    Args:
        frames: each one's place, from 0.
        fps: frames a second, 0 not known.
        note: what a user should know; empty: nothing.
    """

    frames: list[int]
    fps: float
    note: str = ""


def placed(numbers: Sequence[int], times: Sequence[float], where: str) -> Placed:
    """Places by time stamps; where those say nothing, by the frames' numbers, else in order.

    Args:
        numbers: of the frames, -1 none.
        times: of the frames, NaN none.
        where: for messages.

    Raises:
        InputError: numbers that span more than any video.
    """
    stamps = np.array(times, float)
    steps = np.diff(stamps)
    if len(stamps) > 1 and np.isfinite(stamps).all() and (steps > 0).all():
        step = float(np.median(steps))
        unit = next((u for u in UNITS if SLOWEST <= 1 / (step * u) <= FASTEST), 0.0)
        counts = np.maximum(np.round(steps / step), 1)
        if unit and counts.max() <= MOST_GAP:
            frames = [0, *np.cumsum(counts).astype(int).tolist()]
            fps = frames[-1] / float((stamps[-1] - stamps[0]) * unit)
            fps = next((rate for rate in USUAL if abs(fps / rate - 1) < 0.01), round(fps, 3))
            gaps = frames[-1] + 1 - len(frames)
            note = (
                f"{gaps} frames are missing by the time stamps; they count as frames"
                if gaps
                else ""
            )
            return Placed(frames, fps, note)
    if all(number >= 0 for number in numbers) and len(set(numbers)) == len(numbers):
        frames, _, _ = naming.timeline(numbers, where)
        return Placed(frames, 0.0)
    naming.timeline([0, len(numbers) - 1], where)
    return Placed([*range(len(numbers))], 0.0)

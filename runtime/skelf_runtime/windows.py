"""Where a detector's windows lie in a recording."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Window(NamedTuple):
    """Frames that are read together.

    Args:
        start: the first.
        end: behind the last.
        asked: the first that it is asked about; disjoint windows are asked about what none before
            it saw.
    """

    start: int
    end: int
    asked: int


# Any: what JSON holds.
def laid(frames: int, fps: float, windows: Mapping[str, Any]) -> Iterator[Window]:
    """Windows that together see every frame; a recording shorter than one is one window.

    Args:
        frames: of the recording.
        fps: frames a second.
        windows: the model's.

    Raises:
        ValueError: a rate that is none.
    """
    if not (fps > 0 and math.isfinite(fps)):
        raise ValueError(f"fps: {fps}; frames a second, above 0")

    def in_frames(time: float) -> int:
        return max(1, round(time * fps if windows["unit"] == "seconds" else time))

    length = in_frames(windows["window"])
    disjoint = windows["way"] == "disjoint"
    stride = windows["stride"]
    between = max(1, length // 2) if stride is None else in_frames(stride)
    hop, length = length if disjoint else between, min(length, frames)
    last = frames - length
    for number in range(-(-last // hop) + 1):
        start = min(number * hop, last)
        yield Window(start, start + length, number * hop if disjoint else start)

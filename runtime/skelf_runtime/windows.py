"""Where a detector's windows lie in a recording."""

from __future__ import annotations

from collections.abc import Mapping


def laid(frames: int, fps: float, windows: Mapping[str, object]) -> tuple[list[int], int]:
    """The first frame of each window, and how many frames one has.

    Args:
        frames: of the recording; a shorter one than a window is one window.
        fps: frames a second.
        windows: the model's.

    Raises:
        ValueError: a rate that is none.
    """
    if not fps > 0:
        raise ValueError(f"fps: {fps}; frames a second, above 0")
    return [0], frames

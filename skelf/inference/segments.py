"""What a detector finds in a recording: segments with a class, in seconds and in frames."""

from __future__ import annotations

from typing import NamedTuple


class Segment(NamedTuple):
    """Something that happens in a recording.

    Args:
        name: the recording's.
        start: seconds from its first frame.
        end: exclusive.
        start_frame: in frames of the recording as it was read.
        end_frame: exclusive.
        label: the class's name.
        score: how sure the model is, in [0, 1]; NaN: a person says it.
        person: who does it, from 0; -1: whoever is there.
    """

    name: str
    start: float
    end: float
    start_frame: int
    end_frame: int
    label: str
    score: float
    person: int = -1

"""Segments recording by recording."""

from __future__ import annotations

from typing import NamedTuple

from ..result import Heads, Result
from ..segments import Segment


class Named(NamedTuple):
    """The segments of a recording, and how long it is.

    Args:
        name: of the recording.
        seconds: its length.
        fps: frames a second.
        segments: what happens in it.
    """

    name: str
    seconds: float
    fps: float
    segments: list[Segment]


def recordings(result: Result) -> list[Named]:
    """The recordings of a file in its order, those without segments too."""
    heads, clips = result.heads, result.clips
    if clips is not None:
        heads = Heads(clips.names, clips.length, clips.fps)
    if heads is None:
        return []
    by_name: dict[str, Named] = {}
    for name, frames, fps in zip(*heads, strict=True):
        by_name.setdefault(name, Named(name, float(frames) / float(fps), float(fps), []))
    for segment in result.segments:
        by_name[segment.name].segments.append(segment)
    return list(by_name.values())


def label_of(segment: Segment) -> str:
    """The class, with the person where persons are told apart."""
    return f"{segment.label} (person {segment.person})" if segment.person >= 0 else segment.label

"""The persons that a model looks at, where a recording has more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data.clips import ClipSet
from ..data.frames import Frames
from ..data.paging import let_go

STEP = 1 << 14
"""Frames of a recording that are looked at together."""
PERSON = "person"
"""The column that says which person a clip shows, where each has a clip of its own."""


def chosen_persons(
    clips: ClipSet, persons: int, say: Callable[[str], None], scratch: str | Path | None = None
) -> ClipSet:
    """Clips of at most so many persons: those seen in most frames, or each one a clip of its own.

    Args:
        clips: the set; where it has no room for more it comes back as it is.
        persons: that the model looks at; 1: each person who is in a clip becomes one.
        say: told in one line what is done.
        scratch: folder for the frames meanwhile; None: the system's.
    """
    if clips.persons <= persons:
        return clips
    present = np.zeros((len(clips), clips.persons), np.int64)  # frames with each
    for at in range(len(clips)):
        for joints in parted(clips.clip(at)[..., : clips.coordinates]):
            present[at] += (joints != 0).any(axis=(2, 3)).sum(axis=0)
        leave(clips, at)
    if persons == 1:
        return _apart(clips, present, say, scratch)
    order = np.sort(np.argsort(-present, axis=1, kind="stable")[:, :persons], axis=1)
    left = (present > 0).sum(axis=1) - np.take_along_axis(present > 0, order, axis=1).sum(axis=1)
    if left.any():
        say(
            f"persons: the model looks at {persons}; of {int((left > 0).sum())} of {len(clips)} "
            "clips those seen in most frames are taken"
        )
    with Frames((persons, *clips.joints.shape[2:]), scratch) as frames:
        for at in range(len(clips)):
            for joints in parted(clips.clip(at)):
                frames.add(joints[:, order[at]])
            leave(clips, at)
        joints = frames.array()
    return replace(clips, joints=joints, start=np.cumsum(clips.length) - clips.length, path=None)


def parted(frames: np.ndarray) -> Iterator[np.ndarray]:
    """A clip some frames at a time."""
    return (frames[at : at + STEP] for at in range(0, len(frames), STEP))


def leave(clips: ClipSet, at: int) -> None:
    """Gives the pages of a long clip back once it was read."""
    if clips.length[at] > STEP:
        let_go(clips.joints)


def _apart(
    clips: ClipSet, present: np.ndarray, say: Callable[[str], None], scratch: str | Path | None
) -> ClipSet:
    """Each person who is there as a clip; of a clip without anybody the first place."""
    there = present > 0
    there[~there.any(axis=1), 0] = True
    clip, person = np.nonzero(there)
    if len(clip) > len(clips):
        say(f"persons: the model looks at one; {len(clips)} clips become {len(clip)}, one each")
    with Frames((1, *clips.joints.shape[2:]), scratch) as frames:
        for at, who in zip(clip, person, strict=True):
            for joints in parted(clips.clip(int(at))):
                frames.add(joints[:, who : who + 1])
            leave(clips, int(at))
        joints = frames.array()
    taken = clips.take(clip)
    return replace(
        taken,
        joints=joints,
        start=np.cumsum(taken.length) - taken.length,
        columns={**taken.columns, PERSON: person.astype(np.int64)},
        path=None,
    )

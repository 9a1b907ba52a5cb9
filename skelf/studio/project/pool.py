"""The recordings of a project as clips to pretrain on: stretches of some seconds, one store."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np

from ...data.clips import ClipSet
from ...data.frames import Frames
from ...errors import InputError
from .project import Project

SECONDS = 10.0
"""Of a stretch: methods draw shorter ones from it."""


def pooled(project: Project, path: Path) -> int:
    """Writes the store; recordings of another layout than most frames have are left out.

    Args:
        project: with recordings.
        path: of the store.

    Returns:
        Recordings left out.

    Raises:
        InputError: there are no recordings.
        OSError: it cannot be written.
    """
    kinds: Counter[tuple[str, int, int, bool]] = Counter()
    kind_of = {}
    for recording in project.recordings:
        clips = project.clips(recording.name)
        kind = (clips.skeleton.name, clips.skeleton.joints, clips.channels, clips.confidence)
        kind_of[recording.name] = kind
        kinds[kind] += recording.frames
    if not kinds:
        raise InputError(f"{project.folder}: no recordings yet; import some first")
    most = kinds.most_common(1)[0][0]
    taken = [r for r in project.recordings if kind_of[r.name] == most]
    first = project.clips(taken[0].name)
    persons = max(recording.persons for recording in taken)
    lengths: list[int] = []
    fps: list[float] = []
    names: list[str] = []
    with Frames((persons, *first.joints.shape[2:]), project.place) as frames:
        for recording in taken:
            ((_, block),) = project.clips(recording.name).blocks(1 << 62)
            for start, end in stretches(recording.frames, recording.fps):
                part = block[start:end]
                if not part.any():
                    continue
                frames.add(np.pad(part, ((0, 0), (0, persons - part.shape[1]), (0, 0), (0, 0))))
                lengths.append(end - start)
                fps.append(recording.fps)
                names.append(f"{recording.name}@{start}")
        ClipSet.build(
            frames.array(), lengths, first.skeleton, name=names, fps=np.array(fps),
            attributes={**first.attributes, "title": "recordings of the studio"},
        ).save(path)  # fmt: skip
    return len(project.recordings) - len(taken)


def stretches(frames: int, fps: float) -> list[tuple[int, int]]:
    """A recording in stretches of about `SECONDS`, of nearly equal length.

    Examples:
        >>> stretches(700, 30.0)
        [(0, 350), (350, 700)]
    """
    count = max(1, round(frames / (SECONDS * fps)))
    bounds = np.linspace(0, frames, count + 1).round().astype(int).tolist()
    return [*pairwise(bounds)]

"""Labels from files of other programs, from stores, and those that recordings came with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ...data.annotations.names import ClipNames, listed
from ...data.annotations.segment_files import EVERY
from ...data.annotations.segments import placed
from ...data.clips import ClipSet
from ...errors import InputError
from ..labels.segment import Segment
from ..project.project import Project

STORES = (".h5", ".hdf5")


class Brought(NamedTuple):
    """Labels for a project; `actions.put` makes the action that adds them.

    Args:
        segments: origin "imported", without ids.
        notes: what a person should know.
    """

    segments: list[Segment]
    notes: list[str]


def read(project: Project, path: str | Path, *, tier: str = EVERY) -> Brought:
    """The labels of a file, or of a folder of files.

    Args:
        project: with the recordings that they name.
        path: a CSV, ELAN's `.eaf`, BORIS's aggregated events, labels of Audacity, a store with
            segments, or what `skelf predict` wrote.
        tier: of ELAN's files.

    Raises:
        InputError: it cannot be read, names no recording of the project, or lies behind the end of
            one.
    """
    path = Path(path)
    if path.suffix.lower() in STORES:
        return _of_store(project, path)
    recordings = project.recordings
    if not recordings:
        raise InputError(f"{project.folder}: no recordings yet; import them first")
    rows, notes = placed(
        path,
        [recording.name for recording in recordings],
        [recording.fps for recording in recordings],
        [recording.frames for recording in recordings],
        tier=tier,
    )
    segments = [_segment(recordings[at].name, start, end, label) for at, start, end, label in rows]
    return Brought(segments, notes)


def came_with(project: Project) -> Brought:
    """The segments that recordings have in their own files, as those of PKU-MMD and of stores."""
    segments = [
        segment
        for recording in project.recordings
        for segment in _segments(project.clips(recording.name), [(0, recording.name)])
    ]
    return Brought(segments, [])


def _of_store(project: Project, path: Path) -> Brought:
    clips = ClipSet.open(path)
    index = ClipNames([recording.name for recording in project.recordings])
    pairs, strange = [], []
    for at, name in enumerate(clips.names):
        found = index.find(name, str(path))
        if not found:
            strange.append(name)
            continue
        if len(found) > 1:
            raise InputError(f"{path}: {name!r} may be any of several recordings; name one")
        recording = project.recordings[found[0]]
        if recording.frames != int(clips.length[at]):
            raise InputError(
                f"{path}: {name!r} has {clips.length[at]} frames, the project's {recording.name!r} "
                f"{recording.frames}: another recording; rename it there"
            )
        pairs.append((at, recording.name))
    segments = list(_segments(clips, pairs))
    if not segments:
        raise InputError(
            f"{path}: no segment of a recording in this project; its clips are called "
            f"{listed(clips.names)}"
        )
    note = f"{path}: {len(strange)} clips are no recordings here: {listed(strange)}"
    return Brought(segments, [note] if strange else [])


def _segments(clips: ClipSet, pairs: Iterable[tuple[int, str]]) -> Iterable[Segment]:
    """Those of some clips, and the recordings that they are."""
    names = dict(pairs)
    for clip, start, end, label in clips.segments.tolist():
        if clip in names:
            yield _segment(names[clip], start, end, clips.class_names[label])


def _segment(recording: str, start: int, end: int, label: str) -> Segment:
    return Segment("", recording, start, end, label, "is", "imported")

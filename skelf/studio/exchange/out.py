"""The labels of a project as a CSV, as files of ELAN, BORIS or Audacity, or as a store."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...data.clips import ClipSet
from ...data.join import joined
from ...errors import InputError
from ...inference.destination import destination
from ...inference.result import Result
from ...inference.segments import Segment
from ...inference.writers import WRITERS
from ...inference.writers.store import PREDICTED
from ..labels.state import Labels
from ..project.project import STORES, Project


def write(
    project: Project, labels: Labels, out: Path, to: str | None = None, *, overwrite: bool = False
) -> int:
    """Writes what is labelled; what was refused ("not") stays in the project.

    Recordings without labels are left out, unless they are marked as finished: in a store they
    would be taken for background.

    Args:
        project: of the recordings.
        labels: of it.
        out: the file, or for ELAN and Audacity a folder with one for each recording.
        to: a name in `WRITERS`; None: by the file's name.
        overwrite: whether a file of the same kind that is there may be replaced.

    Returns:
        Segments written.

    Raises:
        InputError: nothing is labelled, a name that says no format, recordings of different
            layouts for one store, or `destination` refuses.
        OSError: it cannot be written.
    """
    names = [
        recording.name for recording in project.recordings
        if recording.name in labels.finished or _said(labels, recording.name)
    ]  # fmt: skip
    lengths = project.lengths
    count = sum(len([*_frames(labels, name, lengths[name])]) for name in names)
    if not count:
        raise InputError(f"{project.folder}: nothing is labelled yet; there is nothing to write")
    ours = [project.folder / recording.source for recording in project.recordings]
    ours += [project.place / STORES / recording.store for recording in project.recordings]
    place = destination(
        out, to, "detector", len(names), inputs=[str(path) for path in ours], replace=overwrite
    )
    if place.to == "store":
        _store(project, labels, names, place.path)
        return count
    with WRITERS[place.to](place.path, "detector") as add:
        for name in names:
            add(result(project, labels, name))
    return count


def result(project: Project, labels: Labels, name: str) -> Result:
    """A recording's labels as a detector's result; their score is NaN, since people gave them."""
    recording = project.recording(name)
    segments = tuple(
        Segment(
            name, start / recording.fps, end / recording.fps, start, end, label, math.nan
        )
        for start, end, label in _frames(labels, name, recording.frames)
    )  # fmt: skip
    return Result(project.folder / recording.source, project.clips(name), segments=segments)


def labelled(project: Project, labels: Labels, name: str) -> ClipSet:
    """A recording with its labels as the segments that the rest of skelf trains on."""
    clips = project.clips(name)
    number = {label: at for at, label in enumerate(labels.classes)}
    rows = [
        [0, start, end, number[label]]
        for start, end, label in _frames(labels, name, int(clips.length[0]))
    ]
    attributes = {key: text for key, text in clips.attributes.items() if key != PREDICTED}
    return replace(
        clips,
        label=np.full(1, -1),
        segments=np.array(rows, np.int64).reshape(-1, 4),
        class_names=labels.classes,
        attributes=attributes,
        normalize="none",
        path=None,
        stored=None,
    )


def _store(project: Project, labels: Labels, names: list[str], path: Path) -> None:
    sets = [labelled(project, labels, name) for name in names]
    if len(sets) > 1:
        with warnings.catch_warnings():  # whose subjects are whose is not known, and said nowhere
            warnings.simplefilter("ignore", UserWarning)
            sets = [joined(sets, scratch=path.absolute().parent)]
    sets[0].save(path)


def _said(labels: Labels, name: str) -> list[tuple[int, int, str]]:
    return [(s.start, s.end, s.label) for s in labels.of(name) if s.kind == "is"]


def _frames(labels: Labels, name: str, frames: int) -> Iterator[tuple[int, int, str]]:
    """Within the recording: its file may have become shorter since."""
    for start, end, label in _said(labels, name):
        if start < frames:
            yield start, min(end, frames), label

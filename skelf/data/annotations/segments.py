"""What happens when in recordings, from files of people who watched the videos."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...errors import InputError
from .. import check
from ..clips import ClipSet
from ..formats import members
from .names import ClipNames, classes_with, listed
from .segment_files import SUFFIXES, Event, read_events

NEAR = 2  # frames that an end may lie behind the recording's without a note


class Placed(NamedTuple):
    """Events of files as frames of recordings.

    Args:
        rows: recording, first frame, end (exclusive) and label of each, in the files' order.
        notes: what a person should know.
    """

    rows: list[tuple[int, int, int, str]]
    notes: list[str]


def with_segments(clips: ClipSet, path: str | Path, *, tier: str = "") -> ClipSet:
    """The clips with the segments of these files, in place of those that they had; see `placed`.

    Args:
        clips: recordings, of any format.
        path: a CSV, an ELAN file, an export of BORIS, or a folder of such files.
        tier: of ELAN's files, where several have annotations; `*`: all of them.

    Raises:
        InputError: see `placed`.
    """
    rows, notes = placed(path, clips.names, clips.fps, clips.length, tier=tier)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    class_names, moved = classes_with(clips, [label for *_, label in rows])
    added = [[clip, a, b, class_names.index(label)] for clip, a, b, label in rows]
    old = clips.segments[~np.isin(clips.segments[:, 0], [row[0] for row in rows])].copy()
    old[:, 3] = moved[old[:, 3]]
    segments = np.concatenate([old, np.array(added, np.int64)])
    segments = segments[np.lexsort((segments[:, 2], segments[:, 1], segments[:, 0]))]
    annotated = replace(clips, segments=segments, class_names=class_names, label=moved[clips.label])
    check.table(annotated)
    return annotated


def placed(
    path: str | Path,
    names: Sequence[str],
    fps: Sequence[float] | np.ndarray,
    lengths: Sequence[int] | np.ndarray,
    *,
    tier: str = "",
) -> Placed:
    """The events of files in the recordings that they name.

    Times count from a recording's first frame. An end behind the last frame is cut, with a note. An
    event without a length (of BORIS: a point) is left out, with a note.

    Args:
        path: see `with_segments`.
        names: of the recordings.
        fps: of each, frames a second.
        lengths: of each, in frames.
        tier: see `with_segments`.

    Raises:
        InputError: a file that cannot be read, no event that names a recording, or one that begins
            behind its recording's end.
    """
    files = members.find(Path(path), SUFFIXES)
    if not files:
        raise InputError(f"{path}: no {', '.join(sorted(SUFFIXES))} file in it")
    index, rows, strange, points, cut = ClipNames(names), [], [], [], []
    events = [event for file in files for event in read_events(file, tier)]
    for event in events:
        clip = _clip(index, names, event)
        if clip is None:
            strange.append(event.clips[0])
            continue
        length = int(lengths[clip])
        first, end = _frames(event, float(fps[clip]), length, names[clip])
        if event.end <= event.start:
            points.append(event.label)
        else:
            cut += [names[clip]] if end > length + NEAR else []
            rows.append((clip, first, min(end, length), event.label))
    _refuse_none(path, names, events, rows, strange)
    notes = []
    for texts, what in (
        (strange, "name no clip: "),
        (points, "have no length and are left out: "),
        (cut, "end behind their recording and are cut: "),
    ):
        if texts:
            few = listed(list(dict.fromkeys(texts)))
            notes.append(f"{path}: {len(texts)} events {what}{few}")
    return Placed(rows, notes)


def _clip(index: ClipNames, names: Sequence[str], event: Event) -> int | None:
    """The clip of an event; None where there is none of its names."""
    for name in event.clips:
        places = index.find(name, event.where)
        if len(places) > 1:
            raise InputError(
                f"{event.where}: {name!r} may be any of "
                f"{listed([names[i] for i in places])}; name one recording"
            )
        if places:
            return places[0]
    return None


def _frames(event: Event, fps: float, length: int, name: str) -> tuple[int, int]:
    """First frame and end, exclusive; at least one frame."""
    rate = fps if event.unit == "s" else 1.0
    first, end = (round(bound * rate) for bound in (event.start, event.end))
    if not 0 <= first < length:
        unit = "s" if event.unit == "s" else ""
        raise InputError(
            f"{event.where}: starts at {event.start:g}{' ' * bool(unit)}{unit}, clip "
            f"{name!r} has {length} frames at {fps:g} a second; are the times of "
            "another recording, or in another unit?"
        )
    return first, max(end, first + 1)


def _refuse_none(
    path: str | Path,
    names: Sequence[str],
    events: Sequence[Event],
    rows: Sequence[object],
    strange: Sequence[str],
) -> None:
    if rows:
        return
    if not strange:
        raise InputError(f"{path}: no event with a start, an end and a label in it")
    raise InputError(
        f"{path}: no event names a clip: the first is of {events[0].clips[0]!r}, clips are called "
        f"{listed(names)}; write these names, or the files'"
    )

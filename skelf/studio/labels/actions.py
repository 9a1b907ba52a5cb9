"""The actions of a person on segments: each looks at the labels and gives an `Edit` of them.

None changes anything: `History.do` does. An action that would change nothing gives an empty edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...errors import InputError
from .edit import Edit
from .laying import laid
from .segment import Kind, Origin, Segment, by_recording, class_name, new_id
from .state import Labels


def add(
    labels: Labels,
    recording: str,
    start: int,
    end: int,
    label: str,
    *,
    kind: Kind = "is",
    origin: Origin = "hand",
    name: str = "add",
) -> Edit:
    """A new segment; one that it overlaps of the same label becomes one with it.

    Args:
        labels: as they are.
        recording: its name.
        start: first frame.
        end: exclusive.
        label: the class, which need not be there yet.
        kind: "not" for a class that is not there.
        origin: see `Segment`.
        name: of the action.

    Raises:
        InputError: no stretch, or no name of a class.
    """
    return put(labels, [Segment("", recording, start, end, label, kind, origin)], name=name)


def accept(labels: Labels, recording: str, start: int, end: int, label: str) -> Edit:
    """Takes a suggestion of the model; see `add`."""
    return add(labels, recording, start, end, label, origin="accepted", name="accept")


def refuse(labels: Labels, recording: str, start: int, end: int, label: str) -> Edit:
    """Says that a class is not there: what is labelled so in the stretch is cut; see `add`."""
    return add(labels, recording, start, end, label, kind="not", name="refuse")


def remove(labels: Labels, ids: Iterable[str]) -> Edit:
    """Takes segments away.

    Raises:
        InputError: one is not there.
    """
    return Edit("remove", tuple(labels.find(ids)))


def resize(labels: Labels, id: str, start: int, end: int) -> Edit:
    """Other bounds of a segment, which becomes one with those of its label that it now overlaps.

    Raises:
        InputError: it is not there, or no stretch.
    """
    (old,) = labels.find([id])
    return put(labels, [replace(old, start=start, end=end)], gone=[old], name="resize")


def move(labels: Labels, id: str, by: int) -> Edit:
    """A segment some frames later, or earlier; see `resize`."""
    (old,) = labels.find([id])
    new = replace(old, start=old.start + by, end=old.end + by)
    return put(labels, [new], gone=[old], name="move")


def relabel(labels: Labels, ids: Iterable[str], label: str) -> Edit:
    """Another class for segments; see `add`."""
    old = labels.find(ids)
    return put(labels, [replace(s, label=label) for s in old], gone=old, name="relabel")


def split(labels: Labels, id: str, frame: int) -> Edit:
    """Two segments of one, the second from `frame` on.

    Raises:
        InputError: it is not there, or the frame is not within it.
    """
    (old,) = labels.find([id])
    if not old.start < frame < old.end:
        raise InputError(
            f"split at frame {frame}: the segment has {old.start} to {old.end - 1}; choose a frame "
            f"from {old.start + 1} on"
        )
    parts = (replace(old, end=frame), replace(old, id=new_id(), start=frame))
    return Edit("split", (old,), parts)


def join(labels: Labels, ids: Iterable[str]) -> Edit:
    """One segment of several, from the first's start to the last's end.

    Raises:
        InputError: one is not there, fewer than two, or they differ in recording, class or kind.
    """
    old = sorted(labels.find(ids), key=lambda segment: (segment.start, segment.end))
    if len(old) < 2:
        raise InputError("join: two segments or more; choose another one too")
    if len({(s.recording, s.label, s.kind) for s in old}) > 1:
        raise InputError("join: the segments are not of one recording and class; relabel them")
    origin: Origin = "hand" if any(s.origin == "hand" for s in old) else old[0].origin
    whole = replace(old[0], end=max(s.end for s in old), origin=origin)
    return put(labels, [whole], gone=old, name="join")


def put(
    labels: Labels,
    segments: Sequence[Segment],
    *,
    gone: Sequence[Segment] = (),
    name: str = "import",
) -> Edit:
    """Many segments at once, as if one after the other; see `add`.

    Args:
        labels: as they are.
        segments: an empty id gets a new one, or that of the segment with which it becomes one.
        gone: segments of `labels` that go first.
        name: of the action.

    Raises:
        InputError: no stretch, or no name of a class.
    """
    new = [_checked(segment) for segment in segments]
    removed = {segment.id for segment in gone}
    before, after = list(gone), []
    for recording, added in by_recording(new).items():
        there = labels.of(recording)
        by_label: dict[str, list[Segment]] = {}
        for segment in added:
            by_label.setdefault(segment.label, []).append(segment)
        for label, own in by_label.items():
            line = [s for s in there if s.label == label and s.id not in removed]
            done = laid(line, own)
            was, now = {*line}, {*done}
            before += [s for s in line if s not in now]
            after += [s for s in done if s not in was]
    stays = {*before} & {*after}
    classes = tuple(dict.fromkeys([*labels.classes, *(segment.label for segment in new)]))
    return Edit(
        name,
        tuple(s for s in before if s not in stays),
        tuple(s for s in after if s not in stays),
        None if classes == labels.classes else (labels.classes, classes),
    )


def _checked(segment: Segment) -> Segment:
    start, end = int(segment.start), int(segment.end)
    if not 0 <= start < end:
        raise InputError(
            f"{segment.recording}: frames {start} to {end - 1} are no stretch; it begins at 0 or "
            "later, and has one frame at least"
        )
    return replace(segment, start=start, end=end, label=class_name(segment.label))

"""All labels of a project at one moment; an action gives new ones, the old stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from ...errors import InputError
from .edit import Edit
from .recordings import Recordings
from .segment import Segment, by_recording

_key = attrgetter("start", "end", "label", "id")
CHANGED = "the labels have changed meanwhile; look again and repeat the action"


def ordered(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Segments of a recording as labels have them."""
    return tuple(sorted(segments, key=_key))


@dataclass(frozen=True)
class Labels:
    """Segments of recordings, and the classes.

    Two segments of one label and kind never overlap; those of different labels may.

    Args:
        recordings: name -> its segments by start, end, label and id; recordings without any are
            not in it.
        classes: in order of first use; one may be without segments.
        finished: recordings of which every stretch that matters is labelled, so that the rest of
            them is background.
    """

    recordings: Recordings = field(default_factory=Recordings)
    classes: tuple[str, ...] = ()
    finished: frozenset[str] = frozenset()

    @classmethod
    def build(
        cls, segments: Iterable[Segment], classes: tuple[str, ...], finished: Iterable[str] = ()
    ) -> Labels:
        """Labels from all their segments, in any order."""
        groups = by_recording([*segments])
        made = {name: ordered(group) for name, group in groups.items()}
        return cls(Recordings(made), classes, frozenset(finished))

    def __iter__(self) -> Iterator[Segment]:
        for segments in self.recordings.values():
            yield from segments

    def __len__(self) -> int:
        return self.recordings.count

    def of(self, recording: str) -> tuple[Segment, ...]:
        """The segments of a recording, in time's order."""
        return self.recordings.get(recording, ())

    def find(self, ids: Iterable[str]) -> list[Segment]:
        """The segments of these ids, in their order.

        Raises:
            InputError: there is none of that id.
        """
        wanted = list(dict.fromkeys(ids))
        left = set(wanted)
        by_id = {segment.id: segment for segment in self if segment.id in left}
        for id in wanted:
            if id not in by_id:
                raise InputError(f"segment {id!r} is not there any more; {CHANGED}")
        return [by_id[id] for id in wanted]

    def apply(self, edit: Edit) -> Labels:
        """The labels after an action.

        Raises:
            InputError: what it takes away is not there, or what it puts there is there already: it
                was made for other labels.
        """
        if edit.classes is not None and edit.classes[0] != self.classes:
            raise InputError(CHANGED)
        gone, come = by_recording(edit.before), by_recording(edit.after)
        changed: dict[str, tuple[Segment, ...]] = {}
        for name in {*gone, *come}:
            there = {segment.id: segment for segment in self.of(name)}
            for segment in gone.get(name, ()):
                if there.pop(segment.id, None) != segment:
                    raise InputError(CHANGED)
            for segment in come.get(name, ()):
                if there.setdefault(segment.id, segment) is not segment:
                    raise InputError(CHANGED)
            changed[name] = ordered(there.values())
        classes = self.classes if edit.classes is None else edit.classes[1]
        finished = self.finished ^ frozenset(edit.finished)
        return Labels(self.recordings.changed(changed), classes, finished)

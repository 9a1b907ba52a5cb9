"""Segments by recording, of which some are still as a snapshot has them: opening need not make all.

A project of many hours has a hundred thousand segments, and whoever opens it looks at one recording
first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from .segment import KINDS, ORIGINS, Segment


class Packed:
    """The segments of a recording as columns.

    Args:
        recording: its name.
        classes: all classes of the snapshot.
        ids: in one text, sorted as `Labels` has the segments.
        columns: starts, ends, and the numbers of labels, kinds and origins.
    """

    def __init__(
        self, recording: str, classes: tuple[str, ...], ids: str, *columns: list[int]
    ) -> None:
        self._recording, self._classes, self._ids, self._columns = recording, classes, ids, columns

    def __len__(self) -> int:
        return len(self._columns[0])

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The segments; made once."""
        columns, classes, recording = self._columns, self._classes, self._recording
        return tuple(
            Segment(id, recording, start, end, classes[label], KINDS[kind], ORIGINS[origin])
            for id, start, end, label, kind, origin in zip(self._ids.split(), *columns, strict=True)
        )


class Recordings(Mapping[str, tuple[Segment, ...]]):
    """Name of a recording to its segments; those without any are not in it. Never changes.

    Args:
        parts: of each recording.
    """

    def __init__(self, parts: Mapping[str, tuple[Segment, ...] | Packed] | None = None) -> None:
        self._parts = dict(parts or {})

    def __getitem__(self, name: str) -> tuple[Segment, ...]:
        part = self._parts[name]
        return part.segments if isinstance(part, Packed) else part

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __repr__(self) -> str:
        return f"Recordings({dict(self.items())})"

    @property
    def count(self) -> int:
        """Segments in all."""
        return sum(map(len, self._parts.values()))

    def changed(self, new: Mapping[str, tuple[Segment, ...]]) -> Recordings:
        """With other segments for some recordings, none for those that lose all."""
        parts = {name: part for name, part in {**self._parts, **new}.items() if len(part)}
        return Recordings(parts)

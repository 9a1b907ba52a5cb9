"""What of an import was cut and made so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ..pool import Progress
from . import records
from .chunks import Chunk
from .piece import named
from .records import Record
from .whole import Shard


class Made:
    """What was cut and made so far.

    Args:
        folder: of the set.
        total: files in all.
        progress: called with files done and in all.
    """

    def __init__(self, folder: Path, total: int, progress: Progress) -> None:
        self.cut: list[Chunk] = []
        self.new: set[str] = set()
        self.records: dict[str, Record | None] = {}
        self.shards: dict[str, Shard] = {}
        self.problems: list[tuple[str, str]] = []
        self._folder, self._total, self._progress = folder, total, progress
        self._done = 0

    def left(self, cut: Iterable[Chunk]) -> Iterator[Chunk]:
        """The chunks of which there is no shard."""
        self._progress(0, self._total)
        for chunk in cut:
            self.cut.append(chunk)
            record = records.read(self._folder, chunk.name, chunk.sign)
            if record is None:
                self.new.add(chunk.name)
                yield chunk
            else:
                self.add(chunk, record)

    def add(self, chunk: Chunk, record: Record | None, problem: str = "") -> None:
        """A chunk is done, or has a problem."""
        self.records[chunk.name] = record
        if record is not None and record.size:
            place = self._folder / chunk.name
            self.shards[chunk.name] = Shard.of(place, record.told)
        if problem:
            self.problems += [(named(item), problem) for item in chunk.items]
        self._done += chunk.files
        self._progress(self._done, self._total)

"""What units gave, added to an index in order; what is in it already is passed over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..data.clips import ClipSet
from ..errors import InputError
from ..inference.bulk.blocks import Reading
from ..inference.bulk.gather import Given, Told
from ..inference.bulk.units import Unit
from ..inference.source import Place
from .manifest import Manifest, Source
from .pending import Pending
from .unit import rows_of


class Adding:
    """Adds units to an index.

    Args:
        folder: the index.
        manifest: what is in it.
        reading: how files are read.
        clips: in memory, in place of a store.
        say: told in a line what happens to the data.
        report: called with what is done, how much of it, and all of it.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        reading: Reading,
        clips: ClipSet | None,
        say: Callable[[str], None],
        report: Callable[[str, int, int], None],
    ) -> None:
        self.pending = Pending(folder, manifest, self._clean)
        self._reading, self._clips, self._report = reading, clips, report
        self._told = Told(say)
        self._digests: dict[Place, str] = {}  # of stores
        self._number: dict[Unit, int] = {}  # of a unit in its file
        self._added: list[Path] = []  # parts whose rows are in the index, or wait for it

    def todo(self, units: Sequence[Unit]) -> list[Unit]:
        """The units that are not known to be in the index."""
        left, before = [], None
        for unit in units:
            number = self._number[before] + 1 if before and before.place == unit.place else 0
            before, self._number[unit] = unit, number
            source = self._source_of(unit)
            if source is not None and source.whole:
                self._told(f"{unit.place.path}: in the index already")
            elif source is None or number >= len(source.blocks) - 1:
                left.append(unit)
        return left

    def take(self, given: Given) -> None:
        """Adds what a unit gave."""
        unit, summary = given.unit, given.summary
        if summary is None:
            self._told(f"passed over: {given.problem}")
            return
        for line in summary["lines"]:
            self._told(line)
        digest = self._digests.get(unit.place) or summary["digest"]
        number, source = self.pending.find(digest)
        if source is not None and source.whole:
            self._told(f"{unit.place.path}: in the index already")
            return
        if not summary["windows"] and not unit.total:
            self._told(f"passed over: {unit.place.path}: nobody is in it")
            return
        source = source or self._new(unit, digest)
        at = self._number[unit]
        blocks = (*source.blocks[:at], summary["windows"])
        skipped = max(0, source.done - sum(blocks[:-1]))
        source = replace(source, blocks=blocks, windows=sum(blocks) if unit.ends else -1)
        self.pending.begin(number, source, summary["classes"])
        total = source.windows if unit.ends else 0
        for rows in rows_of(given.part):
            count = len(rows.windows)
            if skipped < count:
                some = rows.cut(skipped, count) if skipped else rows
                self.pending.add(
                    number, some, lambda done: self._report(unit.place.path.name, done, total)
                )
            skipped = max(0, skipped - count)
        self._added.append(given.part)

    def end(self) -> None:
        """Writes what waits."""
        self.pending.flush(last=True)

    def _source_of(self, unit: Unit) -> Source | None:
        """What the index has of a store; None: nothing, or it is a file that was not read yet."""
        if not unit.total:
            return None
        if unit.place not in self._digests:
            try:
                clips = self._clips or ClipSet.open(unit.place.path)
            except InputError:
                return None
            self._digests[unit.place] = clips.digest()
        return self.pending.find(self._digests[unit.place])[1]

    def _new(self, unit: Unit, digest: str) -> Source:
        place = unit.place
        path, root = (str(Path(each).resolve()) for each in (place.path, place.root))
        layout, options = self._reading.layout or "", self._reading.options
        return Source(path, digest, -1, 0, place.format, root, layout, options)

    def _clean(self) -> None:
        """Parts whose rows are in the index go."""
        for part in self._added:
            part.unlink(missing_ok=True)
        self._added.clear()

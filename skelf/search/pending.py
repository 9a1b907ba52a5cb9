"""Rows on their way into the parts of an index, and the manifest that says which are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import manifest as manifests
from . import part_file
from .manifest import Manifest, Piece, Source
from .part_file import WINDOWS, Recordings, Windows

SPARED = 64
"""The manifest is written again once it has so-and-so-many-th more parts: it grows with them."""


class Rows(NamedTuple):
    """Some windows of a file, in order; classes are numbered as in the file.

    Args:
        windows: `W` windows.
        recordings: those whose first window is among them.
        first: `(R,)` which window that is.
        vectors: `(W, D)` float32.
    """

    windows: Windows
    recordings: Recordings
    first: np.ndarray
    vectors: np.ndarray

    def cut(self, begin: int, end: int) -> Rows:
        """Those of some windows."""
        own = np.flatnonzero((self.first >= begin) & (self.first < end))
        some = {key: value[begin:end] for key, value in vars(self.windows).items()}
        vectors = self.vectors[begin:end]
        return Rows(Windows(**some), self.recordings.take(own), self.first[own] - begin, vectors)


class Pending:
    """Collects rows and writes them as a part when there are enough; small files share one.

    Args:
        folder: the index.
        manifest: what is in it.
        saved: called once all that came before is in the index, whatever happens then.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, saved: Callable[[], None] = lambda: None
    ) -> None:
        self.folder, self.manifest, self._saved = folder, manifest, saved
        self._sources = list(manifest.sources)
        self._numbers = {source.digest: at for at, source in enumerate(self._sources)}
        self._classes: dict[int, np.ndarray] = {}
        self._next = manifest  # with the classes of what waits
        self._named = len(manifest.parts)  # parts that the manifest on the disk names
        self._rows: list[Rows] = []

    @property
    def room(self) -> int:
        """Rows that the part has room for."""
        return WINDOWS - sum(len(rows.windows) for rows in self._rows)

    def find(self, digest: str) -> tuple[int, Source | None]:
        """A file's number in the index, and what is known of it; None: it is new."""
        number = self._numbers.get(digest)
        return (len(self._sources), None) if number is None else (number, self._sources[number])

    def begin(self, number: int, source: Source, class_names: Sequence[str]) -> None:
        """Announces the file whose rows come next."""
        if number == len(self._sources):
            self._sources.append(source)
            self._numbers[source.digest] = number
        self._sources[number] = source
        self._next = self._next.with_classes(class_names)
        places = {name: at for at, name in enumerate(self._next.class_names)}
        # The last entry is for -1, the unknown class.
        self._classes[number] = np.array([*(places[name] for name in class_names), -1])

    def add(self, number: int, rows: Rows, report: Callable[[int], None]) -> None:
        """Adds some rows of a file, in their order.

        Args:
            number: of the file.
            rows: what is added.
            report: called with the rows of the file that are in the index or wait for it.

        Raises:
            OSError: a part could not be written.
        """
        begin, count = 0, len(rows.windows)
        while begin < count:
            some = rows.cut(begin, min(count, begin + self.room))
            begin += len(some.windows)
            self._rows.append(self._numbered(some, number))
            source = self._sources[number]
            source = replace(source, done=source.done + len(some.windows))
            self._sources[number] = source
            report(source.done)
            if self.room <= 0:
                self.flush()

    def _numbered(self, rows: Rows, number: int) -> Rows:
        """Rows by the index's numbers of files and classes."""
        classes = self._classes[number]
        windows = replace(
            rows.windows,
            source=np.full(len(rows.windows), number),
            label=classes[rows.windows.label],
        )
        recordings = replace(
            rows.recordings,
            source=np.full(len(rows.recordings), number),
            label=classes[rows.recordings.label],
        )
        return rows._replace(windows=windows, recordings=recordings)

    def flush(self, last: bool = False) -> None:
        """Writes what waits as a part, and the manifest that names it, now and then or at last.

        Raises:
            OSError: it could not be written; nothing of it is in the index.
        """
        if self._rows:
            windows = part_file.together_windows([rows.windows for rows in self._rows])
            name = f"part-{len(self.manifest.parts):06d}.safetensors"
            checksum = part_file.write(
                self.folder / name,
                np.concatenate([rows.vectors for rows in self._rows]),
                windows,
                part_file.together([rows.recordings for rows in self._rows]),
            )
            parts = (*self.manifest.parts, Piece(name, len(windows), checksum))
            self._next = replace(self._next, parts=parts, whole=False)
            self.manifest, self._rows = self._next, []
        fresh = len(self.manifest.parts) - self._named
        if last or fresh >= max(1, self._named // SPARED):
            self.manifest = self._next = replace(self._next, sources=tuple(self._sources))
            manifests.write(self.folder, self.manifest)
            self._named = len(self.manifest.parts)
            self._saved()

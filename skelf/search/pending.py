"""Rows on their way into the parts of an index, and the manifest that says which are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import manifest as manifests
from . import part_file
from .encode import Ready
from .manifest import Manifest, Piece, Source
from .part_file import WINDOWS, Recordings, Windows


class Pending:
    """Collects rows and writes them as a part when there are enough; small files share one.

    Args:
        folder: the index.
        manifest: what is in it.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest
        self._sources = list(manifest.sources)
        self._numbers = {source.digest: at for at, source in enumerate(self._sources)}
        self._classes: dict[int, np.ndarray] = {}
        self._next = manifest  # with the classes of what waits
        self._vectors: list[np.ndarray] = []
        self._windows: list[Windows] = []
        self._recordings: list[Recordings] = []

    @property
    def room(self) -> int:
        """Rows that the part has room for."""
        return WINDOWS - sum(len(part) for part in self._windows)

    def find(self, digest: str) -> tuple[int, Source | None]:
        """A file's number in the index, and what is known of it; None: it is new."""
        number = self._numbers.get(digest)
        return (len(self._sources), None) if number is None else (number, self._sources[number])

    def begin(self, number: int, source: Source, class_names: Sequence[str]) -> None:
        """Announces the file whose rows come next."""
        if number == len(self._sources):
            self._sources.append(source)
            self._numbers[source.digest] = number
        self._next = self._next.with_classes(class_names)
        places = {name: at for at, name in enumerate(self._next.class_names)}
        # The last entry is for -1, the unknown class.
        self._classes[number] = np.array([*(places[name] for name in class_names), -1])

    def add(self, number: int, rows: Ready, chunk: slice, vectors: np.ndarray) -> None:
        """Adds some rows of a file, in their order.

        Args:
            number: of the file.
            rows: all of its rows.
            chunk: which of them.
            vectors: theirs.

        Raises:
            OSError: a part could not be written.
        """
        numbers = self._classes[number]
        some = Windows(**{key: value[chunk] for key, value in vars(rows.windows).items()})
        first = np.searchsorted(rows.places.recording, np.arange(len(rows.recordings)))
        own = rows.recordings.take(np.flatnonzero((first >= chunk.start) & (first < chunk.stop)))
        self._vectors.append(vectors)
        self._windows.append(replace(some, label=numbers[some.label]))
        self._recordings.append(replace(own, label=numbers[own.label]))
        self._sources[number] = replace(self._sources[number], done=chunk.stop)
        if self.room <= 0:
            self.flush()

    def flush(self) -> None:
        """Writes what waits as a part, then the manifest that names it.

        Raises:
            OSError: it could not be written; nothing of it is in the index.
        """
        if not self._windows:
            return
        windows = part_file.together_windows(self._windows)
        name = f"part-{len(self.manifest.parts):06d}.safetensors"
        checksum = part_file.write(
            self.folder / name,
            np.concatenate(self._vectors),
            windows,
            part_file.together(self._recordings),
        )
        self._next = replace(
            self._next,
            sources=tuple(self._sources),
            parts=(*self.manifest.parts, Piece(name, len(windows), checksum)),
            whole=False,
        )
        manifests.write(self.folder, self._next)
        self.manifest = self._next
        self._vectors, self._windows, self._recordings = [], [], []

"""An index's vectors and tables as they are opened, and the nearest rows of some vectors."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from . import approximate, part_file
from .hits import Nearest
from .manifest import Manifest
from .part_file import Part, Recordings, Window, Windows
from .space import Space, placed, space_of

KEPT = 256 * 2**20
"""Bytes of vectors up to which an exact search keeps them in memory once it has read them."""


@dataclass(frozen=True, eq=False)
class Opened:
    """The parts of an index.

    Args:
        parts: in order; nothing of them is read before it is needed.
        space: how vectors are compared.
        exact_up_to: rows of which a search looks at every one.
        cells: the approximate index; None: there is none.
        covered: rows that are in it, the first ones.
        probes: its cells that a query looks into.
    """

    parts: list[Part]
    space: Space
    exact_up_to: int
    cells: Any = None  # of faiss, which has no types
    covered: int = 0
    probes: int = 0

    @classmethod
    def read(cls, folder: Path, manifest: Manifest) -> Opened:
        """Opens what a manifest names.

        Raises:
            InputError: a file is missing or damaged.
        """
        parts = [part_file.read(folder / piece.file, piece.checksum) for piece in manifest.parts]
        limit, about = manifest.how.exact_up_to, manifest.approximation
        space = space_of(parts if about is None else parts[: about.centred])
        opened = cls(parts, space, limit)
        if about is None:
            return opened
        cells = approximate.read(folder / about.file, about.checksum, mapped=True)
        return replace(opened, cells=cells, covered=about.windows, probes=about.probes)

    def centred_on(self, parts: int) -> Opened:
        """The same with vectors by the mean and deviation of the first parts."""
        return replace(self, space=space_of(self.parts[:parts]))

    def __len__(self) -> int:
        return int(self.first[-1])

    @cached_property
    def first(self) -> np.ndarray:
        """First row of each part, and the number of all rows."""
        return np.cumsum([0, *(len(each.windows) for each in self.parts)])

    @cached_property
    def _kept(self) -> list[np.ndarray]:
        return [self.space.of_part(each) for each in self.parts]

    @cached_property
    def _scans(self) -> Iterator[int]:
        return count()

    @cached_property
    def _ways(self) -> tuple[np.ndarray, np.ndarray]:
        factors, shifts = zip(*(self.space.way(each) for each in self.parts), strict=True)
        return np.stack(factors), np.stack(shifts)

    def blocks(self, begin: int = 0) -> Iterator[tuple[int, np.ndarray]]:
        """All vectors from a row on, in order, each block with its first row."""
        again = next(self._scans) > 0  # of a single query nothing need be kept
        kept = self._kept if again and 4 * len(self) * len(self.space.mean) <= KEPT else None
        for number, (first, each) in enumerate(zip(self.first.tolist(), self.parts, strict=False)):
            if first + len(each.windows) > begin:
                left = slice(max(0, begin - first), None)
                yield (
                    first + left.start,
                    self.space.of_part(each, left) if kept is None else kept[number][left],
                )

    @cached_property
    def _begins(self) -> list[int]:
        return [int(row) for row in self.first[:-1]]

    def window(self, row: int) -> Window:
        """One window."""
        number = bisect_right(self._begins, row) - 1
        return self.parts[number].windows.one(row - self._begins[number])

    def recording(self, row: int) -> tuple[Recordings, int]:
        """Whose a window is: the recordings of some part, and which of them."""
        last, window = bisect_right(self._begins, row), self.window(row)
        for part in reversed(self.parts[:last]):  # it is where its first window is
            of, number = part.recordings.source, part.recordings.number
            found = np.flatnonzero((number == window.recording) & (of == window.source))
            if len(found):
                return part.recordings, int(found[0])
        raise AssertionError(f"window {row} is of no recording")

    @property
    def keys(self) -> np.ndarray:
        """`(W,)` int64, whose each window is: the same number for those of one recording."""
        return np.concatenate([part_file.keys(part.windows) for part in self.parts])

    def mask(self, of: Callable[[Windows], np.ndarray]) -> np.ndarray:
        """Which windows are so, `(W,)`.

        Args:
            of: some windows `(n,)` -> which of them are.
        """
        return np.concatenate([of(part.windows) for part in self.parts])

    def mask_of(self, of: Callable[[Recordings], np.ndarray]) -> np.ndarray:
        """Which windows are of recordings that are so, `(W,)`.

        Args:
            of: some recordings `(n,)` -> which of them are.
        """
        some = (part_file.keys(part.recordings)[of(part.recordings)] for part in self.parts)
        chosen = np.sort(np.concatenate(list(some)))
        if not len(chosen):
            return np.zeros(len(self), bool)

        def among(windows: Windows) -> np.ndarray:
            own = part_file.keys(windows)
            at = np.minimum(np.searchsorted(chosen, own), len(chosen) - 1)
            same: np.ndarray = chosen[at] == own
            return same

        return self.mask(among)

    def rows(self, rows: np.ndarray) -> np.ndarray:
        """The vectors `(n, D)` of some rows."""
        of_part = np.searchsorted(self.first, rows, "right") - 1
        own = rows - self.first[of_part]
        kept = np.empty((len(rows), len(self.space.mean)), np.float16)
        for at, (number, row) in enumerate(zip(of_part.tolist(), own.tolist(), strict=True)):
            kept[at] = self.parts[number].kept[row]
        factors, shifts = self._ways
        return placed(kept, factors[of_part], shifts[of_part])

    def nearest(self, queries: np.ndarray, mask: np.ndarray | None = None) -> Nearest:
        """The rows that are most like any of some vectors.

        Args:
            queries: `(Q, D)` in the index's space.
            mask: `(W,)` which rows may be found; None: all.
        """
        left = len(self) if mask is None else int(mask.sum())
        if self.cells is None or left <= self.exact_up_to:
            return _best(*self._exact(queries, mask, 0))
        rest = self._exact(queries, mask, self.covered) if self.covered < len(self) else None
        chosen = None if mask is None else _selector(mask[: self.covered])

        def found(count: int) -> tuple[np.ndarray, np.ndarray]:
            each = approximate.search(self.cells, self.rows, queries, count, self.probes, chosen)
            scores, rows = (column.ravel() for column in each)
            if rest is not None:
                scores, rows = (np.concatenate(pair) for pair in zip((scores, rows), rest))  # noqa: B905
            return _ranked(scores[rows >= 0], rows[rows >= 0])(count)

        return found

    def _exact(
        self, queries: np.ndarray, mask: np.ndarray | None, begin: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Score and row of every row from `begin` on that may be found."""
        scores, rows = [], []
        for first, vectors in self.blocks(begin):
            here = np.arange(first, first + len(vectors))
            if mask is not None:
                own = mask[here]
                here, vectors = here[own], vectors[own]
            scores.append((vectors @ queries.T).max(axis=1))
            rows.append(here)
        return np.concatenate(scores), np.concatenate(rows)


def _best(scores: np.ndarray, rows: np.ndarray) -> Nearest:
    """As `_ranked`, of rows that are there once: only what is asked for is brought in order."""

    def found(count: int) -> tuple[np.ndarray, np.ndarray]:
        least = max(0, len(scores) - count)
        some = (
            np.flatnonzero(scores >= np.partition(scores, least)[least]) if least else slice(None)
        )
        near, own = scores[some], rows[some]
        order = np.lexsort((own, -near))[:count]
        return near[order], own[order]

    return found


def _ranked(scores: np.ndarray, rows: np.ndarray) -> Nearest:
    """From the highest score on; a row that is there twice counts once, with its best."""
    order = np.lexsort((rows, -scores))
    scores, rows = scores[order], rows[order]
    _, once = np.unique(rows, return_index=True)
    once.sort()
    scores, rows = scores[once], rows[once]
    return lambda count: (scores[:count], rows[:count])


def _selector(mask: np.ndarray) -> Any:  # of faiss, whose types lack what it takes
    library: Any = faiss  # for the same reason
    return library.IDSelectorBitmap(np.packbits(mask, bitorder="little"))

"""An index's vectors and tables as they are opened, and the nearest rows of some vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from . import approximate, part_file
from .hits import Nearest
from .manifest import Manifest
from .part_file import Part, Recordings, Windows
from .space import Space, placed, space_of

KEPT = 256 * 2**20
"""Bytes of vectors up to which an exact search keeps them in memory once it has read them."""


@dataclass(frozen=True, eq=False)
class Opened:
    """The parts of an index.

    Args:
        parts: in order.
        windows: of all parts.
        recordings: of all parts.
        owner: `(W,)` the row of each window in `recordings`.
        space: how vectors are compared.
        exact_up_to: rows of which a search looks at every one.
        cells: the approximate index; None: there is none.
        covered: rows that are in it, the first ones.
        probes: its cells that a query looks into.
    """

    parts: list[Part]
    windows: Windows
    recordings: Recordings
    owner: np.ndarray
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
        windows = part_file.together_windows([each.windows for each in parts])
        recordings = part_file.together([each.recordings for each in parts])
        keys = recordings.source << 32 | recordings.number
        order = np.argsort(keys)
        owner = order[np.searchsorted(keys[order], windows.source << 32 | windows.recording)]
        limit, about = manifest.how.exact_up_to, manifest.approximation
        space = space_of(parts if about is None else parts[: about.centred])
        opened = cls(parts, windows, recordings, owner, space, limit)
        if about is None:
            return opened
        cells = approximate.read(folder / about.file, about.checksum, mapped=True)
        return replace(opened, cells=cells, covered=about.windows, probes=about.probes)

    def centred_on(self, parts: int) -> Opened:
        """The same with vectors by the mean and deviation of the first parts."""
        return replace(self, space=space_of(self.parts[:parts]))

    def __len__(self) -> int:
        return len(self.windows)

    @cached_property
    def first(self) -> np.ndarray:
        """First row of each part, and the number of all rows."""
        return np.cumsum([0, *(len(each.windows) for each in self.parts)])

    @cached_property
    def _kept(self) -> np.ndarray:
        return np.concatenate([self.space.of_part(each) for each in self.parts])

    @cached_property
    def _ways(self) -> tuple[np.ndarray, np.ndarray]:
        factors, shifts = zip(*(self.space.way(each) for each in self.parts), strict=True)
        return np.stack(factors), np.stack(shifts)

    def blocks(self, begin: int = 0) -> Iterator[tuple[int, np.ndarray]]:
        """All vectors from a row on, in order, each block with its first row."""
        if 4 * len(self) * len(self.space.mean) <= KEPT:
            yield begin, self._kept[begin:]
            return
        for first, each in zip(self.first, self.parts, strict=False):
            if first + len(each.windows) > begin:
                skipped = max(0, begin - int(first))
                yield int(first) + skipped, self.space.of_part(each, slice(skipped, None))

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
            return _ranked(*self._exact(queries, mask, 0))
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

"""How much an approximate index finds of what is there, and how far it must look for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import faiss
import numpy as np

from .approximate import Cells, search

QUERIES = 200
"""Windows on which the recall is measured."""
NEAREST = 10
AT_ONCE = 8192
"""Vectors that all queries are compared with at once."""
FIRST_PROBES = 8
_SAME = 1e-6
"""Difference of cosines that is rounding: of windows that are alike each is as near."""
Blocks = Callable[[], Iterator[tuple[int, np.ndarray]]]


def measure(
    cells: Cells,
    rows_of: Callable[[np.ndarray], np.ndarray],
    blocks: Blocks,
    recording: np.ndarray,
    wanted: float,
) -> tuple[int, float, int]:
    """Cells to look into so that the share of the true nearest that is found is high enough.

    Windows of the index are the queries, drawn by a fixed seed. Windows of a query's own recording
    do not count: those that overlap it are found too easily.

    Args:
        cells: see `approximate.build`.
        rows_of: see `approximate.search`.
        blocks: all vectors in order, each block with its first row.
        recording: `(W,)` the recording of each row.
        wanted: the least share.

    Returns:
        cells to look into, the share of the 10 nearest found, and how many queries measured it.
    """
    drawn = np.sort(np.random.default_rng(0).permutation(len(recording))[:QUERIES])
    queries, bounds = rows_of(drawn), _own(recording, drawn)
    truth = exact_scores(queries, blocks, bounds)
    probes = min(FIRST_PROBES, cells.nlist)
    while True:
        found = 0
        for query, (begin, end), true in zip(queries, bounds, truth, strict=True):
            others = faiss.IDSelectorNot(faiss.IDSelectorRange(int(begin), int(end)))
            scores = search(cells, rows_of, query[None], NEAREST, probes, others)[0][0]
            found += int((scores[np.isfinite(scores)] >= true.min() - _SAME).sum())
        share = found / max(1, int(np.isfinite(truth).sum()))
        if share >= wanted or probes >= cells.nlist:
            return probes, share, len(queries)
        probes = min(2 * probes, cells.nlist)


def exact_scores(queries: np.ndarray, blocks: Blocks, without: np.ndarray) -> np.ndarray:
    """The highest cosines `(Q, 10)` of each query among all vectors; -inf: there are no more.

    Args:
        queries: `(Q, D)` of length 1.
        blocks: see `measure`.
        without: `(Q, 2)` for each query first and last row (exclusive) that do not count.
    """
    scores = np.full((len(queries), NEAREST), -np.inf, np.float32)
    some = (
        (first + at, block[at : at + AT_ONCE])
        for first, block in blocks()
        for at in range(0, len(block), AT_ONCE)
    )
    for first, vectors in some:
        here = np.arange(first, first + len(vectors))
        cosines = queries @ vectors.T
        cosines[(here >= without[:, :1]) & (here < without[:, 1:])] = -np.inf
        scores = np.concatenate([scores, cosines], axis=1)
        scores = -np.partition(-scores, NEAREST - 1, axis=1)[:, :NEAREST]
    return scores


def _own(recording: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """First and last row (exclusive) of the recording that each drawn row belongs to, `(Q, 2)`."""
    changes = np.flatnonzero(np.diff(recording, prepend=-1, append=-1))
    if len(changes) == 2:  # one recording: only the query itself does not count
        return np.stack([drawn, drawn + 1], axis=1)
    own = np.searchsorted(changes, drawn, "right")
    return np.stack([changes[own - 1], changes[own]], axis=1)

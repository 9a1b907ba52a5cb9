"""How much an approximate index finds of what is there, and how far it must look for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import faiss
import numpy as np

from .approximate import Cells, search

QUERIES = 200
"""Windows on which the recall is measured."""
NEAREST = 10
FIRST_PROBES = 8


def measure(
    cells: Cells,
    rows_of: Callable[[np.ndarray], np.ndarray],
    blocks: Callable[[], Iterator[tuple[int, np.ndarray]]],
    recording: np.ndarray,
    wanted: float,
) -> tuple[int, float, int]:
    """Cells to look into so that the share of the true nearest that is found is high enough.

    Windows of the index are the queries, drawn by a fixed seed. Windows of a query's own recording
    do not count: those that overlap it are found too easily.

    Args:
        cells: see `build`.
        rows_of: see `search`.
        blocks: all vectors in order, with the first row of each block.
        recording: `(W,)` the recording of each row; rows of one lie together.
        wanted: the least share.

    Returns:
        cells to look into, the share of the 10 nearest found, and how many queries measured it.
    """
    drawn = np.sort(np.random.default_rng(0).permutation(len(recording))[:QUERIES])
    queries = rows_of(drawn)
    own = recording[drawn]
    bounds = np.stack(
        [np.searchsorted(recording, own, "left"), np.searchsorted(recording, own, "right")]
    )
    if recording[0] == recording[-1]:  # one recording: only itself does not count
        bounds = np.stack([drawn, drawn + 1])
    truth = _exact(queries, blocks, bounds)
    probes, share = min(FIRST_PROBES, cells.nlist), 0.0
    while True:
        found = 0
        for query, (begin, end), true in zip(queries, bounds.T, truth, strict=True):
            others = faiss.IDSelectorNot(faiss.IDSelectorRange(int(begin), int(end)))
            rows = search(cells, rows_of, query[None], NEAREST, probes, others)[1][0]
            found += len(np.intersect1d(rows[rows >= 0], true[true >= 0]))
        share = found / max(1, int((truth >= 0).sum()))
        if share >= wanted or probes >= cells.nlist:
            return probes, share, len(queries)
        probes = min(2 * probes, cells.nlist)


def _exact(
    queries: np.ndarray,
    blocks: Callable[[], Iterator[tuple[int, np.ndarray]]],
    bounds: np.ndarray,
) -> np.ndarray:
    """The nearest rows `(Q, 10)` of each query, without those within its bounds."""
    scores = np.full((len(queries), NEAREST), -np.inf, np.float32)
    rows = np.full((len(queries), NEAREST), -1)
    for first, vectors in blocks():
        here = np.arange(first, first + len(vectors))
        cosines = queries @ vectors.T
        cosines[(here >= bounds[0][:, None]) & (here < bounds[1][:, None])] = -np.inf
        scores = np.concatenate([scores, cosines], axis=1)
        rows = np.concatenate([rows, np.broadcast_to(here, cosines.shape)], axis=1)
        order = np.argpartition(-scores, NEAREST - 1, axis=1)[:, :NEAREST]
        scores, rows = (np.take_along_axis(x, order, axis=1) for x in (scores, rows))
    return np.where(np.isfinite(scores), rows, -1)

"""Cosines between features: some queries at a time, and centred for people who read them."""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor

from ..encoders._products import linear

BLOCK_BYTES = 64 * 2**20
"""Most bytes that one block of a query-by-gallery similarity matrix takes."""


def cosine_blocks(
    queries: Tensor, gallery: Tensor, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[slice, Tensor]]:
    """Cosine similarities, some queries at a time: memory is bounded whatever the gallery's size.

    Args:
        queries: `(Q, D)` features, on the device that computes.
        gallery: `(G, D)` features on the same device.
        block_bytes: most bytes of one block (a single query is always taken whole).

    Yields:
        the block's queries as a slice, and their `(n, G)` similarities in [-1, 1] (0 for an
        all-zero feature).
    """
    rows = max(1, block_bytes // (4 * len(gallery)))
    gallery = F.normalize(gallery.float(), dim=1)
    for begin in range(0, len(queries), rows):
        block = slice(begin, min(begin + rows, len(queries)))
        yield block, linear(F.normalize(queries[block].float(), dim=1), gallery)


def centred(queries: Tensor, gallery: Tensor) -> tuple[Tensor, Tensor]:
    """Features minus the mean of the gallery: what similarities that people read are taken of.

    Encoders give all motions a large part in common, so that cosines of their features lie between
    0.99 and 1 whatever the motions are. Without that part 1 is alike, 0 no more alike than any two
    clips of the gallery, and below 0 less so.

    Args:
        queries: `(Q, D)` features.
        gallery: `(G, D)` features; of a single clip nothing is left, and its similarities are 0.

    Returns:
        `(Q, D)` and `(G, D)` float32, for `cosine_blocks`.

    Examples:
        >>> import torch
        >>> gallery = torch.tensor([[100.0, 1.0], [100.0, -1.0]])
        >>> query = torch.tensor([[100.0, 2.0]])
        >>> [round(s, 4) for s in next(cosine_blocks(query, gallery))[1][0].tolist()]
        [1.0, 0.9996]
        >>> [round(s, 4) for s in next(cosine_blocks(*centred(query, gallery)))[1][0].tolist()]
        [1.0, -1.0]
    """
    mean = gallery.double().mean(dim=0)
    queries, gallery = (x.double() - mean for x in (queries, gallery))
    return queries.float(), gallery.float()

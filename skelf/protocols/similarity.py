"""Cosines between features: some queries at a time, and centred for people who read them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from ..encoders._products import linear

ROWS = 192
"""Queries of a block: with many fewer, a product reads the gallery too often for what it does."""
BLOCK_BYTES, DEVICE_BYTES = 32 * 2**20, 64 * 2**20
"""Most bytes that one block of a query-by-gallery similarity matrix takes, on a CPU and beyond."""
_AT_ONCE = 4096  # rows that are in double precision at a time


def cosine_blocks(
    queries: Tensor, gallery: Tensor, block_bytes: int | None = None, *, overwrite: bool = False
) -> Iterator[tuple[slice, Tensor]]:
    """Cosine similarities, some queries at a time: memory is bounded whatever the gallery's size.

    Args:
        queries: `(Q, D)` features, on the device that computes.
        gallery: `(G, D)` features on the same device.
        block_bytes: most bytes of one block (a single query is always taken whole); None: on a CPU
            those of `ROWS` queries, and at most `BLOCK_BYTES`.
        overwrite: float32 features of the gallery are normalised where they are, not in a copy.

    Yields:
        the block's queries as a slice, and their `(n, G)` similarities in [-1, 1] (0 for an
        all-zero feature).
    """
    rows = _rows(gallery, block_bytes)
    gallery = gallery.float()
    gallery = F.normalize(gallery, dim=1, out=gallery if overwrite else None)
    for begin in range(0, len(queries), rows):
        block = slice(begin, min(begin + rows, len(queries)))
        yield block, linear(F.normalize(queries[block].float(), dim=1), gallery)


def _rows(gallery: Tensor, block_bytes: int | None) -> int:
    """Queries of a block."""
    row = 4 * len(gallery)
    if block_bytes is None:
        on_cpu = gallery.device.type == "cpu"
        block_bytes = min(BLOCK_BYTES, ROWS * row) if on_cpu else DEVICE_BYTES
    return max(1, block_bytes // row)


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
    total = torch.stack([gallery[some].double().sum(dim=0) for some in _some(gallery)]).sum(dim=0)
    mean = total / len(gallery)
    return _without(queries, mean), _without(gallery, mean)


def _without(features: Tensor, mean: Tensor) -> Tensor:
    """Features `(n, D)` minus a mean, in double precision, as float32."""
    left = torch.empty_like(features, dtype=torch.float32)
    for some in _some(features):
        left[some] = (features[some].double() - mean).float()
    return left


def _some(features: Tensor) -> list[slice]:
    return [slice(at, at + _AT_ONCE) for at in range(0, len(features), _AT_ONCE)]

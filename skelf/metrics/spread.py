"""How vectors are spread: signs of a good or a collapsing encoder that need no label.

Sources: Garrido et al., "RankMe: Assessing the Downstream Performance of Pretrained Self-Supervised
Representations by Their Rank", ICML 2023; Wang and Isola, "Understanding Contrastive Representation
Learning through Alignment and Uniformity on the Hypersphere", ICML 2020.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError

Values = Tensor | np.ndarray

EPSILON = 1e-7
"""Added to each share of a singular value, as the paper does for float32 features."""

BLOCK_BYTES = 64 * 2**20
"""Most bytes that one block of distances takes."""


def effective_rank(vectors: Values) -> Tensor:
    """How many directions vectors take: RankMe, exp of the entropy of their singular values.

    Vectors are not centred, so that equal ones count as one direction.

    Args:
        vectors: `(..., N, D)`, each `(N, D)` by itself; of any length, only proportions count.

    Returns:
        `(...)` float64: about 1 where all vectors are multiples of one, `min(N, D)` where all
        directions are taken alike, 0 where all vectors are 0.

    Raises:
        InputError: no vectors, or numbers that are not finite.

    Source: Garrido et al. 2023, Eq. 1 and 2, `EPSILON` included (sources E16).

    >>> round(float(effective_rank(torch.eye(4))), 3)
    4.0
    >>> round(float(effective_rank(torch.ones(6, 4))), 3)  # all alike
    1.0
    """
    z = _checked(vectors, "vectors", least=1)
    # Of the smaller side: its eigenvalues are the squares, in float64 true to 1e-8 of the largest.
    gram = z @ z.mT if z.shape[-2] <= z.shape[-1] else z.mT @ z
    singular = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt()
    total = singular.sum(dim=-1, keepdim=True)
    share = singular / total.clamp_min(torch.finfo(total.dtype).tiny) + EPSILON
    rank = torch.exp(-(share * share.log()).sum(dim=-1))
    return torch.where(total[..., 0] > 0, rank, torch.zeros_like(rank))


def alignment(first: Values, second: Values) -> float:
    """How far apart two views of a thing are: the mean squared distance of vectors of length 1.

    Args:
        first: `(N, D)`; each is brought to length 1 here, one of length 0 stays as it is.
        second: `(N, D)`, the other view of each.

    Returns:
        0 (the two always agree) to 4 (they are always opposite).

    Raises:
        InputError: no vectors, another shape, or numbers that are not finite.

    Source: Wang and Isola 2020, section 4.1.1, alpha = 2 (sources E17).

    >>> alignment(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    1.0
    """
    one, other = _checked(first, "first", least=1), _checked(second, "second", least=1)
    if one.shape != other.shape or one.ndim != 2:
        raise InputError(
            f"alignment: expected two views (N, D), got {tuple(one.shape)} and {tuple(other.shape)}"
        )
    apart = F.normalize(one, dim=1) - F.normalize(other, dim=1)
    return float(apart.square().sum(dim=1).mean())


def uniformity(vectors: Values, block_bytes: int = BLOCK_BYTES) -> float:
    """How evenly vectors fill the sphere: log of the mean of exp(-2 distance squared) over pairs.

    Works through the vectors in blocks, so that memory is bounded whatever their number.

    Args:
        vectors: `(N, D)`; each is brought to length 1 here, one of length 0 stays as it is.
        block_bytes: most bytes of one block (a single row is always taken whole).

    Returns:
        0 (all alike) down to -8; about -4 where they are spread evenly in many dimensions.

    Raises:
        InputError: fewer than two vectors, another shape, or numbers that are not finite.

    Source: Wang and Isola 2020, section 4.1.2, t = 2, over pairs of two different vectors
    (sources E17).

    >>> round(uniformity(torch.tensor([[1.0, 0.0], [0.0, 1.0]])), 6)  # exp(-2 * 2) of one pair
    -4.0
    """
    z = _checked(vectors, "vectors", least=2)
    if z.ndim != 2:
        raise InputError(f"uniformity: expected vectors (N, D), got {tuple(z.shape)}")
    z, count = F.normalize(z, dim=1), len(z)
    squares = z.square().sum(dim=1)
    rows, total = max(1, block_bytes // (8 * count)), 0.0
    for begin in range(0, count, rows):
        block = slice(begin, min(begin + rows, count))
        apart = squares[block, None] + squares - 2 * (z[block] @ z.mT)
        close = torch.exp(-2 * apart.clamp_min(0))
        # Of each pair once: what stands to the right of the diagonal.
        total += float(close.triu(begin + 1).sum())
    return float(np.log(total / (count * (count - 1) / 2)))


def _checked(vectors: Values, name: str, least: int) -> Tensor:
    """As float64, in which squares of float32 numbers lose nothing."""
    z = torch.as_tensor(vectors)
    if z.ndim < 2 or z.shape[-2] < least or not z.shape[-1]:
        raise InputError(
            f"{name}: expected at least {least} vector{'s' * (least > 1)} (N, D), "
            f"got {tuple(z.shape)}"
        )
    if not bool(z.isfinite().all()):
        raise InputError(f"{name}: NaN or Inf among them; leave such vectors out")
    return z.double()

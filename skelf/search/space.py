"""How vectors are compared: each number by its mean and deviation in the index, then cosines.

Encoders give all motions a large part in common, and a few numbers that vary much. Without either,
cosines say more of what is done: 1 is alike, 0 no more alike than any two windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .part_file import Part

_STEADY = 1e-3
"""Share of the usual deviation below which a number hardly varies: it is not blown up further."""


class Space(NamedTuple):
    """Mean and deviation by which vectors are taken.

    Args:
        mean: `(D,)` float64.
        deviation: `(D,)` float64, above 0.
    """

    mean: np.ndarray
    deviation: np.ndarray

    def of(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors `(n, D)` of an encoder as float32 of length 1; zeros stay."""
        return _unit((vectors.astype(np.float64) - self.mean) / self.deviation)

    def of_part(self, part: Part, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The same of rows of a part."""
        factor, shift = self.way(part)
        return placed(part.kept[rows], factor, shift)

    def way(self, part: Part) -> tuple[np.ndarray, np.ndarray]:
        """What the kept numbers of a part are multiplied by, and what is added: `(D,)` each."""
        factor = (part.scale / self.deviation).astype(np.float32)
        return factor, ((part.mean - self.mean) / self.deviation).astype(np.float32)


def space_of(parts: Sequence[Part]) -> Space:
    """Mean and deviation of all vectors of some parts.

    Source: the variances of several samples joined, Chan, Golub and LeVeque, 1979.
    """
    counts = np.array([len(part.windows) for part in parts], np.float64)
    means = np.stack([part.mean for part in parts])
    mean = counts @ means / counts.sum()
    squares = sum(part.squares for part in parts) + counts @ (means - mean) ** 2
    deviation = np.sqrt(squares / counts.sum())
    usual = float(np.sqrt((deviation**2).mean()))
    return Space(mean, np.maximum(deviation, _STEADY * usual if usual > 0 else 1.0))


def placed(kept: np.ndarray, factor: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Kept numbers `(n, D)` as float32 vectors of length 1, see `Space.way`."""
    return _unit(kept.astype(np.float32) * factor + shift)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: np.ndarray = (vectors / np.maximum(length, 1e-12)).astype(np.float32, copy=False)
    return unit

"""A store, a run and an index that are small enough for tests of the search."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import tiny_runs

from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.search import Search


@cache
def run() -> Path:
    """A run of one epoch."""
    folder = Path(mkdtemp(prefix="skelf-search-"))
    return tiny_runs.pretrain(folder / "run", "train.epochs=1", "train.milestones=[]")


@cache
def clips() -> ClipSet:
    """Eight clips and three recordings with segments, of four subjects."""
    return generate(clips=8, recordings=3, subjects=4, seed=3)


HOW = Search(scales=(0.5, 1.0, 2.0), stride=0.5)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of the index's space, as the docs say it: mean 0, deviation 1, length 1."""
    x = vectors.astype(np.float64)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return x / np.linalg.norm(x, axis=1, keepdims=True)

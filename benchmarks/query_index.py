"""`python -m benchmarks.query_index INDEX`: a query among a real index's vectors.

They are repeated, each with noise of its own, until there are a million.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from skelf.search import manifest as manifests
from skelf.search import part_file

from .query import SIZES, Draw, measured
from .timing import Effort

JITTER = 0.3
"""Deviation of the noise, of each number's own."""


def of_index(folder: Path) -> Draw:
    """Draws vectors of a real index, each with noise of 0.3 deviations of each number."""
    pieces = manifests.read(folder).parts
    parts = [part_file.read(folder / piece.file, piece.checksum) for piece in pieces]
    known = np.concatenate([one.kept * one.scale + one.mean for one in parts]).astype(np.float32)
    spread = JITTER * known.std(axis=0)

    def draw(count: int, random: np.random.Generator) -> np.ndarray:
        noise = spread * random.standard_normal((count, known.shape[1]), np.float32)
        return known[random.integers(0, len(known), count)] + noise

    return draw


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.query_index", description=__doc__)
    parser.add_argument("index", type=Path, help="by `skelf search index`")
    parser.add_argument("--windows", type=int, default=SIZES["paper"]["windows"])
    given = parser.parse_args()
    exact = min(SIZES["paper"]["exact"], given.windows // 2)
    effort, draw = Effort(threads=(1,)), of_index(given.index)
    print(json.dumps(measured("real", given.windows, exact, draw, effort), indent=1))


if __name__ == "__main__":
    main()

"""The approximate index: cells of like vectors (faiss), of which a query looks into a few.

Vectors are in it with 8 bits a number; what it finds is scored again by the parts' own vectors. A
graph over whole vectors (HNSW) takes more than four times the memory: 32 bits a number and links.

Source: inverted files, Jegou, Douze and Schmid, Product quantization for nearest neighbor search,
2011, section IV.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from ..checkpoints.checksums import checksum
from ..files import is_text, replacing
from .part_file import Part
from .space import Space
from .whole import refuse_damaged

Cells = Any  # faiss's index, whose types lack what it takes
_library: Any = faiss  # for the same reason
TRAINED_ON = 32
"""Vectors a cell that the cells are found by."""
ROUNDS = 8
"""Of k-means."""
MORE, LEAST = 4, 32
"""Times as many candidates as are asked for, and how many at least, are scored again."""
Report = Callable[[str, int, int], None]


def cells_of(windows: int) -> int:
    """Number of cells for so many windows: 4 times their square root, as faiss advises."""
    return max(1, min(int(4 * np.sqrt(windows)), windows // TRAINED_ON))


def build(parts: Sequence[Part], space: Space, report: Report) -> Cells:
    """Cells with all vectors of the parts.

    Args:
        parts: the parts.
        space: how vectors are compared.
        report: called with what is done, how much of it is done, and all.
    """
    counts = [len(part.windows) for part in parts]
    total, dim = sum(counts), len(space.mean)
    number = cells_of(total)
    cells = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dim), dim, number,
        faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT,
    )  # fmt: skip
    cells.cp.niter = ROUNDS
    cells.cp.max_points_per_centroid = TRAINED_ON
    cells.cp.min_points_per_centroid = 1
    report("finding cells", 0, 1)
    cells.train(_sample(parts, space, min(total, TRAINED_ON * number)))
    report("finding cells", 1, 1)
    add(cells, parts, space, report)
    return cells


def add(cells: Cells, parts: Sequence[Part], space: Space, report: Report) -> None:
    """Adds the vectors of further parts; their rows follow those that are in it."""
    total = sum(len(part.windows) for part in parts)
    done = 0
    for part in parts:
        cells.add(space.of_part(part))
        done += len(part.windows)
        report("sorting into cells", done, total)


def search(
    cells: Cells,
    rows_of: Callable[[np.ndarray], np.ndarray],
    queries: np.ndarray,
    count: int,
    probes: int,
    chosen: Any = None,  # a selector of faiss
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest rows of each query.

    Args:
        cells: see `build`.
        rows_of: rows `(n,)` -> their vectors `(n, D)`.
        queries: `(Q, D)` of length 1.
        count: rows for each query.
        probes: cells to look into.
        chosen: which rows may be found; None: all.

    Returns:
        cosines `(Q, count)`, from high to low, and rows; -1 where there are no more.
    """
    how = _library.SearchParametersIVF(nprobe=probes)
    if chosen is not None:
        how.sel = chosen
    _, found = cells.search(queries, max(MORE * count, LEAST), params=how)
    scores = np.full((len(queries), count), -np.inf, np.float32)
    rows = np.full((len(queries), count), -1)
    for at, (query, candidates) in enumerate(zip(queries, found, strict=True)):
        candidates = candidates[candidates >= 0]
        if not len(candidates):
            continue
        cosines = rows_of(candidates) @ query
        order = np.argsort(-cosines, kind="stable")[:count]
        scores[at, : len(order)], rows[at, : len(order)] = cosines[order], candidates[order]
    return scores, rows


def _sample(parts: Sequence[Part], space: Space, count: int) -> np.ndarray:
    """`count` vectors of all parts, drawn by a fixed seed."""
    counts = np.array([len(part.windows) for part in parts])
    first = np.cumsum(counts) - counts
    drawn = np.sort(np.random.default_rng(0).permutation(counts.sum())[:count])
    taken = []
    for part, begin, size in zip(parts, first, counts, strict=True):
        rows = drawn[(drawn >= begin) & (drawn < begin + size)] - begin
        taken.append(space.of_part(part, rows))
    return np.concatenate(taken)


def write(cells: Cells, path: Path) -> str:
    """Writes cells whole or not at all.

    Returns:
        the file's checksum.

    Raises:
        OSError: it could not be written.
    """
    content = faiss.serialize_index(cells)
    with replacing(path) as beside:
        content.tofile(beside)
    return checksum(path)


def read(path: Path, expected: str, *, mapped: bool = False) -> Cells:
    """Reads cells and compares them with their checksum.

    Args:
        path: the file.
        expected: its checksum.
        mapped: their vectors stay on the disk: a search reads those of the cells that it looks
            into, and nothing can be added.

    Raises:
        InputError: missing, or not the bytes that were written.
    """
    refuse_damaged(path, expected, "the approximate index")
    if is_text(path):  # which faiss wants
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP if mapped else 0)
    return faiss.deserialize_index(np.fromfile(path, np.uint8))

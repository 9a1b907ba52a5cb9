"""A query in a large search index, against the exact scan of all its vectors."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import faiss
import numpy as np
from threadpoolctl import threadpool_limits

from skelf.search import Search, part_file
from skelf.search import manifest as manifests
from skelf.search.finish import finished
from skelf.search.manifest import Manifest, Piece, Source
from skelf.search.opened import Opened
from skelf.search.recall import NEAREST

from .fresh import fresh, peak_of
from .timing import Effort, Step, compared, interleaved

# windows, numbers of a vector, and up to how many the index is exact
SIZES: dict[str, dict[str, int]] = {
    "paper": {"windows": 1_000_000, "dim": 256, "exact": 100_000},
    "small": {"windows": 50_000, "dim": 256, "exact": 1000},
    "tiny": {"windows": 3000, "dim": 16, "exact": 1000},
}
QUERIES = 500
"""Beside the index's windows: what is asked for is never in it."""
ROUNDS = 200
OF_RECORDING = 200
_LATENT, _HIDDEN, _ACTIONS = 24, 128, 500
Draw = Callable[[int, np.random.Generator], np.ndarray]


class Made(NamedTuple):
    """An index on the disk and what its queries find by the exact scan.

    Args:
        folder: the index.
        seconds: that the parts' approximate index took.
        queries: `(Q, D)` as an encoder would give them.
    """

    folder: Path
    seconds: float
    queries: np.ndarray


def query(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """One query's 10 nearest windows."""
    rows = []
    for size in effort.sizes:
        s = SIZES[size]
        rows += measured(size, s["windows"], s["exact"], vectors(s["dim"]), effort)
    return rows


def vectors(dim: int) -> Draw:
    """Draws vectors as motions give them: many near few, on a surface of few dimensions.

    A window is one of 500 actions plus what differs, 24 numbers in all; a fixed random network of
    two layers makes `dim` of them, all with a large part in common, and a little noise is added.
    """
    fixed = np.random.default_rng(0)
    actions = fixed.standard_normal((_ACTIONS, _LATENT), np.float32)
    first = fixed.standard_normal((_LATENT, _HIDDEN), np.float32) / np.sqrt(_LATENT)
    second = fixed.standard_normal((_HIDDEN, dim), np.float32) / np.sqrt(_HIDDEN)

    def draw(count: int, random: np.random.Generator) -> np.ndarray:
        differs = 0.5 * random.standard_normal((count, _LATENT), np.float32)
        latent = actions[random.integers(0, _ACTIONS, count)] + differs
        noise = 0.05 * random.standard_normal((count, dim), np.float32)
        return 10 + np.tanh(latent @ first) @ second + noise

    return draw


def measured(
    size: str, windows: int, exact: int, draw: Draw, effort: Effort
) -> list[dict[str, Any]]:
    """A row for each number of threads."""
    rows, before = [], faiss.omp_get_max_threads()
    with tempfile.TemporaryDirectory() as folder:
        made = write(Path(folder), windows, exact, draw)
        opened = Opened.read(made.folder, manifests.read(made.folder))
        asked = opened.space.of(made.queries)
        flat = faiss.IndexFlatIP(asked.shape[1])
        for _, block in opened.blocks():
            flat.add(block)
        truth = flat.search(asked, NEAREST)[0][:, -1]
        found = [opened.nearest(one[None])(NEAREST)[0] for one in asked]
        share = np.mean(
            [(f >= t - 1e-6).sum() / NEAREST for f, t in zip(found, truth, strict=True)]
        )
        about = manifests.read(made.folder).approximation
        assert about is not None
        for threads in effort.threads:
            faiss.omp_set_num_threads(threads)
            each = {
                "plain": _step(asked, lambda one: flat.search(one, NEAREST)),
                "skelf": _step(asked, lambda one: opened.nearest(one)(NEAREST)),
            }
            with threadpool_limits(threads):
                times = interleaved(each, ROUNDS)
            row: dict[str, Any] = {"benchmark": "query", "size": size, "threads": threads}
            row |= effort.said() | {"repeats": ROUNDS} | compared(times, 1)
            row |= {
                "recall@10": float(share),
                "recall@10 said by the index": about.recall,
                "cells": about.kind,
                "cells looked into": about.probes,
                "index GB": sum(f.stat().st_size for f in made.folder.iterdir()) / 1e9,
                "building s": made.seconds,
                "skelf memory GiB": fresh(memory, str(made.folder)),
                "plain memory GiB": 4 * windows * asked.shape[1] / 2**30,
            }
            rows.append(row)
    faiss.omp_set_num_threads(before)
    return rows


def write(folder: Path, windows: int, exact: int, draw: Draw) -> Made:
    """An index of drawn vectors, as `skelf search index` leaves one; 200 windows a recording."""
    random, pieces = np.random.default_rng(1), []
    for number, rows in enumerate(_chunks(windows)):
        own = np.flatnonzero(rows % OF_RECORDING == 0)
        name = f"part-{number:06d}.safetensors"
        recordings = _recordings(rows[own] // OF_RECORDING)
        table = part_file.Windows(
            rows * 0, rows // OF_RECORDING, rows % OF_RECORDING, rows % OF_RECORDING + 30,
            rows * 0, rows * 0 - 1,
        )  # fmt: skip
        checksum = part_file.write(folder / name, draw(len(rows), random), table, recordings)
        pieces.append(Piece(name, len(rows), checksum))
    queries = draw(QUERIES, random)
    manifest = Manifest(
        "none", queries.shape[1], Search(exact_up_to=exact, recall=0.98),
        sources=(Source("drawn", "none", windows, windows),), parts=tuple(pieces),
    )  # fmt: skip
    start = time.perf_counter()
    finished(folder, manifest, lambda line: None, lambda *_: None)
    return Made(folder, time.perf_counter() - start, queries)


def memory(folder: str) -> float:
    """GiB that opening an index and a query take."""

    def ask() -> None:
        opened = Opened.read(Path(folder), manifests.read(Path(folder)))
        opened.nearest(opened.rows(np.arange(1)))(NEAREST)

    return peak_of(ask)


def _chunks(windows: int) -> Iterator[np.ndarray]:
    for first in range(0, windows, part_file.WINDOWS):
        yield np.arange(first, min(windows, first + part_file.WINDOWS))


def _recordings(numbers: np.ndarray) -> part_file.Recordings:
    none, zeros = np.full(len(numbers), -1), np.zeros(len(numbers), np.int64)
    return part_file.Recordings(
        source=zeros, number=numbers, clip=numbers, name=[f"r{n}" for n in numbers],
        fps=zeros + 30.0, frames=zeros + 240, label=none, subject=none, camera=none, setup=none,
        person=none, digest=numbers,
    )  # fmt: skip


def _step(asked: np.ndarray, ask: Callable[[np.ndarray], Any]) -> Step:
    turn = cycle(range(len(asked)))

    def step(lap: Callable[[str], None]) -> None:
        at = next(turn)
        ask(asked[at : at + 1])
        lap("search")

    return step

"""An opened index: what a query reads of it, whose its windows are, filters, the best rows."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from skelf.search import Index, Search
from skelf.search import opened as opened_index
from skelf.search import part_file as parts
from skelf.search.chosen import allowed
from skelf.search.hits import apart
from skelf.search.manifest import Manifest, Piece, Source
from skelf.search.opened import Opened


def drawn_index(folder: Path, count: int) -> Index:
    """An index of drawn vectors, 5 windows a recording, 4,096 windows a part."""
    random, pieces = np.random.default_rng(0), []
    for number in range(count):
        rows = np.arange(number * 4096, (number + 1) * 4096)
        own = np.unique(rows // 5)[0 if number == 0 or rows[0] % 5 == 0 else 1 :]
        zeros, none = np.zeros(len(own), np.int64), np.full(len(own), -1)
        recordings = parts.Recordings(
            zeros, own, own, [f"recording {n}" for n in own], zeros + 30.0, zeros + 90,
            none, own % 7, none, none, none, own,
        )  # fmt: skip
        windows = parts.Windows(rows * 0, rows // 5, rows, rows + 9, rows * 0, rows * 0 - 1)
        name = f"part-{number:06d}.safetensors"
        vectors = random.standard_normal((len(rows), 8), np.float32)
        sum_ = parts.write(folder / name, vectors, windows, recordings)
        pieces.append(Piece(name, len(rows), sum_))
    manifest = Manifest("none", 8, Search(), sources=(Source("a", "b", 1, 1),), parts=(*pieces,))
    return Index(folder, manifest, Opened.read(folder, manifest))


def test_a_query_of_a_large_index_reads_what_it_needs(tmp_path: Path) -> None:
    index = drawn_index(tmp_path, 16)
    windows = len(index)
    tracemalloc.start()
    opened = Opened.read(tmp_path, index.manifest)
    of_tables = tracemalloc.get_traced_memory()[1]
    asked = opened.rows(np.array([30_000]))
    hits = apart(opened.window, opened.nearest(asked), 10, windows)
    recordings, at = opened.recording(hits[0][1])
    of_query = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert hits[0][1] == 30_000 and recordings.name[at] == "recording 6000"
    # The table is 56 bytes a window, a recording 160, the vectors 32: read whole, 120 a window.
    assert of_tables < 8 * windows and of_query < 40 * windows
    again = [apart(opened.window, opened.nearest(asked), 10, windows) for _ in range(2)]
    assert again == [hits, hits]  # from the second on vectors are kept, to the same bit


def test_a_filter_of_a_large_index_is_that_of_its_whole_table(tmp_path: Path) -> None:
    opened = drawn_index(tmp_path, 4).opened
    rows = np.arange(len(opened))
    names = ["recording 11", "recording 819", "recording 2462"]  # of subjects 4, 0 and 5
    mask = allowed({"subject": [0, 4], "recording": names}, opened, ())
    assert mask is not None  # of recording 819 windows lie in two parts
    assert rows[mask].tolist() == [*range(55, 60), *range(4095, 4100)]
    for row in (0, 4095, 4096, 4099, 4100, len(rows) - 1):  # one recording lies in two parts
        recordings, at = opened.recording(row)
        assert recordings.number[at] == opened.window(row).recording == row // 5


@pytest.mark.parametrize("count", [1, 7, 50, 300])
def test_the_best_are_those_of_the_whole_order(count: int) -> None:
    random = np.random.default_rng(0)
    scores = random.integers(0, 40, 300).astype(np.float32) / 40  # many are the same
    rows = random.permutation(1000)[:300]
    best = sorted(zip((-scores).tolist(), rows.tolist(), strict=True))[:count]
    found = opened_index._best(scores, rows)(count)
    assert found[1].tolist() == [row for _, row in best]
    assert found[0].tolist() == [-score for score, _ in best]

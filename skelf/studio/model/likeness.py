"""Stretches like one that a person points at."""

from __future__ import annotations

import itertools

import numpy as np

from ...search.hits import apart
from ...search.part_file import Windows
from .answers import Hit
from .table import Table, directions

PARTS = 3
"""Parts of a stretch whose means are compared one by one, so that its order in time counts."""
HOPS = 4
"""Windows that begin in the length of one."""


def similar(table: Table, recording: str, start: int, end: int, top: int = 20) -> list[Hit]:
    """Stretches like this one, the most alike first; none overlaps it or another of them.

    Windows as long in seconds are compared by the cosine of their parts' means.

    Args:
        table: the features.
        recording: its name.
        start: first frame.
        end: exclusive.
        top: how many are wanted.

    Raises:
        InputError: a recording without features, or an empty stretch.
    """
    number = table.number(recording)
    first, last = table.bins(number, start, end)
    asked = parts(table.values[number], np.array([first]), last - first)[0]
    seconds = (last - first) * float(table.step[number] / table.fps[number])
    rows, scores = [], []
    for at, values in enumerate(table.values):
        size = max(1, round(seconds * float(table.fps[at] / table.step[at])))
        begins = np.arange(0, max(1, len(values) - size + 1), max(1, size // HOPS))
        if at == number:
            begins = begins[(begins >= last) | (begins + size <= first)]
        if len(begins):
            scores.append(parts(values, begins, size) @ asked)
            ends = np.minimum(begins + size, len(values))
            rows.append(np.stack([np.full(len(begins), at), begins, ends], axis=1))
    if not rows:
        return []
    places, score = np.concatenate(rows), np.concatenate(scores)
    zeros = np.zeros(len(places), np.int64)
    windows = Windows(zeros, places[:, 0], places[:, 1], places[:, 2], zeros, zeros - 1)
    order = np.argsort(-score, kind="stable")
    best = apart(windows.one, lambda ask: (score[order[:ask]], order[:ask]), top, len(order))
    hits = []
    for value, row in best:
        at, begin, stop = places[row].tolist()
        hits.append(Hit(table.names[at], *table.span(at, begin, stop), float(value)))
    return hits


def parts(values: np.ndarray, begins: np.ndarray, size: int) -> np.ndarray:
    """The means of each window's parts, side by side and of length 1.

    Args:
        values: `(B, D)`.
        begins: `(W,)` first bins; a window that leaves the values is cut.
        size: bins of a window.

    Returns:
        `(W, PARTS * D)` float32.
    """
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=float)])
    edges = np.linspace(0, size, PARTS + 1)
    means = []
    for low, high in itertools.pairwise(edges):
        a = begins + int(low)
        b = np.maximum(begins + int(np.ceil(high)), a + 1)
        a, b = (np.minimum(end, len(values)) for end in (a, b))
        a = np.minimum(a, b - 1)
        means.append((total[b] - total[a]) / (b - a)[:, None])
    return directions(np.concatenate(means, axis=1))

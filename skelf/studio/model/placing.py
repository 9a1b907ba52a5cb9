"""All stretches in a plane, near ones alike, with what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...discover.clusters import clusters
from ...discover.options import Discover, smallest_cluster
from ...pages.embedding import project
from .answers import Point
from .table import Table

if TYPE_CHECKING:
    from ..labels.segment import Segment


def plane(
    table: Table, segments: Sequence[Segment] = (), *, most: int = 2000, method: str = "tsne"
) -> list[Point]:
    """All stretches as points of which near ones are alike.

    Takes some seconds: ask it in a thread. The same features give the same places.

    Args:
        table: the features.
        segments: all labels; they change no place.
        most: points, of more stretches a random sample.
        method: tsne, or umap where it is installed.

    Raises:
        InputError: UMAP is wanted and not installed.
    """
    if not len(table.stretches):
        return []
    points, rows = project(table.vectors, 0, method=method, limit=most)
    low, high = points.min(axis=0), points.max(axis=0)
    points = (points - low) / np.where(high > low, high - low, 1)
    chosen = table.stretches[rows]
    seconds = (chosen[:, 2] - chosen[:, 1]) * (table.step / table.fps)[chosen[:, 0]]
    smallest = smallest_cluster(Discover(), len(rows))
    cluster, _ = clusters(table.vectors[rows].astype(np.float64), smallest, weight=seconds)
    by_recording: dict[str, list[Segment]] = {}
    for segment in segments:
        by_recording.setdefault(segment.recording, []).append(segment)
    found = []
    for (recording, first, last), (x, y), group in zip(
        chosen.tolist(), points.tolist(), cluster.tolist(), strict=True
    ):
        start, end = table.span(recording, first, last)
        name = table.names[recording]
        label = named(by_recording.get(name, ()), start, end)
        found.append(Point(name, start, end, x, y, label, group))
    return found


def named(segments: Sequence[Segment], start: int, end: int) -> str:
    """The label that has most of a stretch, and at least half; "" where none has."""
    shares: dict[str, int] = {}
    for s in segments:
        if s.kind == "is":
            inside = min(end, s.end) - max(start, s.start)
            shares[s.label] = shares.get(s.label, 0) + max(0, inside)
    best = max(shares, key=lambda label: shares[label], default="")
    return best if best and 2 * shares[best] >= end - start else ""

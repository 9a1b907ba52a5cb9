"""A class that is two: groups of like segments within it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from .likeness import parts
from .table import Table, directions

if TYPE_CHECKING:
    from ..labels.segment import Segment

APART = 0.2
"""Silhouette that groups must have at least."""
SMALLEST = 3
"""Segments of the smallest group: fewer are odd ones out."""
CLOUDS = 10
"""Clouds without groups that real groups must lie further apart than."""


def split_class(
    table: Table, segments: Sequence[Segment], label: str, most: int = 4
) -> list[list[Segment]]:
    """The segments of a class in groups of like ones, the largest first; one group: all alike.

    Args:
        table: the features; segments of recordings that it lacks are left out.
        segments: all labels.
        label: the class.
        most: groups, at most.

    Raises:
        InputError: the class has no segment with features.
    """
    own = [s for s in segments if s.label == label and s.kind == "is"]
    own = [s for s in own if s.recording in table.numbers]
    if not own:
        raise InputError(f"{label!r}: no segment of this class has features; label some first")
    groups = grouped(_points(table, own), most)
    order = np.argsort(-np.bincount(groups), kind="stable")
    return [[own[at] for at in np.flatnonzero(groups == group)] for group in order.tolist()]


def grouped(points: np.ndarray, most: int) -> np.ndarray:
    """The group of each of `(S, D)` points: by Ward's linkage and the best silhouette.

    A cloud can always be cut. So the cut must be better than that of every one of some clouds which
    are drawn from the normal distribution of the same mean and covariance.

    Args:
        points: of length 1.
        most: groups, at most.

    Source: Ward 1963; Rousseeuw 1987, on silhouettes; as scikit-learn has both.
    """
    score, groups = _cut(points, most)
    if score <= APART:
        return np.zeros(len(points), np.int64)
    random, mean = np.random.default_rng(0), points.mean(axis=0)
    spread = (points - mean) / np.sqrt(len(points) - 1)
    for _ in range(CLOUDS):
        cloud = directions(mean + random.standard_normal((len(points), len(points))) @ spread)
        if _cut(cloud, most)[0] >= score:
            return np.zeros(len(points), np.int64)
    return groups


def _cut(points: np.ndarray, most: int) -> tuple[float, np.ndarray]:
    """The best silhouette, and its groups; 0 where none are large enough."""
    from sklearn.cluster import AgglomerativeClustering  # not above: it takes a second
    from sklearn.metrics import silhouette_score

    best, found = 0.0, np.zeros(len(points), np.int64)
    for count in range(2, min(most, len(points) // SMALLEST) + 1):
        groups = AgglomerativeClustering(count).fit_predict(points)
        if np.bincount(groups).min() < SMALLEST:
            continue
        score = float(silhouette_score(points, groups, metric="cosine"))
        if score > best:
            best, found = score, groups
    return best, found


def _points(table: Table, segments: Sequence[Segment]) -> np.ndarray:
    points = []
    for s in segments:
        recording = table.number(s.recording)
        first, last = table.bins(recording, s.start, s.end)
        points.append(parts(table.values[recording], np.array([first]), last - first)[0])
    return np.array(points)

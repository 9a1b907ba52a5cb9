"""Segments that are alike, by HDBSCAN; those that are like no others stay by themselves."""

from __future__ import annotations

import numpy as np

OTHER = -1
MOST = 20_000
"""Segments that are clustered, of a set with more each so-and-so-many-th: time and memory may grow
with the square of their number. The others join the nearest of these."""


def clusters(
    points: np.ndarray, smallest: int, samples: int = 5, weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The cluster of each segment; larger clusters have lower numbers.

    Args:
        points: `(S, D)`, a segment each.
        smallest: segments of the smallest cluster.
        samples: see `Discover.min_samples`.
        weight: `(S,)` by which a cluster is large, as seconds; None: by its segments.

    Returns:
        `(S,)` int64 from 0, `OTHER` for what belongs to none; `(S,)` how surely, in [0, 1].

    Source: Campello, Moulavi and Sander (2013), as scikit-learn has it.

    Examples:
        >>> two = np.concatenate([np.linspace(0, 1, 9), np.linspace(50, 51, 12), [999.0]])
        >>> clusters(two[:, None], smallest=5)[0].tolist()
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1]
    """
    if len(points) <= MOST:
        label, sure = _hdbscan(points, smallest, samples)
    else:
        some = np.linspace(0, len(points) - 1, MOST).round().astype(int)
        label, sure = _hdbscan(points[some], max(2, smallest * MOST // len(points)), samples)
        nearest = _nearest(points[some], points)
        label, sure = label[nearest], sure[nearest]
    inside, weight = label >= 0, np.ones(len(label)) if weight is None else weight
    size = np.bincount(label[inside], weight[inside], minlength=label.max(initial=-1) + 1)
    rank = np.argsort(np.argsort(-size, kind="stable"), kind="stable")
    ordered = label.copy()
    ordered[inside] = rank[label[inside]]
    return ordered, sure


def middles(points: np.ndarray, label: np.ndarray, cluster: int, count: int) -> np.ndarray:
    """The segments of a cluster that are nearest to its mean, the nearest first.

    Args:
        points: `(S, D)`.
        label: `(S,)`.
        cluster: which.
        count: how many, at most.
    """
    members = np.flatnonzero(label == cluster)
    away = np.linalg.norm(points[members] - points[members].mean(axis=0), axis=1)
    return members[np.argsort(away, kind="stable")[:count]]


def _hdbscan(points: np.ndarray, smallest: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.cluster import HDBSCAN  # not above: it takes a second

    count = len(points)
    if count < max(2, smallest) or not np.ptp(points, axis=0).any():
        alike = count >= smallest  # too few for a cluster, or all of them one
        return np.full(count, 0 if alike else OTHER), np.full(count, float(alike))
    found = HDBSCAN(min_cluster_size=smallest, min_samples=min(samples, count), copy=True).fit(
        points
    )
    return found.labels_.astype(np.int64), np.nan_to_num(found.probabilities_)


def _nearest(known: np.ndarray, points: np.ndarray) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    found = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(points, return_distance=False)
    return found[:, 0]

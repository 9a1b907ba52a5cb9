"""Features laid out in a plane: t-SNE, and UMAP where it is installed."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no stubs

from ..errors import InputError, unknown

METHODS = ("tsne", "umap")


def project(
    features: ArrayLike, seed: int = 0, *, method: str = "tsne", limit: int = 2000
) -> tuple[np.ndarray, np.ndarray]:
    """Features laid out in a plane, so that near clips lie near.

    t-SNE keeps neighbourhoods, not distances: the gap between two far groups says nothing. Same
    features and seed, same map.

    Args:
        features: `(N, D)`.
        seed: of the layout, and of the sample where there are more than `limit` clips.
        method: `tsne` (scikit-learn) or `umap` (the extra `umap`).
        limit: at most so many clips are drawn.

    Returns:
        points: `(n, 2)`.
        indices: `(n,)` rows of `features` that the points are, ascending.

    Raises:
        InputError: features that are not a finite `(N, D)`, an unknown method, or UMAP is not
            installed.

    Source: van der Maaten and Hinton 2008; McInnes et al. 2018.
    """
    data = np.asarray(features, dtype=np.float32)
    if data.ndim != 2 or not np.all(np.isfinite(data)):
        raise InputError(f"project needs finite features (N, D), got shape {data.shape}")
    require(method)
    indices = np.arange(len(data))
    if len(data) > limit:
        indices = np.sort(np.random.default_rng(seed).choice(len(data), limit, replace=False))
    data = _scaled(data[indices])
    if len(data) < 5:  # too few neighbours for either method
        return _principal(data), indices
    if method == "umap":
        return _umap(data, seed), indices
    if data.shape[1] < 2 or not data.any():
        return _principal(data), indices
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(data) - 1) / 3)
    # One thread: on a busy machine several wait for each other, minutes for a few hundred points.
    with threadpool_limits(1):
        points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(data)
    return np.asarray(points, dtype=np.float32), indices


def _scaled(data: np.ndarray) -> np.ndarray:
    """Centred, the farthest coordinate at 1: t-SNE knows no scale, but float32 squares do."""
    if not data.size:
        return data
    centred = data.astype(np.float64) - data.mean(axis=0, dtype=np.float64)
    extent = np.abs(centred).max()
    return (centred / extent if extent > 1e-30 else np.zeros_like(centred)).astype(np.float32)


def installed() -> tuple[str, ...]:
    """The methods that can be used here."""
    return METHODS if find_spec("umap") is not None else METHODS[:1]


def require(method: str) -> None:
    """Refuses a method that is unknown or whose package is not installed, before any work.

    Raises:
        InputError: names the package.
    """
    if method not in METHODS:
        raise unknown("projection", method, METHODS)
    if method not in installed():
        raise InputError("projection 'umap' needs umap-learn: pip install 'skelf[umap]'")


def _umap(data: np.ndarray, seed: int) -> np.ndarray:
    from umap import UMAP

    neighbours = min(15, len(data) - 1)
    points = UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1).fit_transform(data)
    return np.asarray(points, dtype=np.float32)


def _principal(data: np.ndarray) -> np.ndarray:
    points = np.zeros((len(data), 2), dtype=np.float32)
    if data.size:
        u, s, _ = np.linalg.svd(data - data.mean(axis=0), full_matrices=False)
        axes = min(2, len(s))
        points[:, :axes] = (u * s)[:, :axes]
    return points

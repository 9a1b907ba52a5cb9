"""Maps of features: near stays near, the same twice, any scale, and what is refused."""

import sys

import numpy as np
import pytest

from skelf.errors import InputError
from skelf.pages import embedding


def groups(classes: int = 3, each: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), each)
    return 8 * rng.normal(size=(classes, 16))[labels] + rng.normal(size=(len(labels), 16)), labels


def purity(points: np.ndarray, labels: np.ndarray) -> float:
    """Share of the points whose nearest other point is of the same group, by a slow loop."""
    hits = 0
    for i, here in enumerate(points):
        away = [np.inf if i == j else ((here - there) ** 2).sum() for j, there in enumerate(points)]
        hits += labels[int(np.argmin(away))] == labels[i]
    return hits / len(points)


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e15])
def test_groups_stay_together_at_any_scale_and_far_from_the_origin(scale: float) -> None:
    features, labels = groups()
    points, kept = embedding.project(scale * features + 5 * scale, 3)
    assert points.shape == (60, 2) and np.isfinite(points).all()
    assert np.array_equal(kept, np.arange(60))
    assert purity(points, labels) > 0.95


def test_shuffled_labels_are_not_together() -> None:
    features, labels = groups()
    points, _ = embedding.project(features, 3)
    assert purity(points, np.random.default_rng(1).permutation(labels)) < 0.6


def test_same_seed_same_map() -> None:
    features, _ = groups()
    assert np.array_equal(embedding.project(features, 7)[0], embedding.project(features, 7)[0])


def test_sample_is_the_same_for_two_encoders_of_one_test_set() -> None:
    one, two = np.random.default_rng(0).normal(size=(2, 90, 4))
    first, second = (embedding.project(x, 0, limit=30)[1] for x in (one, two))
    assert np.array_equal(first, second) and len(first) == 30
    assert np.array_equal(first, np.unique(first))


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (4, 1), (8, 1), (40, 6)])
def test_collapsed_or_tiny_features_give_finite_points(shape: tuple[int, int]) -> None:
    points, _ = embedding.project(np.full(shape, 0.3), 0)
    assert points.shape == (shape[0], 2) and np.isfinite(points).all()


def test_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in (np.full((9, 2), np.inf), np.zeros(9), np.zeros((3, 3, 3))):
        with pytest.raises(InputError, match="finite features"):
            embedding.project(wrong, 0)
    with pytest.raises(InputError, match="did you mean 'tsne'"):
        embedding.require("tsn")
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(InputError, match=r"skelf\[umap\]"):
        embedding.require("umap")
    assert embedding.installed() == ("tsne",)


@pytest.mark.slow  # numba compiles it first
def test_umap_where_it_is_installed() -> None:
    pytest.importorskip("umap", reason="umap-learn is not installed")
    features, labels = groups(each=30)
    points, _ = embedding.project(features, 0, method="umap")
    assert points.shape == (90, 2) and purity(points, labels) > 0.9
    assert embedding.installed() == ("tsne", "umap")

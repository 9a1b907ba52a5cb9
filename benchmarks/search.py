"""k-NN and retrieval on features, against scikit-learn's brute-force neighbours by cosine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from skelf.protocols import features
from skelf.protocols.features import Features
from skelf.protocols.knn import KNN, knn
from skelf.protocols.retrieval import retrieval

from .fresh import fresh, peak_of
from .timing import Effort, Step, compared, interleaved

# queries, gallery, numbers of a feature, classes
SIZES: dict[str, dict[str, int]] = {
    "paper": {"queries": 16000, "gallery": 40000, "dim": 2048, "classes": 60},
    "small": {"queries": 2000, "gallery": 10000, "dim": 512, "classes": 60},
    "tiny": {"queries": 20, "gallery": 60, "dim": 32, "classes": 5},
}
NEIGHBOURS = {"nearest": 1, "knn": 20, "retrieval": 1}
MOST = 3  # repeats at paper size: one takes minutes


def nearest(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """1-NN, which is USDRL's retrieval."""
    return _rows("nearest", effort, peak)


def knn_votes(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Top-1 of weighted 20-NN."""
    return _rows("knn", effort, peak)


def ranking(effort: Effort, peak: float) -> list[dict[str, Any]]:
    """Retrieval with precision at 1, 5 and 10 and mAP, against 1-NN alone."""
    return _rows("retrieval", effort, peak)


def data(size: str) -> Features:
    """Features of noisy classes, not negative, as after a ReLU."""
    s, random = SIZES[size], np.random.default_rng(0)
    centres = random.standard_normal((s["classes"], s["dim"]), np.float32)
    labels = [random.integers(0, s["classes"], s[key]) for key in ("gallery", "queries")]
    made = []
    for own in labels:
        x = random.standard_normal((len(own), s["dim"]), np.float32)
        for begin in range(0, len(own), 1000):
            x[begin : begin + 1000] += centres[own[begin : begin + 1000]]
        made.append(torch.from_numpy(np.maximum(x, 0, out=x)))
    truth = [torch.from_numpy(own.astype(np.int64)) for own in labels]
    return Features(made[0], truth[0], made[1], truth[1], s["classes"])


def ours(name: str, f: Features, device: str | torch.device = "cpu") -> float:
    """The protocol's own run on these features; its accuracy."""
    nothing: Any = (None, None, None)
    with patch.object(features, "extract_splits", return_value=f):
        if name == "retrieval":
            return retrieval(*nothing, device=device).values["precision@1.none"]
        return knn(*nothing, KNN(k=NEIGHBOURS[name]), device=device).values["top1.none"]


def theirs(name: str, f: Features) -> float:
    """scikit-learn's accuracy; its 20 neighbours have votes weighted alike."""

    def weights(distance: np.ndarray) -> np.ndarray:
        return np.exp((1 - distance) / 0.1)

    judge = KNeighborsClassifier(
        NEIGHBOURS[name], metric="cosine", algorithm="brute", weights=weights
    )
    judge.fit(f.train.numpy(), f.train_labels.numpy())
    return float((judge.predict(f.test.numpy()) == f.test_labels.numpy()).mean())


def memory(side: str, name: str, size: str, threads: int) -> float:
    """GiB beyond the features themselves."""
    torch.set_num_threads(threads)
    f = data(size)
    with threadpool_limits(threads):
        return peak_of(lambda: (ours if side == "skelf" else theirs)(name, f))


def _rows(name: str, effort: Effort, peak: float) -> list[dict[str, Any]]:
    rows, before = [], torch.get_num_threads()
    for size in effort.sizes:
        s, f = SIZES[size], data(size)
        products = 2 * s["queries"] * s["gallery"] * s["dim"]
        repeats = min(effort.repeats, MOST) if size == "paper" else effort.repeats
        for threads in effort.threads:
            torch.set_num_threads(threads)
            each = {
                "plain": _step(lambda f=f: theirs(name, f)),
                "skelf": _step(lambda f=f: ours(name, f)),
            }
            with threadpool_limits(threads):
                times = interleaved(each, repeats, warm=1)
            row: dict[str, Any] = {"benchmark": name, "size": size, "threads": threads}
            row |= effort.said() | {"repeats": repeats}
            row |= {"flops plain": products, "flops skelf": products}
            row |= compared(times, s["queries"])
            for label, one in times.items():
                row[f"{label} share of peak"] = products / one.processor / peak
                row[f"{label} memory GiB"] = fresh(memory, label, name, size, threads)
            rows.append(row)
    torch.set_num_threads(before)
    return rows


def _step(work: Callable[[], Any]) -> Step:
    def step(lap: Callable[[str], None]) -> None:
        work()
        lap("search")

    return step

"""The heads that a classifier chooses among, fitted on frozen features.

Logistic regression, nearest prototype and k-NN, all on the direction of standardised features: the
length of a feature says nothing of its class, and would make some clips surer than others.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import nn

from .heads import Cosine, Neighbours, Prototype

C = (1.0, 10.0, 100.0)
"""Inverse strengths of logistic regression's penalty, as scikit-learn counts them, for features of
length 1; smaller ones give probabilities that no temperature sets right."""
FEW = "The number of unique classes is greater than 50%"
"""What scikit-learn takes for a sign of regression is few labels here."""
K = (1, 3, 5, 10, 20)
"""Neighbours that vote."""

Fitted = dict[str, nn.Module]
"""Name of a candidate, as "logistic C=0.01" -> its head."""


def fitted(
    x: np.ndarray,
    labels: np.ndarray,
    shares: np.ndarray,
    families: Collection[str],
    only: str | None = None,
) -> Fitted:
    """Every candidate, fitted.

    Args:
        x: `(N, D)` features.
        labels: `(N,)` in `0..K-1`, two of them at least; a head's logits of a class that none of
            them is mean nothing.
        shares: `(K,)` how much each class counts; clips of one count alike. Where people are held
            out their classes are rarer in the rest, and whatever went by how often it meets a class
            would answer with the others.
        families: names in `FAMILIES`.
        only: the one candidate that is wanted; None: all.

    Examples:
        >>> x = np.array([[0.0, 1.0], [0.1, 1.1], [3.0, 1.0], [3.1, 0.9]])
        >>> labels, shares = np.array([0, 0, 1, 1]), np.array([0.5, 0.5])
        >>> heads = fitted(x, labels, shares, ["prototype", "neighbours"])
        >>> list(heads)
        ['prototype', 'neighbours k=1', 'neighbours k=3']
        >>> heads["prototype"](torch.tensor([[2.9, 1.0]])).argmax().item()
        1
    """
    count = np.bincount(labels, minlength=len(shares))
    there = np.where(count > 0, shares, 0)
    weight = (there / there.sum() * len(x) / np.maximum(count, 1))[labels]
    mean, deviation = _mean_and_deviation(x, weight)
    given = Given((x - mean) / deviation, mean, deviation, labels, weight, len(shares))
    found: Fitted = {}
    for name in families:
        found |= FAMILIES[name](given, only)
    return found


class Given(NamedTuple):
    """What a family of candidates learns from.

    Args:
        z: `(N, D)` standardised features.
        mean: `(D,)` of the features.
        deviation: `(D,)`.
        labels: `(N,)`.
        weight: `(N,)` how much each clip counts; they sum to N.
        classes: length of the logits.
    """

    z: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    labels: np.ndarray
    weight: np.ndarray
    classes: int


def _prototype(given: Given, only: str | None) -> Fitted:
    if only not in (None, "prototype"):
        return {}
    unit = _unit(given.z)
    centres = [unit[given.labels == label].sum(axis=0) for label in range(given.classes)]
    head = Prototype(dim=unit.shape[1], classes=given.classes)
    _fill(head, given, centres=_unit(np.stack(centres)))
    return {"prototype": head}


def _neighbours(given: Given, only: str | None) -> Fitted:
    count, dim = given.z.shape
    gallery = _unit(given.z)
    votes = np.eye(given.classes)[given.labels] * given.weight[:, None]
    found: Fitted = {}
    for k in K:
        name = f"neighbours k={k}"
        if k <= count and only in (None, name):
            head = Neighbours(dim=dim, classes=given.classes, clips=count, k=k)
            _fill(head, given, gallery=gallery, votes=votes)
            found[name] = head
    return found


def _logistic(given: Given, only: str | None) -> Fitted:
    wanted = {f"logistic C={c:g}": c for c in C if only in (None, f"logistic C={c:g}")}
    if not wanted:
        return {}
    z, back = _unit(given.z), None
    count, dim = z.shape
    if count < dim:  # the penalty knows no directions, and the clips span few
        left, scale, back = np.linalg.svd(z, full_matrices=False)
        z = left * scale
    found: Fitted = {}
    machine = LogisticRegression(max_iter=1000, warm_start=True)
    for name, c in wanted.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # near enough after so many steps
            warnings.filterwarnings("ignore", FEW)
            machine.set_params(C=c).fit(z, given.labels, given.weight)
        weight, bias = machine.coef_, machine.intercept_
        if len(machine.classes_) == 2:  # scikit-learn keeps one row, for the second class
            weight, bias = np.concatenate([-weight, weight]) / 2, np.append(-bias, bias) / 2
        rows, biases = np.zeros((given.classes, dim)), np.zeros(given.classes)
        rows[machine.classes_] = weight if back is None else weight @ back
        biases[machine.classes_] = bias
        found[name] = head = Cosine(dim=dim, classes=given.classes)
        _fill(head, given, weight=rows, bias=biases)
    return found


FAMILIES: dict[str, Callable[[Given, str | None], Fitted]] = {
    "logistic": _logistic,
    "prototype": _prototype,
    "neighbours": _neighbours,
}
"""In the order in which equals are taken."""


def _fill(head: nn.Module, given: Given, **arrays: np.ndarray) -> None:
    arrays |= {"mean": given.mean, "deviation": given.deviation}
    for name, array in arrays.items():
        getattr(head, name).copy_(torch.from_numpy(array))


def _unit(x: np.ndarray) -> np.ndarray:
    unit: np.ndarray = F.normalize(torch.from_numpy(x), dim=1).numpy()
    return unit


def _mean_and_deviation(x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = np.average(x, axis=0, weights=weight)
    deviation = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))
    # A constant feature becomes 0; its deviation may be a rounding error instead of 0.
    return mean, np.where(deviation > 1e-6 * np.abs(mean), deviation, 1.0)

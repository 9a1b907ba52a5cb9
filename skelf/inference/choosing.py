"""Which head, how good it is and how far it can be believed, all by clips that were held out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from torch import nn

from ..metrics.calibration import BINS, expected_calibration_error, fitted_temperature, threshold
from ..metrics.clustered import wilson_of_groups
from ..settings.values import Settings
from .candidates import fitted
from .folds import Fold, folds

Fit = Callable[[np.ndarray], dict[str, Callable[[np.ndarray], np.ndarray]]]
"""Rows to learn from -> candidates by name, each of which gives logits `(n, K)` of other rows."""


class Chosen(NamedTuple):
    """A candidate and what it says of clips that it did not learn from.

    Args:
        name: of the candidate.
        temperature: at which its held-out answers are likeliest.
        rows: `(n,)` of those clips.
        logits: `(n, K)`; -inf: the class was not learnt from in that fold.
    """

    name: str
    temperature: float
    rows: np.ndarray
    logits: np.ndarray


class Held(NamedTuple):
    """Honest answers: of clips that neither head, choice nor temperature has seen.

    Args:
        rows: `(n,)` of the clips.
        raw: `(n, K)` probabilities at temperature 1.
        calibrated: `(n, K)` probabilities at the temperature of each fold.
    """

    rows: np.ndarray
    raw: np.ndarray
    calibrated: np.ndarray


def on_features(x: np.ndarray, labels: np.ndarray, classes: int, families: Collection[str]) -> Fit:
    """What fits all candidates on some rows of frozen features `(N, D)`."""

    shares = np.bincount(labels, minlength=classes) / len(labels)

    def fit(learnt: np.ndarray) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        heads = fitted(x[learnt], labels[learnt], shares, families)
        return {name: _asked(head, x) for name, head in heads.items()}

    return fit


def _asked(head: nn.Module, x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    def logits(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            found: torch.Tensor = head(torch.from_numpy(x[rows]).float())
        return found.double().numpy()

    return logits


def choose(
    fit: Fit, labels: np.ndarray, classes: int, parts: Sequence[Fold], step: Callable[[], None]
) -> Chosen:
    """The candidate with the likeliest held-out answers, of those that are as often right.

    As often right as the best is what lies within one standard error of it.

    Args:
        fit: see `Fit`.
        labels: `(N,)`.
        classes: length of the logits.
        parts: at least one.
        step: called as each fold is done.
    """
    logits: dict[str, list[np.ndarray]] = {}
    for learnt, judged in parts:
        strange = ~np.isin(np.arange(classes), labels[learnt])
        for name, asked in fit(learnt).items():
            logits.setdefault(name, []).append(np.where(strange, -np.inf, asked(judged)))
        step()
    rows = np.concatenate([judged for _, judged in parts])
    truth, count = labels[rows], len(rows)
    found = []
    for name, blocks in logits.items():
        if len(blocks) < len(parts):  # a fold has too few clips for so many neighbours
            continue
        z = np.concatenate(blocks)
        t = fitted_temperature(z, truth)
        share = float((z.argmax(axis=1) == truth).mean())
        surprise = -float(log_softmax(z / t, axis=1)[np.arange(count), truth].mean())
        found.append((share, surprise, Chosen(name, t, rows, z)))
    best = max(share for share, _, _ in found)
    least = best - float(np.sqrt(best * (1 - best) / count))
    return min((each for each in found if each[0] >= least), key=lambda each: each[1])[2]


def honest(
    fit: Fit,
    labels: np.ndarray,
    classes: int,
    groups: np.ndarray | None,
    count: int,
    seed: int,
    step: Callable[[], None],
) -> Held | None:
    """Answers of each fold by what was chosen, fitted and calibrated without it.

    Args:
        fit: see `Fit`.
        labels: `(N,)`.
        classes: length of the logits.
        groups: see `folds.folds`; so are count and seed.
        count: of folds, without and within.
        seed: of their draws.
        step: called as each fold is done.

    Returns:
        None where no fold can be held out twice.
    """
    rows, raw, calibrated = [], [], []
    for learnt, judged in folds(labels, groups, count, seed):
        inner = folds(labels[learnt], None if groups is None else groups[learnt], count, seed)
        if not inner:
            continue
        within = [(learnt[a], learnt[b]) for a, b in inner]
        chosen = choose(fit, labels, classes, within, step)
        z = fit(learnt)[chosen.name](judged)
        z = np.where(np.isin(np.arange(classes), labels[learnt]), z, -np.inf)
        rows.append(judged)
        raw.append(softmax(z, axis=1))
        calibrated.append(softmax(z / chosen.temperature, axis=1))
        step()
    if not rows:
        return None
    return Held(np.concatenate(rows), np.concatenate(raw), np.concatenate(calibrated))


def expected(
    held: Held, labels: np.ndarray, groups: np.ndarray | None, names: Sequence[str], below: float
) -> Settings:
    """What is to be expected of a model, as its config says it.

    Args:
        held: by `honest`.
        labels: `(N,)` of all clips.
        groups: `(N,)` or None.
        names: of the classes.
        below: the threshold of "unknown".
    """
    truth = labels[held.rows]
    right = held.calibrated.argmax(axis=1) == truth
    unsure = held.calibrated.max(axis=1) < below
    whose = np.arange(len(truth)) if groups is None else groups[held.rows]
    return {
        "accuracy": float(right.mean()),
        "interval": list(wilson_of_groups(right, whose)),
        "clips": len(truth),
        "per_class": {
            name: float(right[truth == label].mean()) if (truth == label).any() else None
            for label, name in enumerate(names)
        },
        "calibration_error": {
            "before": expected_calibration_error(held.raw, truth),
            "after": expected_calibration_error(held.calibrated, truth),
            "bins": BINS,
        },
        "unknown": {
            "of_right_answers": float(unsure[right].mean()) if right.any() else None,
            "of_wrong_answers": float(unsure[~right].mean()) if not right.all() else None,
        },
    }


def unknown_below(chosen: Chosen, labels: np.ndarray, lost: float) -> float:
    """The threshold of "unknown": at most a share `lost` of the right held-out answers is below."""
    p = softmax(chosen.logits / chosen.temperature, axis=1)
    return threshold(p.max(axis=1), p.argmax(axis=1) == labels[chosen.rows], lost)

"""A scikit-learn classifier for few labels on frozen features: what `skelf fit classifier` uses.

It chooses its head by cross-validation, says what accuracy is to be expected, and gives
probabilities that can be believed.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from ..errors import InputError
from ..settings.values import Settings
from .candidates import FAMILIES, FEW, fitted
from .choosing import choose, expected, honest, on_features, unknown_below
from .folds import folds

ALL = tuple(FAMILIES)
UNTRIED = {"prototype": 0.1}
"""Temperature where no clip could be held out, and what is taken then; of other heads 1."""
Step = Callable[[int, int], None]
Array = Any  # whatever scikit-learn takes for one


class FewLabelClassifier(ClassifierMixin, BaseEstimator):
    """Logistic regression, nearest prototype or k-NN on features, whichever held-out clips favour.

    After `fit` these are there: `classes_`; `head_`, the module that gives the logits; `choice_`,
    its name; `temperature_`; `unknown_below_`; and `expected_`, what is to be expected of people
    who were not seen, None where no clip could be held out.

    Args:
        heads: which kinds to choose among.
        folds: parts that are held out in turn.
        lost: share of the right answers that may be lost to "unknown".
        most: clips that cross-validation takes at most, drawn at random; the head learns from all.
        random_state: of folds and draws, as scikit-learn has it.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> labels = np.tile(["sit", "walk", "wave"], 20)
        >>> x = rng.normal(size=(60, 8)) + 3 * (labels[:, None] == np.unique(labels)[[0, 1, 2] * 2
        ...     + [0, 1]])
        >>> few = FewLabelClassifier().fit(x, labels, groups=np.repeat(np.arange(6), 10))
        >>> few.predict(x[:3]).tolist()
        ['sit', 'walk', 'wave']
        >>> few.expected_["accuracy"] > 0.9
        True
    """

    def __init__(
        self,
        heads: Sequence[str] = ALL,
        folds: int = 5,
        lost: float = 0.05,
        most: int = 2000,
        random_state: Any = 0,  # a seed, a generator or None
    ) -> None:
        self.heads, self.folds, self.lost, self.most = heads, folds, lost, most
        self.random_state = random_state

    def fit(
        self, X: Array, y: Array, groups: Array = None, step: Step = lambda done, total: None
    ) -> FewLabelClassifier:
        """Learns from features.

        Args:
            X: `(N, D)` features.
            y: `(N,)` classes, at least two of them.
            groups: `(N,)` whose clip each is: nobody is on both sides of a fold; None: each clip is
                one by itself.
            step: called with folds done and in all.

        Raises:
            InputError: fewer than two classes, or as many groups as clips do not have.
        """
        X, y = validate_data(self, X, y, dtype=np.float64)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", FEW)
            check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"one class ({self.classes_[0]!r}), and two are needed to tell apart")
        whose = None if groups is None else np.unique(groups, return_inverse=True)[1]
        if whose is not None and len(whose) != len(labels):
            raise InputError(f"{len(whose)} groups for {len(labels)} clips; give one for each")
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        shares = np.bincount(labels) / len(labels)
        self._judge(X, labels, whose, seed, step)
        self.head_ = fitted(X, labels, shares, self.heads, self.choice_)[self.choice_]
        return self

    def _judge(
        self, X: np.ndarray, labels: np.ndarray, whose: np.ndarray | None, seed: int, step: Step
    ) -> None:
        """Chooses, calibrates and says what is to be expected, by clips that are held out."""
        rows = np.arange(len(labels))
        if len(rows) > self.most:
            rows = np.sort(np.random.default_rng(seed).permutation(rows)[: self.most])
        x, truth, classes = X[rows], labels[rows], len(self.classes_)
        people = None if whose is None else whose[rows]
        fit = on_features(x, truth, classes, self.heads)
        parts = folds(truth, people, self.folds, seed)
        self.expected_: Settings | None = None
        if not parts:
            names = list(fitted(x, truth, np.full(classes, 1 / classes), self.heads))
            self.choice_ = next((name for name in names if name in UNTRIED), names[0])
            self.temperature_, self.unknown_below_ = UNTRIED.get(self.choice_, 1.0), 0.0
            return
        done, total = 0, len(parts) * (self.folds + 2)

        def tick() -> None:
            nonlocal done
            done = min(done + 1, total)
            step(done, total)

        chosen = choose(fit, truth, classes, parts, tick)
        self.choice_, self.temperature_ = chosen.name, chosen.temperature
        self.unknown_below_ = unknown_below(chosen, truth, self.lost)
        held = honest(fit, truth, classes, people, self.folds, seed, tick)
        names = [str(name) for name in self.classes_]
        below = self.unknown_below_
        self.expected_ = held and expected(held, truth, people, names, below)
        step(total, total)

    def _logits(self, X: Array) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        with torch.no_grad():  # in float64, so that a clip's answer does not depend on the others
            logits: torch.Tensor = copy.deepcopy(self.head_).double()(torch.from_numpy(X))
        return logits.numpy()

    def predict_proba(self, X: Array) -> np.ndarray:
        """Calibrated probabilities `(N, K)` of features `(N, D)`, in the order of `classes_`."""
        logits = torch.from_numpy(self._logits(X))
        p: np.ndarray = torch.softmax(logits / self.temperature_, dim=1).numpy()
        return p

    def predict(self, X: Array) -> np.ndarray:
        """The likeliest classes `(N,)` of features `(N, D)`."""
        likeliest = self._logits(X).argmax(axis=1)
        found: np.ndarray = self.classes_[likeliest]
        return found

    def is_unknown(self, X: Array) -> np.ndarray:
        """Whether each probability `(N,)` is too low to answer, of features `(N, D)`."""
        unsure: np.ndarray = self.predict_proba(X).max(axis=1) < self.unknown_below_
        return unsure

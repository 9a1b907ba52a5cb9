"""Logistic regression of which a row may say "one of these classes", or "not this one"."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no stubs

STEPS = 60
"""Steps of L-BFGS, at most; a start from the head before needs a few."""


class Linear(NamedTuple):
    """A linear head.

    Args:
        weight: `(K, D)`.
        bias: `(K,)`.
    """

    weight: np.ndarray
    bias: np.ndarray

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """`(B, K)` float32 of `(B, D)`."""
        return softmax(x @ self.weight.T + self.bias)


def fit(
    x: np.ndarray,
    allowed: np.ndarray,
    weight: np.ndarray,
    penalty: float,
    start: Linear | None = None,
) -> Linear:
    """The head of the least penalised loss, `-log` of the probability of the allowed classes.

    A row with one allowed class is the usual logistic regression; one with two says that it is
    either; one with all but one that it is not that.

    Args:
        x: `(R, D)`.
        allowed: `(R, K)` bool, at least one a row.
        weight: `(R,)` of the rows in the loss.
        penalty: of the squared weights; biases are free but for a trace.
        start: where to begin; None: at 0.
    """
    from scipy.optimize import minimize  # not above: it takes a while

    D, K = x.shape[1], allowed.shape[1]
    # Products in float32, as the features are; what is added up over rows is float64.
    wide = np.concatenate([x, np.ones((len(x), 1))], axis=1).astype(np.float32)  # (R, D + 1)
    shrink = np.full((D + 1, 1), penalty)
    shrink[D] = 1e-3 * penalty

    rate = weight[:, None].astype(np.float32)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(D + 1, K)
        p = softmax(wide @ w.astype(np.float32))
        inside = p * allowed
        total = np.maximum(inside.sum(axis=1, keepdims=True), 1e-12)
        change = (p - inside / total) * rate
        value = -(weight * np.log(total[:, 0])).sum() + 0.5 * (shrink * w * w).sum()
        return float(value), ((wide.T @ change).astype(np.float64) + shrink * w).ravel()

    begin = np.zeros((D + 1, K))
    if start is not None:
        begin[:D], begin[D] = start.weight.T, start.bias
    # One thread: on products so small others only wait, and on a busy machine they wait long.
    with threadpool_limits(1):
        found = minimize(
            loss, begin.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
        )
    w = found.x.reshape(D + 1, K)
    return Linear(w[:D].T.astype(np.float32), w[D].astype(np.float32))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Rows of probabilities."""
    high = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(high / high.sum(axis=1, keepdims=True))

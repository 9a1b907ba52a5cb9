"""Logistic regression of which a row may say "one of these classes", or "not this one"."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no stubs

STEPS = 100
"""Steps of L-BFGS, at most; it takes 10 to 50."""
CLOSE = 1e-6
"""Share of the loss that a step must save, or it is the last."""


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

    Steps are taken in coordinates in which the features are uncorrelated and of one size, as far as
    the penalty does not outweigh them: there the loss curves alike in all directions (Böhning's
    bound), so that a few steps suffice. The minimum is the same.

    Args:
        x: `(R, D)`.
        allowed: `(R, K)` bool, at least one a row.
        weight: `(R,)` of the rows in the loss.
        penalty: of the squared weights; biases are free but for a trace.
        start: where to begin; None: at 0.

    Source: Böhning, Multinomial logistic regression algorithm, 1992, for the bound.
    """
    from scipy.linalg import solve_triangular  # not above: they take a while
    from scipy.optimize import minimize

    (R, D), K = x.shape, allowed.shape[1]
    wide = np.concatenate([x, np.ones((R, 1), x.dtype)], axis=1, dtype=np.float32)  # (R, D + 1)
    shrink = np.full(D + 1, penalty)
    shrink[D] *= 1e-3
    # One thread: on products so small others only wait, and on a busy machine they wait long.
    with threadpool_limits(1):
        bound = (0.5 * (wide.T * weight.astype(np.float32)) @ wide).astype(np.float64)
        bound += np.diag(shrink + 1e-6 * bound.trace())  # or its rounding may spoil the root
        root = np.linalg.cholesky(bound)  # bound = root @ root.T
        way = solve_triangular(root, np.eye(D + 1), lower=True)  # w = way.T @ v
        ties = (way * shrink) @ way.T  # w's penalty in v
        straight = wide @ way.T.astype(np.float32)  # (R, D + 1)
        loss = _loss(straight, np.ascontiguousarray(allowed.T), weight, ties)
        begin = np.zeros((K, D + 1))
        if start is not None:
            begin = np.concatenate([start.weight, start.bias[:, None]], axis=1) @ root
        found = minimize(
            loss, begin.ravel(), jac=True, method="L-BFGS-B",
            options={"maxiter": STEPS, "ftol": CLOSE},
        )  # fmt: skip
        w = found.x.reshape(K, D + 1) @ way
    return Linear(w[:, :D].astype(np.float32), w[:, D].astype(np.float32))


def _loss(
    x: np.ndarray, allowed: np.ndarray, weight: np.ndarray, ties: np.ndarray
) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """The loss of flat weights `(K * D,)`, and its gradient.

    A class is a row, so that what is added up over classes goes along memory. Products are float32,
    as the features are; what is added up over rows of `x` is float64.

    Args:
        x: `(R, D)` float32.
        allowed: `(K, R)` bool.
        weight: `(R,)`.
        ties: `(D, D)`, the penalty's matrix.
    """
    across, rate = np.ascontiguousarray(x.T), weight.astype(np.float32)
    K, D = len(allowed), x.shape[1]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        v = flat.reshape(K, D)
        p = v.astype(np.float32) @ across
        p -= p.max(axis=0)
        np.exp(p, out=p)
        p /= p.sum(axis=0)
        inside = p * allowed
        total = np.maximum(inside.sum(axis=0), 1e-12)
        inside /= total
        p -= inside
        p *= rate
        tied = v @ ties
        value = -(weight * np.log(total)).sum() + 0.5 * (v * tied).sum()
        return float(value), ((p @ x).astype(np.float64) + tied).ravel()

    return loss


def softmax(logits: np.ndarray) -> np.ndarray:
    """Rows of probabilities."""
    high = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(high / high.sum(axis=1, keepdims=True))

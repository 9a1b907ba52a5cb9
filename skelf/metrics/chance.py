"""What guessing gives: the floor under an accuracy and under a ranking."""

from __future__ import annotations

import numpy as np


def chance(train: np.ndarray, test: np.ndarray, classes: int) -> dict[str, float]:
    """The numbers of a class drawn evenly (`top1`) and of a gallery in random order.

    If `R` of `n` gallery clips are relevant, a random order has the expected precision `R / n` and
    the expected average precision `(H + (n - H) (R - 1) / (n - 1)) / n`, where `H` is the `n`-th
    harmonic number.

    Args:
        train: `(n,)` classes of the gallery.
        test: `(queries,)` classes of the queries, below `classes`.
        classes: how many classes there are.

    Returns:
        `top1`, `precision@1` (of every rank the same) and `map`, which leaves out the queries whose
        class the gallery lacks; each in [0, 1]. NaN where nothing is left.

    Examples:
        >>> guessed = chance(np.array([0, 0, 1]), np.array([0, 1]), classes=2)
        >>> {name: round(value, 3) for name, value in guessed.items()}
        {'top1': 0.5, 'precision@1': 0.5, 'map': 0.708}
    """
    n = len(train)
    relevant = np.bincount(train, minlength=classes)[test]  # (queries,)
    harmonic = float((1 / np.arange(1, n + 1)).sum())
    average = (harmonic + (n - harmonic) * (relevant - 1) / max(n - 1, 1)) / n
    answerable = average[relevant > 0]
    return {
        "top1": 1 / classes,
        "precision@1": float((relevant / n).mean()),
        "map": float(answerable.mean()) if len(answerable) else float("nan"),
    }

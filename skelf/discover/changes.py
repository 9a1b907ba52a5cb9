"""Moments at which a signal changes, by the kernel form of PELT (ruptures)."""

from __future__ import annotations

import numpy as np

STRETCH = 4096
"""Bins that are looked at together, 14 minutes at 5 a second: PELT's time may grow with the square
of their number, so a longer recording is cut, and its time grows with its length alone."""
SHARED = 512
"""Bins that neighbouring stretches share; a boundary counts from the side where it is further
inside."""


def changes(signal: np.ndarray, penalty: float, shortest: int) -> np.ndarray:
    """Boundaries that cut a signal into stretches of like values.

    They make the least sum of squared distances to the means of the stretches between them, plus
    `penalty` for each of them.

    Args:
        signal: `(B, D)`.
        penalty: what a boundary must save, see `unit`.
        shortest: bins of the shortest stretch.

    Returns:
        Ascending int64 indices of first bins, without 0.

    Source: Killick, Fearnhead and Eckley (2012), on PELT; Arlot, Celisse and Harchaoui (2019), on
    kernels; as ruptures has them.

    Examples:
        >>> steps = np.repeat([0.0, 1.0, 0.2], 20)[:, None]
        >>> changes(steps, penalty=0.5, shortest=2).tolist()
        [20, 40]
    """
    count, hop = len(signal), STRETCH - SHARED
    if count <= STRETCH:
        return _changes(signal, penalty, shortest)
    starts = list(range(0, count - SHARED, hop))
    found: list[int] = []
    for start in starts:
        here = start + _changes(signal[start : start + STRETCH], penalty, shortest)
        low = start + SHARED // 2 if start else 0
        high = start + hop + SHARED // 2 if start < starts[-1] else count
        for at in here[(here >= low) & (here < high)].tolist():
            if not found or at - found[-1] >= shortest:
                found.append(at)
    return np.array(found, np.int64)


def unit(signals: list[np.ndarray]) -> float:
    """The mean squared distance of a bin from the mean of all: the unit of penalties.

    Examples:
        >>> unit([np.zeros((2, 1)), np.full((2, 1), 2.0)])
        1.0
    """
    stacked = np.concatenate(signals)
    return float(np.square(stacked - stacked.mean(axis=0)).sum(axis=1).mean())


def _changes(signal: np.ndarray, penalty: float, shortest: int) -> np.ndarray:
    from ruptures import KernelCPD  # not above: it brings SciPy along

    if len(signal) < 2 * shortest or penalty <= 0:  # nothing to part, or all alike
        return np.zeros(0, np.int64)
    found = KernelCPD(kernel="linear", min_size=shortest).fit(signal).predict(pen=penalty)
    return np.array(found[:-1], np.int64)

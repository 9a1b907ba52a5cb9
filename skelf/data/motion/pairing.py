"""Which pose of a frame continues which track: what is expected of each, and the best way to pair.

A track is expected to go on as it went, or to stay: who is hidden for a while may stop. Two persons
who cross differ in how they move, so that it keeps them apart where places alone do not; poses tell
them apart as well, joint by joint. The pairs of a frame are chosen together (the assignment
problem): the closest pair first would leave others with what nobody wants. Source: H. W. Kuhn,
Naval Research Logistics Quarterly 2, 1955.
"""

from __future__ import annotations

import numpy as np

SHARE = 0.2
"""Of the newest step in the mean speed: noise of single steps must not be taken for motion."""
FADE = 0.95
"""Of the speed that is left a frame later while nobody is seen."""
ENOUGH = 3
"""Joints that two poses must share; fewer are compared by their centres."""
DOUBTED = 0.3
"""What a pair counts whose pose has no confidence at all, one of full confidence counting 1: of a
body that is found twice the better pose goes on."""
BEND = 1.25
"""Power of the distance: above 1, so that of two who go the same way neither is left behind."""
FEW = 6
"""Pairs up to which all ways are tried: it is faster, and SciPy's optimisers take 0.7 s to load."""


def expected(speed: np.ndarray, pause: np.ndarray) -> np.ndarray:
    """How far tracks that go on have gone after a pause of some frames, `(L, C)`.

    Args:
        speed: `(L, C)` a frame.
        pause: `(L,)` frames since their last pose.
    """
    moved: np.ndarray = speed * ((1 - FADE**pause) / (1 - FADE))[:, None]
    return moved


def steps(
    away: np.ndarray, both: np.ndarray, centres: np.ndarray, ahead: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How poses moved, and how far they are from where they were expected.

    Args:
        away: `(K, V, C)` from the joints of the old to those of the new pose.
        both: `(K, V)` whether both have that joint.
        centres: `(K, C)` from the old to the new centre, where too few joints are in both.
        ahead: `(K, C)` expected motion.

    Returns:
        Mean motion `(K, C)`; mean distance of joints `(K,)`, from where they were expected or from
        where they were, whichever is less.
    """
    count = np.count_nonzero(both, axis=1)
    few = count < ENOUGH
    if few.any():
        away = np.where(few[:, None, None], centres[:, None], away)
        both, count = both | few[:, None], np.where(few, both.shape[1], count)
    weight = both / count[:, None]
    moved: np.ndarray = (weight[:, None] @ away)[:, 0]
    stay, go = (
        (np.sqrt((off * off).sum(axis=2)) * weight).sum(axis=1)
        for off in (away, away - ahead[:, None])
    )
    return moved, np.minimum(stay, go)


def assigned(old: np.ndarray, new: np.ndarray, cost: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Which pairs are taken, each row and column once at most: those that save the most.

    A pair of cost `c` saves `1 - c ** BEND`, so that a good pair is not given up for two bad ones.

    Args:
        old: `(K,)` rows.
        new: `(K,)` columns.
        cost: `(K,)` of each, 1 and more for one that is barely possible.
        sure: `(K,)` confidence of the pose, in [0, 1].

    Returns:
        Indices of pairs.
    """
    gain = np.maximum(1 - cost**BEND, 1e-3) * (DOUBTED + (1 - DOUBTED) * sure)
    if len(old) <= FEW:
        pairs = list(zip(old.tolist(), new.tolist(), gain.tolist(), strict=True))
        return np.array(_best(pairs, 0, (), ())[1], np.int64)
    alone = (np.bincount(old)[old] == 1) & (np.bincount(new)[new] == 1)
    if alone.all():
        return np.arange(len(old))
    from scipy.optimize import linear_sum_assignment  # not above, see `FEW`

    many = np.flatnonzero(~alone)
    rows, row = np.unique(old[many], return_inverse=True)
    columns, column = np.unique(new[many], return_inverse=True)
    saved = np.zeros((len(rows), len(columns)))
    saved[row, column] = gain[many]
    pair = np.full(saved.shape, -1)
    pair[row, column] = many
    chosen = pair[linear_sum_assignment(saved, maximize=True)]
    return np.sort(np.concatenate([np.flatnonzero(alone), chosen[chosen >= 0]]))


def _best(
    pairs: list[tuple[int, int, float]], at: int, rows: tuple[int, ...], columns: tuple[int, ...]
) -> tuple[float, list[int]]:
    """What the pairs from `at` on save at most beside those taken, and their indices."""
    if at == len(pairs):
        return 0.0, []
    without = _best(pairs, at + 1, rows, columns)
    row, column, gain = pairs[at]
    if row in rows or column in columns:
        return without
    saved, chosen = _best(pairs, at + 1, (*rows, row), (*columns, column))
    return (saved + gain, [at, *chosen]) if saved + gain >= without[0] else without

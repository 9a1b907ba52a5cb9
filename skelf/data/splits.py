"""Splits from a column of the table, or drawn at random: `(N,)` int8, 0 unused, 1 train, 2 test."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from ..errors import InputError
from .clips import ClipSet


def select(
    values: np.ndarray, train: Sequence[int], test: Sequence[int] | None, what: str
) -> np.ndarray:
    """A split by the values of one column.

    Args:
        values: `(N,)` the column.
        train: the values that train.
        test: the values that test; None: all others, unknown (-1) ones left out.
        what: how a message names the column, with the file.

    Returns:
        `(N,)` int8: 0 unused, 1 train, 2 test.

    Raises:
        InputError: a value that does not occur, stands on both sides, or a side that stays empty.

    Examples:
        >>> import numpy as np
        >>> select(np.array([0, 1, 2, -1]), [0, 1], None, "camera")
        array([1, 1, 2, 0], dtype=int8)
    """
    present = np.unique(values).tolist()
    for value in [*train, *(test or [])]:
        if value not in present:
            raise InputError(f"{what}: the value {value} does not occur; present: {present}")
    both = set(train) & set(test or [])
    if both:
        raise InputError(f"{what}: {sorted(both)} would train and test; give each value one side")
    rest = [v for v in present if v not in train and v != -1] if test is None else test
    if not train or not rest:
        raise InputError(f"{what}: train and test both need a value; present: {present}")
    return (np.isin(values, train) + 2 * np.isin(values, rest)).astype(np.int8)


def shuffled(count: int, train: float, seed: int = 0) -> np.ndarray:
    """A seeded random split: `(count,)` int8 where the share `train` of the clips trains.

    Raises:
        InputError: a share outside (0, 1) or one that leaves a side empty, a seed out of range.
    """
    if not 0 < train < 1:  # NaN as well
        raise InputError(f"train share {train}: must lie between 0 and 1; use e.g. 0.8")
    if not 0 <= seed < 2**63:
        raise InputError(f"seed {seed}: must be 0 or more, and below 2**63")
    chosen = round(count * train)
    if not 0 < chosen < count:
        raise InputError(f"train share {train}: leaves a side of {count} clips empty; use e.g. 0.8")
    side = np.full(count, 2, np.int8)
    side[np.random.default_rng(seed).permutation(count)[:chosen]] = 1
    return side


def without_copies(clips: ClipSet, side: np.ndarray) -> np.ndarray:
    """The split without test clips whose frames equal a training clip's: those become unused.

    Such copies happen: of NW-UCLA's cross-view test clips one in five is one. They would be
    recognised by memory alone.
    """
    clips.verify()
    digests = np.array(
        [
            blake2b(np.ascontiguousarray(clips.clip(i)).tobytes(), digest_size=16).hexdigest()
            for i in range(len(clips))
        ]
    )
    copied = (side == 2) & np.isin(digests, digests[side == 1])
    return np.where(copied, 0, side).astype(np.int8)

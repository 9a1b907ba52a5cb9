"""Which training clips keep their labels: the subsets of semi-supervised evaluation."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from ..errors import InputError

Sampling = Literal["plain", "balanced"]


def subset(labels: np.ndarray, fraction: float, sampling: Sampling, seed: int) -> np.ndarray:
    """Draws the clips that keep their labels.

    Of one seed and sampling a larger fraction holds all clips of a smaller one.

    Args:
        labels: `(N,)` classes, none of them negative.
        fraction: share of the clips in (0, 1] (papers: 0.01 to 0.2).
        sampling: "plain": `int(N * fraction)` of all clips, whatever their classes. "balanced":
            `round(count * fraction)` of each class's clips, and at least one: what has no label
            cannot be learned.
        seed: of the draw.

    Returns:
        Indices, ascending.

    Raises:
        InputError: the subset has no clip, or clips of one class only; with the smallest fraction
            that would do.

    Source: plain: CMD's released semi-supervised script (sources E1); balanced: AimCLR's released
    feeder (sources E2), which rounds a small class down to no clip at all where this takes one.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    if sampling == "plain":
        chosen = order[: int(len(labels) * fraction)]
        if len(np.unique(labels[chosen])) < 2:
            _refuse(labels, order, fraction, len(chosen))
    else:
        parts = []
        for label in np.unique(labels):
            members = order[labels[order] == label]
            parts.append(members[: max(1, round(len(members) * fraction))])
        chosen = np.concatenate(parts)
    return np.sort(chosen)


def percent(fraction: float) -> str:
    """A fraction as the keys of results have it.

    >>> percent(0.01), percent(0.125), percent(1)
    ('1%', '12.5%', '100%')
    """
    return f"{100 * fraction:.10g}%"


def _refuse(labels: np.ndarray, order: np.ndarray, fraction: float, count: int) -> None:
    drawn = labels[order]
    other = np.flatnonzero(drawn != drawn[0])
    what = f"{count} clips of one class" if count else "no clip"
    least = ""
    if len(other):
        needed, places = int(other[0]) + 1, 10**4
        while int(len(labels) * (smallest := math.ceil(needed / len(labels) * places) / places)) < (
            needed
        ):
            places *= 10
        least = f"; the smallest fraction that gives this draw two classes is {smallest:g}"
    raise InputError(
        f"eval.fractions: {fraction:g} of {len(labels)} training clips is {what}{least}; "
        "eval.sampling=balanced takes at least one clip of each class"
    )

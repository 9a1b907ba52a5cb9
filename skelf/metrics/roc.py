"""The area under the ROC curve, and its interval for people who were not among those judged.

The area is the share of pairs of a positive and a negative clip in which the positive one has the
higher score; an equal score counts half (Mann and Whitney 1947; Hanley and McNeil 1982).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from ..errors import InputError


class Pairs(NamedTuple):
    """Pairs of a positive and a negative clip, counted by whose they are.

    Args:
        won: `(G, G)` pairs in which the positive clip of a row's group scores higher than the
            negative one of a column's, equal scores counted half.
        positive: `(G,)` positive clips of each group.
        negative: `(G,)` negative ones.
    """

    won: np.ndarray
    positive: np.ndarray
    negative: np.ndarray

    def area(self) -> float:
        """The area under the ROC curve."""
        return float(self.won.sum() / (self.positive.sum() * self.negative.sum()))


def pairs(scores: np.ndarray, positive: np.ndarray, groups: np.ndarray, count: int) -> Pairs:
    """Counts the pairs that the area is made of.

    Args:
        scores: `(N,)`, higher is more likely positive; finite.
        positive: `(N,)` bool, the truth.
        groups: `(N,)` whose clip each is, in `0..count-1`.
        count: how many groups there are.

    Raises:
        InputError: no positive or no negative clip, or a score that is no number.

    Examples:
        >>> scores, right = np.array([3.0, 2.0, 2.0, 1.0]), np.array([True, True, False, False])
        >>> pairs(scores, right, np.zeros(4, int), 1).area()  # of four pairs one is even
        0.875
    """
    if not np.isfinite(scores).all():
        raise InputError("area under the ROC curve: scores hold NaN or infinity")
    if positive.all() or not positive.any():
        raise InputError("area under the ROC curve: needs positive and negative clips")
    of_positive, of_negative = groups[positive], groups[~positive]
    won = np.zeros((count, count))
    for group in range(count):
        theirs = np.sort(scores[~positive][of_negative == group])
        below = np.searchsorted(theirs, scores[positive], "left")
        not_above = np.searchsorted(theirs, scores[positive], "right")
        won[:, group] = np.bincount(of_positive, (below + not_above) / 2, minlength=count)
    sizes = (np.bincount(part, minlength=count) for part in (of_positive, of_negative))
    return Pairs(won, *sizes)


def half_width(tables: Sequence[Pairs]) -> float:
    """Half the width of the 95 % interval of a mean area, for groups that were not among these.

    Clips of one person are alike, so that they say less than as many clips of as many people. Each
    group's pull on the mean is what adding a little of it would change; the variance is taken
    between the groups, and Student's distribution widens it where they are few. Drawing groups with
    replacement would be biased: a group drawn twice meets itself more often than others do.

    Args:
        tables: the areas whose mean it is, of the same groups, at least two.

    Source: Obuchowski 1997, Biometrics 53(2), 567-578, on areas of clustered data. differs: a mean
    of several areas, and Student's distribution.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> right = np.arange(200) % 2 == 0
        >>> scores = rng.normal(size=200) + right
        >>> of_ten, of_all = (pairs(scores, right, np.arange(200) // n, 200 // n) for n in (20, 1))
        >>> round(of_ten.area(), 2), round(half_width([of_ten]), 2), round(half_width([of_all]), 2)
        (0.72, 0.07, 0.07)
    """
    groups = len(tables[0].positive)
    pull = np.zeros(groups)
    for table in tables:
        positive, negative, area = table.positive.sum(), table.negative.sum(), table.area()
        meets = (table.won.sum(axis=1) + table.won.sum(axis=0)) / (positive * negative)
        pull += meets - area * (table.positive / positive + table.negative / negative)
    deviation = np.sqrt(groups / (groups - 1) * ((pull / len(tables)) ** 2).sum())
    return float(stdtrit(groups - 1, 0.975) * deviation)

"""How far a share can be trusted that was measured on several clips of each of a few people."""

from __future__ import annotations

import numpy as np

from .interval import wilson

_NORMAL = 1.959964  # what Student's distribution of many groups comes to


def wilson_of_groups(right: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """The 95 % interval of a share for people who were not among those judged.

    Clips of one person are alike, so that they say less than as many clips of as many people. The
    share's variance is taken between the groups, never below that of independent clips; it says of
    how many independent clips one would know as much, and of few groups Student's distribution
    lowers that number further. Wilson's interval of so many clips is given.

    Args:
        right: `(N,)` whether each answer is right.
        groups: `(N,)` whose clip each is; where there is one group or each clip is one of its own,
            this is `wilson`.

    Source: E. L. Korn and B. I. Graubard 1998, Survey Methodology 24, 193-201. differs: Wilson's
    interval instead of Clopper and Pearson's.

    Examples:
        >>> right = np.array([1, 1, 1, 1, 1, 1, 0, 0, 0, 0])
        >>> [round(end, 2) for end in wilson(0.6, 10)]
        [0.31, 0.83]
        >>> [round(end, 2) for end in wilson_of_groups(right, np.arange(10) // 2)]
        [0.13, 0.94]
        >>> wilson_of_groups(right, np.arange(10)) == wilson(0.6, 10)
        True
    """
    from scipy.special import stdtrit  # not above: it takes as long as all of the studio's table

    count, share = len(right), float(np.mean(right))
    _, of_clip = np.unique(groups, return_inverse=True)
    people = int(of_clip.max()) + 1
    if people in (1, count):
        return wilson(share, count)
    off = np.bincount(of_clip, right - share)  # of each group, clips times difference
    between = people / (people - 1) * float((off**2).sum()) / count**2
    independent = share * (1 - share) / count
    effective = count * independent / max(between, independent) if independent else float(count)
    student = float(stdtrit(people - 1, 0.975))
    return wilson(share, effective * (_NORMAL / student) ** 2)

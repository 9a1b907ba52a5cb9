"""How far a share of a few clips can be trusted: Wilson's interval, and which number is best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

FEW = 30
"""Fewer test clips than this are pointed out wherever their numbers stand."""
_Z = 1.959964  # standard deviations around the mean that hold 95 % of a normal distribution
_PRINTED = 3  # digits of a share that tables show: 87.6 %


class Range(NamedTuple):
    """A number and how far it may be off.

    Args:
        value: the number.
        low: the lowest that it may well be.
        high: the highest.
    """

    value: float
    low: float
    high: float


def wilson(share: float, clips: float) -> tuple[float, float]:
    """The 95 % interval of a share that was measured on so many clips.

    Unlike the share ± 1.96 standard errors it is never empty and never leaves [0, 1], however few
    clips there are. It says what other clips of the same people and cameras would give; what
    another seed would give it does not say.

    Args:
        share: hits / clips, in [0, 1]; of several seeds on the same clips their mean.
        clips: how many were judged; no whole number where some count less.

    Source: E. B. Wilson 1927, Journal of the American Statistical Association 22, 209-212.

    Examples:
        >>> [round(end, 3) for end in wilson(2 / 3, 3)]
        [0.208, 0.939]
        >>> [round(end, 3) for end in wilson(0.85, 1000)]
        [0.827, 0.871]
        >>> [round(end, 3) for end in wilson(0.0, 10)]
        [0.0, 0.278]
    """
    share = min(max(share, 0.0), 1.0)  # rounding may have left it
    square = _Z**2 / clips
    centre = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / clips + square / (4 * clips)) / (1 + square)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def is_accuracy(metric: str) -> bool:
    """Whether a metric of results is a share of clips, each right or wrong.

    Average precision, precision at higher ranks and F1 are no such shares: each clip or class gives
    a share of its own, and Wilson's interval does not hold for them.

    Examples:
        >>> [is_accuracy(name) for name in ("top1", "top5.10%", "precision@1", "map")]
        [True, True, True, False]
    """
    return metric.partition(".")[0] in ("top1", "top5") or metric == "precision@1"


def clearly_best(ranges: Sequence[Range]) -> int | None:
    """Which of several numbers is the highest beyond what chance could do.

    Returns:
        Its index; None where the highest range reaches another one, or there are no two.

    Examples:
        >>> clearly_best([Range(0.6, 0.55, 0.65), Range(0.5, 0.45, 0.54)])
        0
        >>> clearly_best([Range(0.6, 0.5, 0.7), Range(0.5, 0.4, 0.6)]) is None  # they overlap
        True
        >>> clearly_best([Range(0.6, 0.6, 0.6), Range(0.6001, 0.6001, 0.6001)])  # as printed
    """
    if len(ranges) < 2:
        return None
    first = max(range(len(ranges)), key=lambda k: ranges[k].value)
    highest = max(r.high for k, r in enumerate(ranges) if k != first)
    return first if round(ranges[first].low, _PRINTED) > round(highest, _PRINTED) else None

"""The intervals that rules make of one recording's frame probabilities, without a look at truth."""

from __future__ import annotations

import numpy as np

from .proposals import RULES, Proposals, suppress
from .rules import Counts, Rules
from .smoothing import padded, smooth

_RULES = {
    "background": "background_runs",
    "class": "class_runs",
    "growing": "argmax_growing",
    "growing-official": "growing_official",
}


def kept(intervals: Proposals, rules: Rules, counts: Counts, frames: int) -> Proposals:
    """The intervals of a recording of so many frames that the rules leave, cut at its end."""
    if counts.shortest:
        length = np.minimum(intervals.end, frames) - intervals.start
        intervals = Proposals(*(column[length >= counts.shortest] for column in intervals))
    if rules.nms:
        intervals = suppress(intervals, rules.nms, across=True)
    inside = intervals.start < frames  # the released smoothing runs into its padding
    start, end, label, score = (column[inside] for column in intervals)
    return Proposals(start, np.minimum(end, frames), label, score)


def smoothed(p: np.ndarray, rules: Rules, radius: int) -> np.ndarray:
    """`(T, K + 1)` probabilities of a recording as the rule takes them."""
    return smooth(p, radius, form=rules.smoothing_form) if radius else np.asarray(p)


def propose(p: np.ndarray, rules: Rules, counts: Counts) -> Proposals:
    """The rule's intervals in the smoothed probabilities of a recording."""
    grows = rules.proposals.startswith("growing")
    key = "hit_rate" if grows else "threshold"
    settings: dict[str, float] = {} if rules.threshold is None else {key: rules.threshold}
    if rules.proposals == "growing":
        settings |= {"window": counts.window, "back": counts.back}
    # The release grows intervals in padded recordings, so that their ends are no hindrance.
    p = padded(p) if rules.proposals == "growing-official" else p
    return RULES[_RULES[rules.proposals]](p, **settings)

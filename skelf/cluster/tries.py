"""When an item that takes its workers with it is set apart, and when it is reported."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

APART = 2
"""Deaths in a row with which an item is set apart, to be tried alone at the end."""
LOST = 3
"""Deaths in a row with which it is reported."""


class Tries(NamedTuple):
    """What an item's workers came to.

    Workers die for many reasons, and where a job of hours is preempted again and again it is no
    fault of the item that got further each time: only deaths without progress count. Progress is
    more than at any death before, so that it comes to an end where an item has one.

    Args:
        deaths: of workers that had it, in a row without progress.
        reached: how far it had come for good at the last of them.
    """

    deaths: int = 0
    reached: float = -inf

    def died(self, reached: float) -> Tries:
        """After one death more.

        Args:
            reached: how far the item has come for good.

        >>> tries = Tries().died(50).died(50)
        >>> tries.deaths, tries.died(60).deaths, tries.died(50).deaths
        (2, 1, 3)
        """
        got_further = reached > self.reached
        return Tries(1 if got_further else self.deaths + 1, max(reached, self.reached))

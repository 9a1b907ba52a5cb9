"""Ranges that signatures share; `signature.py` checks settings against them.

Pydantic asks these classes for its schema, so that what only carries them, such as a process that
parses files, need not load pydantic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal


@dataclass(frozen=True)
class Range:
    """Bounds of a number, for `Annotated`; NaN lies in none.

    Args:
        ge: the least.
        gt: above this.
        le: the largest.
        lt: below this.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return handler(source) | {k: v for k, v in vars(self).items() if v is not None}


class Ascending:
    """Two numbers, the smallest first, for `Annotated`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(_ascending, handler(source))


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("must be the smallest first, then the largest")
    return pair


# The largest is far above any use: a slip is refused before it asks for the memory.
LARGEST = 65536
Size = Annotated[int, Range(ge=1, le=LARGEST)]
Depth = Annotated[int, Range(ge=1, le=1024)]
Keys = Annotated[int, Range(ge=1, le=2**24)]

Share = Annotated[float, Range(ge=0, le=1)]
Rate = Annotated[float, Range(ge=0, lt=1)]
"""A probability below 1, since what is kept is scaled up by `1 / (1 - rate)`."""
Amount = Annotated[float, Range(ge=0)]
Positive = Annotated[float, Range(gt=0)]
PositiveShare = Annotated[float, Range(gt=0, le=1)]
Shares = Annotated[tuple[PositiveShare, PositiveShare], Ascending()]
Widths = Annotated[tuple[Positive, Positive], Ascending()]

Form = Literal["official", "paper"]

"""Ranges that signatures share; `arguments.py` checks settings against them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("must be the smallest first, then the largest")
    return pair


# The largest is far above any use: a slip is refused before it asks for the memory.
LARGEST = 65536
Size = Annotated[int, Field(ge=1, le=LARGEST)]
Depth = Annotated[int, Field(ge=1, le=1024)]
Keys = Annotated[int, Field(ge=1, le=2**24)]

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, lt=1)]
"""A probability below 1, since what is kept is scaled up by `1 / (1 - rate)`."""
Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
PositiveShare = Annotated[float, Field(gt=0, le=1)]
Shares = Annotated[tuple[PositiveShare, PositiveShare], AfterValidator(_ascending)]
Widths = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]

Form = Literal["official", "paper"]

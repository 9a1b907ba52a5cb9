"""Ranges that settings share; `values.py` checks against them.

Pydantic asks these classes for its schema, so that what only carries them, such as a process that
parses files, need not load pydantic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from .values import Annotation

Schema = Any  # pydantic's: a dict, of another type for each kind of value
Handler = Callable[[Annotation], Schema]


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

    def __get_pydantic_core_schema__(self, source: Annotation, handler: Handler) -> Schema:
        return handler(source) | {k: v for k, v in vars(self).items() if v is not None}


class Ascending:
    """Two numbers, the smallest first, for `Annotated`."""

    def __get_pydantic_core_schema__(self, source: Annotation, handler: Handler) -> Schema:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(_ascending, handler(source))


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("must be the smallest first, then the largest")
    return pair


class AscendingEpochs:
    """Epochs from 1 on, each above the one before, for `Annotated`."""

    def __get_pydantic_core_schema__(self, source: Annotation, handler: Handler) -> Schema:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(_epochs, handler(source))


def _epochs(epochs: tuple[int, ...]) -> tuple[int, ...]:
    if any(epoch < 1 for epoch in epochs) or list(epochs) != sorted(set(epochs)):
        raise ValueError("must be ascending epochs from 1 on")
    return epochs


class NotEmpty:
    """A sequence of one item or more, for `Annotated`."""

    def __get_pydantic_core_schema__(self, source: Annotation, handler: Handler) -> Schema:
        return handler(source) | {"min_length": 1}


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

Decay = Annotated[float, Range(gt=0, lt=1)]
Count = Annotated[int, Range(ge=1)]
Epochs = Annotated[tuple[int, ...], AscendingEpochs()]

Form = Literal["official", "paper"]


def check_form(form: str) -> None:
    """Refuses what is no `Form`, for functions whose arguments come from Python.

    Raises:
        ValueError: naming it.
    """
    if form not in ("official", "paper"):
        raise ValueError(f"unknown form {form!r}; known: official, paper")

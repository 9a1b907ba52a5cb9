"""One item: what it returns, or its problem in one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from ..errors import InputError
from .crew import Travels


class Outcome(NamedTuple):
    """What an item came to: its value, or in one line why there is none."""

    value: Travels
    problem: str


def attempt(fn: Callable[..., Travels], *given: Travels) -> Outcome:
    """Calls `fn`; bad input and what the system refuses is its problem, the rest is raised."""
    try:
        return Outcome(fn(*given), "")
    except (InputError, OSError) as error:
        return Outcome(None, line(error))


def line(error: Exception) -> str:
    """An error in one line, never empty."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    text = next(iter(str(error).strip().splitlines()), "")
    return text or type(error).__name__

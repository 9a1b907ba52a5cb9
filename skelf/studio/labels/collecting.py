"""Python's collector of garbage waits while much is made that stays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def later() -> Iterator[None]:
    """Around work that makes many small objects and leaves hardly any garbage.

    The collector would go through all that is there again and again: a third of the time that a
    long journal takes. Afterwards it is on or off as it was.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

"""How far a protocol is that takes long: told to whoever asked, by nobody who prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Tell = Callable[[int, int], None]
"""Called with what is done and all."""

_listening: ContextVar[Tell | None] = ContextVar("listening", default=None)


@contextmanager
def listening(tell: Tell) -> Iterator[None]:
    """Within, `tell` hears from protocols."""
    token = _listening.set(tell)
    try:
        yield
    finally:
        _listening.reset(token)


def tell(done: int, total: int) -> None:
    """Says that `done` of `total` parts are done."""
    if (listener := _listening.get()) is not None:
        listener(done, total)

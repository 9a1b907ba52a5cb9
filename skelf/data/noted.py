"""What readers warn of, as lines to be told."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noted() -> Iterator[list[str]]:
    """What the block warns of, each once, instead of the warnings; the list is full at its end."""
    lines: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield lines
    about = (w.message for w in caught if issubclass(w.category, UserWarning))
    lines += dict.fromkeys(str(message) for message in about)

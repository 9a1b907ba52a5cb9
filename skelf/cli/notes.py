"""Warnings of the library as notes for the person at the terminal."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from ..data.clips import utf8


@contextmanager
def warnings_as_notes(console: Console) -> Iterator[None]:
    """Prints what the block warned of, a line each, once it has ended without an error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)  # those of deprecations are not for them
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        note(console, text)


def note(console: Console, text: str) -> None:
    """Prints one line that a person should read."""
    line = f"[yellow]note:[/] {escape(utf8(text))}"
    console.print(line, highlight=False, soft_wrap=True)

"""`skelf list`: names, and what each of them is; nothing that is listed is imported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import unknown
from . import complete
from .names import KINDS, described


def list_(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help=f"{', '.join(KINDS)}.",
            autocompletion=complete.kinds,
        ),
    ],
) -> None:
    """Lists what can be named.

    Example: skelf list layouts
    """
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    Console().print(names_table(described(kind)))


def names_table(lines: Iterable[tuple[str, str]]) -> Table:
    """Names, and what each of them is."""
    table = Table("name", "what", box=None, pad_edge=False)
    for name, what in lines:
        table.add_row(escape(name), escape(what))
    return table

"""`skelf list`: names, and what each of them is; nothing that is listed is imported."""

from __future__ import annotations

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
            help="methods, encoders, protocols, layouts, formats, normalizations.",
            autocompletion=complete.kinds,
        ),
    ],
) -> None:
    """Lists what can be named.

    Example: skelf list layouts
    """
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    table = Table("name", "what", box=None, pad_edge=False)
    for name, what in described(kind):
        table.add_row(name, escape(what))
    Console().print(table)

"""Windows of recordings in an index, and what is like a stretch of motion."""

from __future__ import annotations

from collections.abc import Callable

import typer

from ..tables import Table
from .lazy import LazyGroup

COMMANDS: Table[Callable[..., None]] = Table(
    "skelf.cli",
    {
        "index": "search_index.index",
        "query": "search_query.query",
    },
)


class SearchCommands(LazyGroup):
    """The commands of `skelf search`."""

    table = COMMANDS


app = typer.Typer(
    cls=SearchCommands,
    help=__doc__,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
app.callback()(lambda: None)  # without one Typer sees no group

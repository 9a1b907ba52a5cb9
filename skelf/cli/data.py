"""Recordings in, stores checked, described and split."""

from __future__ import annotations

from collections.abc import Callable

import typer

from ..tables import Table
from .lazy import LazyGroup

COMMANDS: Table[Callable[..., None]] = Table(
    "skelf.cli",
    {
        "import": "data_import.import_",
        "template": "data_template.template",
        "export": "export.export",
        "map": "map.map_",
        "clean": "clean.clean",
        "check": "look.check",
        "view": "look.view",
        "get": "look.get",
        "join": "map.join",
        "info": "data_info.info",
        "split": "data_split.split",
        "shard": "data_shard.shard",
    },
)


class DataCommands(LazyGroup):
    """The commands of `skelf data`."""

    table = COMMANDS


app = typer.Typer(
    cls=DataCommands,
    help=__doc__,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
app.callback()(lambda: None)  # without one Typer sees no group

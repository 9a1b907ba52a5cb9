"""A group of commands that are imported when they are called, and its help without any of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from ..tables import Table
from .group_help import Private, group_help


class LazyGroup(TyperGroup):
    """Takes its commands from `table`; lists, help and completion read their docstrings alone."""

    table: ClassVar[Table[Callable[..., None] | typer.Typer]]

    # Any: TyperGroup's own arguments.
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name) for name in self.table}  # what typos are near to

    def parse_args(self, ctx: Private, args: list[str]) -> list[str]:
        """As Typer does."""
        for flag in self.get_params(ctx):
            if flag.default is None:  # `--help`, completion: Typer imports pydantic to read None
                flag.default = False
        return super().parse_args(ctx, args)

    def get_command(self, ctx: Private, cmd_name: str) -> Private:
        """A command to show: its name and its help."""
        if cmd_name not in self.table:
            return None
        return TyperCommand(cmd_name, help=self.table.docstring(cmd_name))

    def resolve_command(self, ctx: Private, args: list[str]) -> Private:
        """A command to run, with what is left of the arguments."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and _loaded(name, self.table[name]), rest

    def format_help(self, ctx: Private, formatter: Private) -> None:
        """Prints the help, as Typer does; what Typer imports for it takes half of the time."""
        records = [option.get_help_record(ctx) for option in self.get_params(ctx)]
        options = [record for record in records if record is not None]
        summaries = [self.table.docstring(name).partition("\n\n")[0] for name in self.table]
        commands = list(zip(self.table, summaries, strict=True))
        typer.echo(group_help(self.get_usage(ctx), self.help or "", options, commands))


def _loaded(name: str, target: Callable[..., None] | typer.Typer) -> Private:
    if isinstance(target, typer.Typer):
        return get_command(target)
    app = typer.Typer(add_completion=False, rich_markup_mode="rich")
    from .settings_help import with_settings  # not above: groups have no use for it

    app.command(name, cls=with_settings(target.__module__.rpartition(".")[2]))(target)
    return get_command(app)

"""From a run and labels to a model that answers: one folder."""

from __future__ import annotations

from collections.abc import Callable

import typer

from ..tables import Table
from .lazy import LazyGroup

COMMANDS: Table[Callable[..., None]] = Table(
    "skelf.cli",
    {
        "classifier": "fit_classifier.fit_classifier",
        "detector": "fit_detector.fit_detector",
    },
)


class FitCommands(LazyGroup):
    """The commands of `skelf fit`."""

    table = COMMANDS


app = typer.Typer(
    cls=FitCommands,
    help=__doc__,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)
app.callback()(lambda: None)  # without one Typer sees no group

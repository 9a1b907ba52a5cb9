"""`skelf fuse`: late fusion of saved scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import InputError
from ..files import is_printed
from .arguments import Force
from .notes import warnings_as_notes

if TYPE_CHECKING:
    from ..results.archive import Row


def fuse(
    scores: Annotated[
        list[Path], typer.Argument(metavar="SCORES...", help="Files that `skelf eval --out` wrote.")
    ],
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="NUMBER,NUMBER,...",
            help="One for each file, in their order; by stream 0.6 joint, 0.6 bone, 0.4 motion.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.json", help="Where rows go.")
    ] = None,
    force: Force = False,
) -> None:
    """Judges the weighted sum of several streams' class scores.

    Example: skelf fuse joint.linear.scores.npz bone.linear.scores.npz --out fused.json
    """
    from ..results import fusion
    from ..results.written import UnwrittenError

    console = Console(stderr=is_printed(out))
    try:
        with warnings_as_notes(console):
            rows = fusion.fuse(scores, weights=_numbers(weights), out=out, overwrite=force)
    except UnwrittenError as error:
        console.print(_table(error.rows))
        raise
    console.print(_table(rows))
    if out is not None:
        console.print(f"Results: [bold]{escape(str(out))}[/]", soft_wrap=True)


def _numbers(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise InputError(f"--weights {text!r}: give numbers, as 0.6,0.6,0.4") from None


def _table(rows: Sequence[Row]) -> Table:
    """A line for each number; each input beside the fusion of all."""
    inputs = rows[0]["config"]["inputs"]
    table = Table("metric", "selection")
    for source in inputs:
        table.add_column(f"{escape(source['stream'])} × {source['weight']:g}", justify="right")
    table.add_column("fused", justify="right", style="bold")
    for row in rows:
        name = f"{row['metric']}.{row['selection']}"
        single = [f"{source['values'][name]:.1%}" for source in inputs]
        table.add_row(row["metric"], row["selection"], *single, f"{row['value']:.1%}")
    return table

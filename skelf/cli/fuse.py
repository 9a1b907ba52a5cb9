"""`skelf fuse`: late fusion of saved scores, and detections by other rules."""

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
        list[str],
        typer.Argument(
            metavar="SCORES... [EVAL.KEY=VALUE...]",
            help="Files that `skelf eval --out` wrote; of detections one will do. Then other rules "
            "for these, as eval.smoothing=0.",
        ),
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
    """Judges the weighted sum of several streams' class scores, or detections by other rules.

    Example: skelf fuse joint.linear.scores.npz bone.linear.scores.npz --out fused.json
    """
    from ..results import fusion
    from ..results.written import UnwrittenError

    console = Console(stderr=is_printed(out))
    rules = [text for text in scores if text.startswith("eval.") and "=" in text]
    files = [text for text in scores if text not in rules]
    try:
        with warnings_as_notes(console):
            rows = fusion.fuse(
                files, weights=_numbers(weights), out=out, overwrite=force, overrides=rules
            )
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
        weight = f" × {source['weight']:g}" if len(inputs) > 1 else ", as saved"
        table.add_column(f"{escape(source['stream'])}{weight}", justify="right")
    again = "fused" if len(inputs) > 1 else "judged again"
    table.add_column(again, justify="right", style="bold")
    for row in rows:
        name = f"{row['metric']}.{row['selection']}"
        values = [source["values"].get(name) for source in inputs]  # other overlaps, other names
        single = ["" if value is None else f"{value:.1%}" for value in values]
        table.add_row(row["metric"], row["selection"], *single, f"{row['value']:.1%}")
    return table

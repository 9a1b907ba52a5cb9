"""`skelf eval`: a frozen encoder, judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..files import is_printed
from ..metrics.interval import FEW, is_accuracy, wilson
from . import complete
from .arguments import Data, Device, Force, Overrides
from .bars import counting
from .notes import warnings_as_notes

if TYPE_CHECKING:
    from ..results.archive import Row


def evaluate(
    protocols: Annotated[
        str,
        typer.Argument(
            metavar="PROTOCOL[,PROTOCOL...]",
            help="See `skelf list protocols`.",
            autocompletion=complete.protocols,
        ),
    ],
    run: Annotated[
        list[str],
        typer.Option(
            "--run",
            help="A run, a checkpoint folder, a hub name, or an official file; repeated: the "
            "streams of several together; joints: no encoder, the plain rival; kernels: fixed "
            "convolutions.",
        ),
    ],
    data: Data,
    split: Annotated[str, typer.Option("--split", help="Learn from one side, judge on the other.")],
    overrides: Overrides = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.json", help="Where rows go; class scores beside it."),
    ] = None,
    untrained: Annotated[
        bool,
        typer.Option("--untrained", help="The run's fresh weights instead: the baseline to beat."),
    ] = False,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="Whose official checkpoint --run is.",
            autocompletion=complete.methods,
        ),
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option(
            "--stream",
            help="Of a run with several: joint, motion, bone or all; with --method: what the file "
            "was trained on.",
        ),
    ] = None,
    precision: Annotated[
        str,
        typer.Option("--precision", help="Of features: fp32, or bf16 where the device has it."),
    ] = "fp32",
    seed: Annotated[int, typer.Option("--seed", help="Of what a protocol draws.")] = 0,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Judges a frozen encoder.

    Example: skelf eval linear,knn,retrieval --run run --data nw.h5 --split xview --out results.json
    """
    from .. import api

    console = Console(stderr=is_printed(out))
    rows: list[Row] = []
    try:
        with warnings_as_notes(console), _bar(console):
            api.evaluate(
                [name.strip() for name in protocols.split(",") if name.strip()],
                run,
                data,
                split=split,
                out=out,
                overwrite=force,
                untrained=untrained,
                method=method,
                stream=stream,
                overrides=overrides or (),
                precision=precision,
                seed=seed,
                device=device,
                listener=rows.extend,
                say=partial(console.print, highlight=False, markup=False, soft_wrap=True),
            )
    finally:  # what ended is worth seeing, whatever became of the rest or of the file
        if rows:
            console.print(_table(rows))
            few = min((row["clips"] for row in rows if is_accuracy(row["metric"])), default=FEW)
            if few < FEW:
                clips = f"{few} test clip{'s' * (few != 1)}"
                console.print(
                    f"[yellow]note:[/] only {clips}: other ones may well give a number at the "
                    "other end of the interval",
                    soft_wrap=True,
                )
    if out is not None:
        console.print(f"Results: [bold]{escape(str(out))}[/]", soft_wrap=True)


@contextmanager
def _bar(console: Console) -> Iterator[None]:
    """A bar of what a protocol tells, while one does."""
    from ..protocols.progress import listening

    with counting(console, "judging") as bar:
        task = bar.add_task("", total=None, visible=False)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=done < total)

        with listening(show):
            yield


def _table(rows: Iterable[Row]) -> Table:
    table = Table("protocol")
    table.add_column("metric", overflow="fold")  # which number it is, however narrow the terminal
    table.add_column("selection")
    rows = list(rows)
    for head in (rows[0]["method"], "95 % interval", "clips"):
        table.add_column(head, justify="right")
    for row in rows:
        interval = ""
        if row["clips"] and is_accuracy(row["metric"]):
            interval = "{:.1%} to {:.1%}".format(*wilson(row["value"], row["clips"]))
        named = (row["protocol"], row["metric"], row["selection"])
        table.add_row(*named, f"{row['value']:.1%}", interval, f"{row['clips']:,}")
    return table

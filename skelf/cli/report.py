"""`skelf report`: one page of runs and results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..files import is_printed
from .arguments import Force


def report(
    places: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Folders with runs and results, or files of rows."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="PAGE.html", help="The page to write.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="STORE", help="Adds maps of features and neighbours."),
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="With --data: its test side is shown.")
    ] = None,
    umap: Annotated[
        bool, typer.Option("--umap", help="UMAP maps beside t-SNE's; needs umap-learn.")
    ] = False,
    title: Annotated[str, typer.Option("--title", help="The page's heading.")] = "skelf report",
    force: Force = False,
) -> None:
    """One HTML page of runs and results: tables, curves, classes, maps. It loads nothing.

    Example: skelf report runs --out page.html --data nw.h5 --split xview
    """
    from ..report import write as run_report

    console = Console(stderr=is_printed(out))
    page, notes = run_report.write_report(
        places,
        out,
        data=data,
        split=split,
        umap=umap,
        title=title,
        overwrite=force,
        say=console.print,
    )
    for note in notes:
        console.print(f"[yellow]note:[/] {escape(note)}", highlight=False, soft_wrap=True)
    console.print(f"Page: [bold]{escape(str(page))}[/]", soft_wrap=True)

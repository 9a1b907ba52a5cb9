"""`skelf bench`: a suite of methods, data sets, protocols and seeds."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..machine import memory

if TYPE_CHECKING:
    from ..bench.cell import Cell
    from ..bench.run import Benchmark
    from ..bench.state import State


def bench(
    suite: Annotated[Path, typer.Argument(metavar="SUITE.toml", help="What is run.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Runs, results and tables; goes on there.")
    ],
    workers: Annotated[
        int, typer.Option("--workers", min=1, help="Processes that run cells side by side.")
    ] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the cells and what is done; run nothing.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Run cells again that failed before.")
    ] = False,
    equal_cost: Annotated[
        str | None,
        typer.Option(
            "--equal-cost", metavar="ROW", help="Epochs of the others cost as much as this row's."
        ),
    ] = None,
) -> None:
    """Methods x data sets x protocols x seeds in one table, with the published numbers.

    Example: skelf bench suite.toml --out bench --workers 4
    """
    from ..bench import run as benchmark
    from ..bench.display import BenchDisplay

    console = Console()
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    if dry_run:
        _list(console, benchmark.preview(suite, out, retry=retry, equal_cost=equal_cost, say=say))
        return
    memory.keep_freed()
    try:
        with BenchDisplay(console, workers) as display:
            result = benchmark.bench(
                suite,
                out,
                workers=workers,
                retry=retry,
                equal_cost=equal_cost,
                tell=display,
                expect=display.expect,
                say=say,
            )
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on where it was")
        raise typer.Exit(1) from None
    _summarise(console, result)
    if result.failures or result.left:
        raise typer.Exit(1)


def _list(console: Console, cells: list[tuple[Cell, State]]) -> None:
    table = Table("cell", "state", box=None, pad_edge=False)
    for cell, state in cells:
        table.add_row(escape(cell.title), "not needed" if state == "spared" else state)
    console.print(table)
    counts = Counter(state for _, state in cells)
    console.print(f"{len(cells)} cells, {counts['open']} to run", highlight=False)


def _summarise(console: Console, result: Benchmark) -> None:
    console.print(
        f"{result.ran} of {result.cells} cells run, {len(result.failures)} failed, "
        f"{result.left} left out",
        highlight=False,
    )
    for failure in result.failures:
        when = "" if failure.now else " (before; --retry runs it again)"
        text = f"{failure.title}{when}: {failure.message}; see {failure.path}"
        console.print(f"[red]failed:[/] {escape(text)}", highlight=False, soft_wrap=True)
    for path in result.files:
        console.print(f"Table: [bold]{escape(str(path))}[/]", soft_wrap=True)
    if not any(path.suffix == ".parquet" for path in result.files):
        console.print("[dim]No Parquet: pip install 'skelf\\[parquet]'[/]", highlight=False)

"""`skelf bench`: a suite of methods, data sets, protocols and seeds."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import InputError
from ..machine import memory
from .arguments import Scheduler, Workers

if TYPE_CHECKING:
    from ..bench.cell import Cell
    from ..bench.run import Benchmark
    from ..bench.state import State


def bench(
    suite: Annotated[Path, typer.Argument(metavar="SUITE.toml", help="What is run.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Runs, results and tables; goes on there.")
    ],
    workers: Workers = 1,
    scheduler: Scheduler = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the cells and what is done; run nothing.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Run cells again that failed before.")
    ] = False,
    sampler: Annotated[
        Literal["optuna"] | None,
        typer.Option("--sampler", help="Search the suite's \\[\\[search]] on training subjects."),
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, help="Of each row, with --sampler.")
    ] = None,
    equal_cost: Annotated[
        str | None,
        typer.Option(
            "--equal-cost", metavar="ROW", help="Epochs of the others cost as much as this row's."
        ),
    ] = None,
) -> None:
    """Methods x data sets x protocols x seeds in one table, with the published numbers.

    Example: skelf bench suite.toml --out bench --workers 4

    Example: skelf bench suite.toml --out bench --scheduler tcp://10.0.0.1:8786

    Example: skelf bench suite.toml --out bench --sampler optuna --trials 12
    """
    console = Console()
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    if sampler is not None or trials is not None:
        others = dry_run or retry or workers > 1 or scheduler is not None
        _search(console, suite, out, sampler, trials, equal_cost, others)
        return
    from ..bench import run as benchmark
    from ..bench.display import BenchDisplay

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
                scheduler=scheduler,
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


def _search(
    console: Console,
    suite: Path,
    out: Path,
    sampler: str | None,
    trials: int | None,
    equal_cost: str | None,
    others: bool,
) -> None:
    if sampler is None or trials is None:
        raise InputError("--sampler and --trials go together: --sampler optuna --trials 12")
    if others:
        raise InputError(
            "--sampler: trials run one after the other, and what failed counts; leave out "
            "--workers, --scheduler, --dry-run and --retry"
        )
    from ..bench.search.display import SearchDisplay, trials_table
    from ..bench.search.run import search

    memory.keep_freed()
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    try:
        with SearchDisplay(console) as display:
            found = search(suite, out, trials=trials, equal_cost=equal_cost, tell=display, say=say)
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on where it was")
        raise typer.Exit(1) from None
    console.print(trials_table(found.trials, found.best))
    for trial in found.trials:
        if trial.message:
            say(f"failed: {trial.row}, {trial.place}, trial {trial.number + 1}: {trial.message}")
    counts = Counter(trial.state for trial in found.trials)
    say(", ".join(f"{count} {state}" for state, count in counts.items()))
    for row in found.lost:
        say(f"no trial of {row} was completed; it keeps the suite's settings")
    say(f"Chosen: {found.files[-1]}; on the test side: skelf bench {found.files[-1]} --out {out}")
    if found.lost:
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

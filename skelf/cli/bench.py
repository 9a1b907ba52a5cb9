"""`skelf bench`: a suite of methods, data sets, protocols and seeds."""

from __future__ import annotations

import time
import warnings
from collections import Counter
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
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
) -> None:
    """Methods x data sets x protocols x seeds in one table, with the published numbers.

    Example: skelf bench suite.toml --out bench --workers 4
    """
    from ..bench import run as benchmark

    console = Console()
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    if dry_run:
        _list(console, benchmark.preview(suite, out, retry=retry, say=say))
        return
    memory.keep_freed()
    try:
        with BenchDisplay(console) as display:
            result = benchmark.bench(
                suite,
                out,
                workers=workers,
                retry=retry,
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


class BenchDisplay:
    """What a person watches: a bar of cells on a terminal, a line for each cell elsewhere.

    Args:
        console: where to draw.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.running: dict[str, str] = {}
        self.began: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        self.bar = Progress(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]} failed, {task.fields[running]} running"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[what]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("", total=None, failed=0, running=0, what="", visible=False)

    def __enter__(self) -> BenchDisplay:
        self._filters = warnings.catch_warnings()
        self._filters.__enter__()
        warnings.showwarning = self._note
        self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bar.stop()
        self._filters.__exit__(kind, error, trace)

    def _note(self, message: Warning | str, *_: object, **__: object) -> None:
        self._say(f"note: {message}")

    def expect(self, cells: int, still: int) -> None:
        """Takes the numbers of cells in all and still to be run."""
        self.total = still
        self.bar.update(self.task, total=still, visible=True)
        self._say(f"{cells} cells, {still} to run")

    def __call__(self, kind: str, cell: Cell, text: str) -> None:
        """Shows what happens to a cell."""
        if kind in ("start", "progress"):
            self.began.setdefault(cell.key, time.perf_counter())
            self.running[cell.key] = f"{cell.title} {text}".strip()
        else:
            self.running.pop(cell.key, None)
            self.counts[kind] += 1
            seconds = time.perf_counter() - self.began.get(cell.key, time.perf_counter())
            ending = {"done": f"{seconds:.1f} s", "blocked": "left out"}.get(
                kind, f"FAILED: {text}"
            )
            self._say(f"[{self.counts.total()}/{self.total}] {cell.title}: {ending}")
        self.bar.update(
            self.task,
            completed=self.counts.total(),
            failed=self.counts["failed"],
            running=len(self.running),
            what=escape(next(iter(self.running.values()), "")),
        )

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


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

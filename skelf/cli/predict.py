"""`skelf predict`: what a model says of recordings."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID
from rich.table import Table

from ..data.clips import utf8
from ..errors import InputError
from ..files import is_printed, is_stream
from ..inference.writers.rows import Cell, columns, rows
from ..locks import holding
from ..outputs import PAGE, check_output
from .arguments import Device, Force, Scheduler, Workers
from .given_data import (
    Format,
    Layout,
    Unit,
    Up,
    Words,
    bar_of_files,
    paths_and_options,
    seen_by_all,
)
from .notes import note

if TYPE_CHECKING:
    from ..inference.result import Result

LONG = 20_000
"""Frames of a file from which on its own progress is shown."""
MOST_ROWS = 200
"""Rows that the terminal shows; a file has them all."""


def predict(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model's folder (skelf fit), or a hub name.")
    ],
    words: Words,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="A .csv, .json, .eaf (ELAN), .boris.csv, .txt (Audacity) or .h5 (a store); else a "
            "table here.",
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="csv, json, eaf, boris, audacity or store, whatever the file is called. With a "
            "folder as --out, eaf and audacity write a file for each recording.",
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="PAGE.html", help="A page with timelines and figures."),
    ] = None,
    format_: Format = None,
    layout: Layout = None,
    unit: Unit = None,
    up: Up = None,
    device: Device = "auto",
    force: Force = False,
    scheduler: Scheduler = None,
    workers: Workers = 1,
) -> None:
    """Says what is in clips (a classifier), or what happens when in recordings (a detector).

    Joints, frame rate, unit and upward axis are brought to the model's, each said in a line. A file
    that cannot be read is named and passed over; the exit code is 2 where none could.

    Example: skelf predict model walks/ --out answers.csv

    Example: skelf predict detector monday.bvh --out monday.eaf --page monday.html

    Example: skelf predict detector archive/ --out segments.csv --workers 8
    """
    from ..cluster import gathered
    from ..inference.bulk.blocks import Reading
    from ..inference.destination import destination
    from ..inference.model import load_model
    from ..inference.predictions import predictions as results_of
    from ..inference.source import places
    from ..inference.writers import WRITERS
    from ..machine.devices import choose_device
    from ..pages.html import write
    from ..pages.predictions import Gathered

    paths, options = paths_and_options(words)
    console = Console(stderr=True)

    def say(text: str) -> None:
        console.print(escape(utf8(text)), highlight=False, soft_wrap=True)

    model = load_model(name)
    listed = places(paths, format=format_, say=say)
    for place in (out, page):
        if place is not None and not is_stream(place):
            context.with_resource(holding(place))
    if page is not None:
        check_output(page, PAGE, inputs=paths, replace=force)
    chosen = None
    if out is not None:
        chosen = destination(out, to, model.kind, len(listed), inputs=paths, replace=force)
    elif to is not None:
        raise InputError(f"--to {to}: name the file with --out")
    shown, drawn = Shown(model.kind), Gathered(model.kind) if page is not None else None
    place = out or page
    if scheduler is not None and (place is None or is_stream(place)):
        raise InputError("--scheduler: name a file with --out, beside which results can wait")
    if scheduler is None:
        choose_device(device, "--device")
    with ExitStack() as stack:
        seen = seen_by_all([*paths], place or Path(), name)
        crew = stack.enter_context(gathered(scheduler, workers, paths=seen, say=say))
        bar = stack.enter_context(bar_of_files(console, len(listed)))
        frames = bar.add_task("frames", total=None, visible=False)
        results = stack.enter_context(
            results_of(
                model, name, listed, place, reading=Reading(layout, tuple(options), unit, up),
                device=device, crew=crew, say=say,
                clips=drawn is not None or (chosen is not None and chosen.to == "store"),
                progress=lambda done, total: _advance(bar, frames, done, total),
                frames=lambda done, total: bar.update(
                    frames, completed=done, total=total, visible=total > LONG
                ),
            )
        )  # fmt: skip
        adds: list[Callable[[Result], None]] = [shown.add]
        if chosen is not None:
            adds.append(stack.enter_context(WRITERS[chosen.to](chosen.path, model.kind)))
        if drawn is not None:
            adds.append(drawn.add)
        for result in results:
            for add in adds if not result.problem else [shown.fail]:
                add(result)
        if not shown.files:
            raise InputError("\n".join(shown.problems))
    if drawn is not None and page is not None:
        write(page, drawn.page(name))
    for problem in shown.problems:
        note(console, problem)
    if out is None and page is None:
        shown.print(Console())
    _report(Console(stderr=is_printed(out)), shown, out, page)


class Shown:
    """What the terminal is told: the first rows, how many there are, and what could not be read."""

    def __init__(self, kind: str) -> None:
        self.kind, self.files, self.count = kind, 0, 0
        self._last: Path | None = None
        self.rows: list[tuple[str, ...]] = []
        self.problems: list[str] = []

    def add(self, result: Result) -> None:
        """Takes a file's rows."""
        self.files += result.path != self._last  # a large store comes in several results
        self._last = result.path
        self.count += len(result.answers) + len(result.segments)
        for row in rows(result):
            if len(self.rows) == MOST_ROWS:
                break
            self.rows.append(tuple(_cell(cell) for cell in row))

    def fail(self, result: Result) -> None:
        """Takes a file that could not be read."""
        if result.problem not in self.problems[-1:]:
            self.problems.append(result.problem)

    def print(self, console: Console) -> None:
        """Prints the table; columns that say nothing are left out."""
        heads = columns(self.kind)
        told = [at for at in range(len(heads)) if any(row[at] for row in self.rows)]
        if len({row[0] for row in self.rows}) == 1:
            told.remove(0)  # the file that was asked about
        table = Table(*(heads[at].replace("_", " ") for at in told))
        for row in self.rows:
            table.add_row(*(escape(utf8(row[at])) for at in told))
        if self.rows:
            console.print(table)
        if self.count > len(self.rows):
            console.print(f"and {self.count - len(self.rows):,} rows more; --out FILE has all")


def _advance(bar: Progress, frames: TaskID, done: int, total: int) -> None:
    bar.update(bar.task_ids[0], completed=done, total=total)
    bar.update(frames, visible=False)


def _cell(cell: Cell) -> str:
    if cell is None or cell is False:
        return ""
    if cell is True:
        return "yes"
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


def _report(console: Console, shown: Shown, out: Path | None, page: Path | None) -> None:
    what = "answer" if shown.kind == "classifier" else "segment"
    text = f"{shown.count:,} {what}{'s' * (shown.count != 1)} from {shown.files:,} "
    text += f"file{'s' * (shown.files != 1)}"
    if shown.problems:
        text += f" ({len(shown.problems):,} passed over)"
    for place in (out, page):
        if place is not None:
            text += f", {escape(utf8(str(place)))}"
    console.print(text, soft_wrap=True, highlight=False)

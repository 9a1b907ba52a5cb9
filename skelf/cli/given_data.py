"""DATA... and KEY=VALUE words, as commands that read recordings of any format take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..errors import InputError
from . import complete

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA... [KEY=VALUE]...",
        help="Stores, files or folders of any format that `data import` reads; then options of "
        "that format.",
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Of the files, see `skelf list formats`; else by what is in them.",
        autocompletion=complete.formats,
    ),
]
Layout = Annotated[
    str | None,
    typer.Option(
        "--layout",
        help="A layout's name or TOML file; else by names.",
        autocompletion=complete.layouts,
    ),
]
Unit = Annotated[
    str | None, typer.Option("--unit", help="Of the files' coordinates: m, cm, mm, in.")
]
Up = Annotated[
    str | None, typer.Option("--up", help="The axis that points up in the files: y, -y, z, -z.")
]


def paths_and_options(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which words are paths, and which `KEY=VALUE`; what is there is a path.

    Raises:
        InputError: there are only options.
    """
    options = [word for word in words if "=" in word and not Path(word).exists()]
    paths = [word for word in words if word not in options]
    if not paths:
        raise InputError(f"{' '.join(options)}: no data is named; give files, folders or stores")
    return paths, options


def seen_by_all(paths: Sequence[str | Path], out: Path, run: str | None) -> list[Path]:
    """What every worker must see: data, the output's folder, and the run where it is a path."""
    named = [Path(path) for path in paths] + [Path(run or "")] * bool(run)
    there = [path for path in named if path.exists()]  # else a set's or a hub's name
    return list(dict.fromkeys([*there, out.absolute().parent]))


@contextmanager
def bar_of_files(console: Console, total: int) -> Iterator[Progress]:
    """A bar over files, where there is a terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        bar.add_task("files", total=total)
        yield bar

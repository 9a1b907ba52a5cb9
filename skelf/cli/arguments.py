"""Arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings that win over files.")
]
Data = Annotated[Path, typer.Option("--data", metavar="STORE", help="A store (skelf data import).")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option("--device", help="auto: cuda where present.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace what --out names, if it is of the same kind.")
]
NamedStore = Annotated[
    Path,
    typer.Argument(metavar="STORE", help="A store, by `data import`; or a set's name, as ntu60."),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="A dask scheduler whose workers do the work: tcp://host:8786, its file, or slurm.",
    ),
]
Workers = Annotated[
    int, typer.Option("--workers", min=1, help="Processes side by side; 1: this one alone.")
]

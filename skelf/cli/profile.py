"""`skelf profile`: what methods cost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ..errors import InputError
from . import complete

if TYPE_CHECKING:
    from ..profiling.count import Profile


def profile(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="METHOD|all... [KEY=VALUE]...",
            help="See `skelf list methods`; settings as for pretrain.",
            autocompletion=complete.methods,
        ),
    ],
    layout: Annotated[
        str,
        typer.Option(
            "--layout", help="A layout's name or TOML file.", autocompletion=complete.layouts
        ),
    ] = "ntu25",
    persons: Annotated[int, typer.Option("--persons", min=1, help="Persons in a clip.")] = 2,
    stream: Annotated[str, typer.Option("--stream", help="joint, motion or bone.")] = "joint",
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings.")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option("--batch", help="Clips a timed step; else 4 on a CPU, 32 on a GPU."),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Timed steps.")] = 3,
    time: Annotated[
        bool, typer.Option("--time/--no-time", help="Measure memory and speed, or only count.")
    ] = True,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option("--device", help="auto: cuda where present.")
    ] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Parameters, FLOPs, peak memory and clips a second of methods, at the paper's size.

    Example: skelf profile pcm3 usdrl --batch 8

    Example: skelf profile all --no-time encoder.frames=32

    Example: skelf profile usdrl --batch 356 --steps 1 train.chunk=16
    """
    from ..methods import METHODS
    from ..profiling import count as profiles

    methods, overrides = _sort(words, METHODS)
    costs = []
    with _Display(Console(stderr=True)) as display:
        for name in methods:
            display.method = name
            costs.append(
                profiles.profile(
                    name, layout=layout, persons=persons, stream=stream, config=config,
                    overrides=overrides, time=time, batch=batch, steps=steps, device=device,
                    listener=display,
                )
            )  # fmt: skip
    if as_json:
        print(json.dumps([cost.to_dict() for cost in costs], indent=1))
    else:
        _show(costs, Console())
    failures = [cost.failure for cost in costs if cost.failure]
    if failures:
        complaints = Console(stderr=True)
        for failure in failures:
            complaints.print(f"[red]error:[/] {escape(failure)}", soft_wrap=True, highlight=False)
        raise typer.Exit(1)


def _sort(words: Iterable[str], names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Methods, and settings."""
    settings = [word for word in words if "=" in word]
    named = [word for word in words if "=" not in word]
    if not named:
        raise InputError(f"no method is named; known: all, {', '.join(names)}")
    if "all" in named:
        return list(names), settings
    return list(dict.fromkeys(named)), settings


class _Display:
    """A bar on a terminal, elsewhere one line a method; on standard error, so that JSON is JSON."""

    def __init__(self, console: Console) -> None:
        self.console, self.method = console, ""
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("", total=1)

    def __enter__(self) -> _Display:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        self.bar.update(
            self.task, description=f"{self.method}: {what}", completed=done, total=total
        )
        if not self.console.is_terminal and done == 0:
            self.console.print(f"{self.method}: {what}", highlight=False, markup=False)


COLUMNS = (
    "params\nM", "trained\nM", "encoder\nM", "encoder\nGFLOP", "forward\nGMAC", "step\nGFLOP",
    "memory\nGiB", "clips\n/ s",
)  # fmt: skip


def _show(costs: Sequence[Profile], console: Console) -> None:
    table = Table("method", "encoder", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for cost in costs:
        measured = ["-", "-"]
        if cost.timing is not None:
            memory = cost.timing.memory
            measured[0] = "-" if memory is None else f"{memory / 2**30:.2f}"
            measured[1] = f"{cost.timing.clips_per_second:.3g}"
        table.add_row(
            cost.method,
            cost.encoder,
            *(f"{n / 1e6:.2f}" for n in (cost.parameters, cost.trained, cost.encoder_parameters)),
            *(f"{n / 1e9:.2f}" for n in (cost.encoder_flops, cost.forward_macs, cost.step_flops)),
            *measured,
        )
    console.print(table)
    first = costs[0]
    lines = [
        f"One clip: {first.layout}, persons {first.persons}, frames as the method has them. "
        "A multiply-add is 2 FLOPs, 1 MAC.",
        "encoder: its forward pass; forward: all forward passes of a training step, as the "
        "survey's Table 5 counts; step: forward and backward.",
    ]
    for text in dict.fromkeys(cost.preparation for cost in costs):
        names = ", ".join(cost.method for cost in costs if cost.preparation == text)
        lines.append(f"{names}: {text}; not counted.")
    timings = [cost.timing for cost in costs if cost.timing is not None]
    if timings:
        t = timings[0]
        threads = "" if t.kind == "cuda" else f", {t.threads} thread(s)"
        pieces = "" if t.chunk is None else f", {t.chunk} views at a time"
        lines.append(
            f"Measured at batch {t.batch}{pieces}, {t.precision}, on {t.device}{threads}; median "
            f"of {t.steps} step(s)."
        )
    for line in lines:
        console.print(f"[dim]{escape(line)}[/]", highlight=False)

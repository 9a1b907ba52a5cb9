"""The command line: parses, calls, prints. Exit codes: 0 done, 2 bad input or usage, 1 else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .. import memory
from ..errors import InputError, unknown
from . import bench as cli_bench
from . import data as cli_data
from . import fuse as cli_fuse
from . import profile as cli_profile
from . import report as cli_report

app = typer.Typer(
    help="Self-supervised understanding of human skeleton motion.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
app.add_typer(cli_data.app, name="data")
app.command()(cli_bench.bench)
app.command()(cli_fuse.fuse)
app.command()(cli_report.report)
app.command()(cli_profile.profile)

Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings that win over files.")
]
Data = Annotated[Path, typer.Option("--data", metavar="STORE", help="A store (skelf data import).")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option("--device", help="auto: cuda where present.")
]


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where it goes.")] = Path(
        "demo"
    ),
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**63 - 1, help="Same seed, same result.")
    ] = 0,
) -> None:
    """The whole way on a small SYNTHETIC set: store, pretraining, evaluation, a page to look at.

    Example: skelf demo --out demo
    """
    from .. import demo as demonstration
    from ..training.progress import TrainingDisplay

    memory.keep_freed()
    console = Console()
    console.print("The demo's motion is [bold]synthetic[/]: made-up figures, no recordings.")
    with TrainingDisplay(console) as display:
        result = demonstration.run(out, seed=seed, say=console.print, listener=display)
    console.print(_demo_table(result.rows))
    page = escape(str(result.page))
    console.print(f"Page: [bold]{page}[/] ({result.seconds:.0f} s in all)", soft_wrap=True)


@app.command()
def pretrain(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="See `skelf list methods`.")],
    data: Data,
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="The run's folder.")],
    overrides: Overrides = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Train on its training side; else on all clips.")
    ] = None,
    stream: Annotated[str, typer.Option("--stream", help="joint, motion or bone.")] = "joint",
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of weights and draws.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the newest checkpoint in RUN.")
    ] = False,
    init: Annotated[
        str | None,
        typer.Option("--init", metavar="RUN", help="Start from its weights and model settings."),
    ] = None,
    refine: Annotated[
        str | None,
        typer.Option("--refine", metavar="RUN", help="As --init; PCM3++'s second stage of it."),
    ] = None,
) -> None:
    """Pretrains an encoder without labels.

    Example: skelf pretrain usdrl --data nw.h5 --split xview --out run train.epochs=20

    Several devices: torchrun --nproc-per-node 2 -m skelf pretrain usdrl --data nw.h5 --out run
    """
    from .. import api
    from ..training.progress import TrainingDisplay

    if init and refine:
        raise InputError("--init and --refine both name a run to start from; give one")
    stage = ("method.refine=true",) if refine else ()
    memory.keep_freed()
    console = Console(quiet=int(os.environ.get("RANK", 0)) > 0)
    try:
        with TrainingDisplay(console) as display:
            run = api.pretrain(
                method,
                data,
                out=out,
                split=split,
                stream=stream,
                config=config,
                overrides=(*(overrides or ()), *stage),
                seed=seed,
                resume=resume,
                init=refine or init,
                listener=display,
            )
    except KeyboardInterrupt:
        console.print("stopped; the same command with --resume goes on from the last checkpoint")
        raise typer.Exit(1) from None
    console.print(f"Run: [bold]{escape(str(run))}[/]", soft_wrap=True)


@app.command("eval")
def evaluate(
    protocols: Annotated[
        str, typer.Argument(metavar="PROTOCOL[,PROTOCOL...]", help="See `skelf list protocols`.")
    ],
    run: Annotated[
        list[str],
        typer.Option(
            "--run",
            help="A run, a checkpoint folder, a hub name, or an official file; repeated: the "
            "streams of several together.",
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
        bool, typer.Option("--untrained", help="Fresh weights instead: the baseline to beat.")
    ] = False,
    method: Annotated[
        str | None, typer.Option("--method", help="Whose official checkpoint --run is.")
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
) -> None:
    """Judges a frozen encoder.

    Example: skelf eval linear,knn,retrieval --run run --data nw.h5 --split xview --out results.json
    """
    from .. import api

    rows = api.evaluate(
        [name.strip() for name in protocols.split(",") if name.strip()],
        run,
        data,
        split=split,
        out=out,
        untrained=untrained,
        method=method,
        stream=stream,
        overrides=overrides or (),
        precision=precision,
        seed=seed,
        device=device,
    )
    console = Console()
    console.print(_results(rows))
    if out is not None:
        console.print(f"Results: [bold]{escape(str(out))}[/]", soft_wrap=True)


@app.command("list")
def list_(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="methods, encoders, protocols, layouts, formats.")
    ],
) -> None:
    """Lists what can be named.

    Example: skelf list layouts
    """
    known = _known()
    if kind not in known:
        raise unknown("kind", kind, known)
    table = Table("name", "what", box=None, pad_edge=False)
    for name, what in known[kind]:
        table.add_row(name, escape(what))
    Console().print(table)


def main() -> None:
    """Entry point: what goes wrong ends with one line; bad input with exit code 2."""
    try:
        app(prog_name="skelf")
    except InputError as error:
        _complain(str(error))
        sys.exit(2)
    except Exception as error:
        if os.environ.get("SKELF_TRACEBACK"):
            raise
        text = next(iter(str(error).strip().splitlines()), "")
        if not text or not isinstance(error, OSError | RuntimeError):  # ours; others name no cause
            text = f"{type(error).__name__}: {text}".removesuffix(": ")
        _complain(f"{text} (SKELF_TRACEBACK=1 shows where)")
        sys.exit(1)


def _complain(text: str) -> None:
    # One voice a machine: the processes of a distributed run meet the same error.
    console = Console(stderr=True, quiet=int(os.environ.get("LOCAL_RANK", 0)) > 0)
    console.print(f"[red]error:[/] {escape(text)}", soft_wrap=True, highlight=False)


def _known() -> dict[str, list[tuple[str, str]]]:
    from ..data.readers import READERS
    from ..encoders import ENCODERS
    from ..layouts import LAYOUTS
    from ..methods import METHODS
    from ..protocols import PROTOCOLS

    def described(table: dict[str, Any]) -> list[tuple[str, str]]:
        return [(name, (thing.__doc__ or "").splitlines()[0]) for name, thing in table.items()]

    return {
        "methods": described(METHODS),
        "encoders": described(ENCODERS),
        "protocols": described(PROTOCOLS),
        "formats": [*described(READERS), ("synthetic", "Made-up moving figures, for tests.")],
        "layouts": [
            (name, f"{s.joints} joints: {', '.join(s.names)}") for name, s in LAYOUTS.items()
        ],
    }


def _results(rows: Iterable[dict[str, Any]]) -> Table:
    table = Table("protocol", "metric", "selection")
    rows = list(rows)
    table.add_column(rows[0]["method"], justify="right")
    for row in rows:
        table.add_row(row["protocol"], row["metric"], row["selection"], f"{row['value']:.1%}")
    return table


def _demo_table(rows: Iterable[dict[str, Any]]) -> Table:
    columns = ("pretrained", "untrained", "chance")
    table = Table("protocol")
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(row["protocol"], *(f"{row[name]:.1%}" for name in columns))
    return table

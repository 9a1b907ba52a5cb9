"""`skelf pretrain`: an encoder without labels."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..errors import InputError
from ..machine import memory
from . import complete
from .arguments import Data, Overrides


def pretrain(
    method: Annotated[
        str,
        typer.Argument(
            metavar="METHOD", help="See `skelf list methods`.", autocompletion=complete.methods
        ),
    ],
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
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
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
                say=say,
            )
    except KeyboardInterrupt:
        console.print("stopped; the same command with --resume goes on from the last checkpoint")
        raise typer.Exit(1) from None
    console.print(f"Run: [bold]{escape(str(run))}[/]", soft_wrap=True)

"""`skelf pretrain`: an encoder without labels."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..errors import InputError, Stopped
from ..machine import memory
from ..machine.signals import TERMINATED, Pause, Terminated
from ..methods import METHODS
from . import complete
from .arguments import Overrides

NOTICE = "ending after this step, with a checkpoint; once more ends at once"


def pretrain(
    method: Annotated[
        str | None,
        typer.Argument(
            metavar="METHOD",
            help="See `skelf list methods`; with --resume alone the run's folder.",
            autocompletion=complete.methods,
        ),
    ] = None,
    overrides: Overrides = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="STORE", help="A store (skelf data import)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="RUN", help="The run's folder.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Train on its training side; else on all clips.")
    ] = None,
    stream: Annotated[
        str | None, typer.Option("--stream", help="joint (the default), motion or bone.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Of weights and draws; 0 by default.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from the newest checkpoint; `--resume RUN` alone is enough."
        ),
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

    To go on, with other settings where that can be: skelf pretrain --resume run train.epochs=40

    Several devices: torchrun --nproc-per-node 2 -m skelf pretrain usdrl --data nw.h5 --out run
    """
    from .. import api

    if init and refine:
        raise InputError("--init and --refine both name a run to start from; give one")
    of_the_run = {"--split": split, "--stream": stream, "--seed": seed, "--init": init or refine}
    if resume and (out is None or method is None or "=" in method):
        run, settings = _run_and_settings(method, out, overrides or ())
        _refuse(run, [name for name, value in of_the_run.items() if value is not None])
        begin = partial(api.resume, run, data, config=config, overrides=settings)
    else:
        if method is None or data is None or out is None:
            missing = {"METHOD": method, "--data": data, "--out": out}
            hint = next(name for name, value in missing.items() if value is None)
            raise typer.BadParameter(
                "missing; `skelf pretrain --resume RUN` needs no more", param_hint=hint
            )
        run = out
        stage = ("method.refine=true",) if refine else ()
        begin = partial(
            api.pretrain, method, data, out=out, split=split, stream=stream or "joint",
            config=config, overrides=(*(overrides or ()), *stage), seed=seed or 0, resume=resume,
            init=refine or init,
        )  # fmt: skip

    _train(begin, run)


def _run_and_settings(
    first: str | None, out: Path | None, overrides: Sequence[str]
) -> tuple[Path, Sequence[str]]:
    """The run to resume; with --out the first word is a setting already."""
    if out is not None:
        return out, overrides if first is None else (first, *overrides)
    if first is None or "=" in first:
        raise typer.BadParameter("which run? name its folder", param_hint="--resume")
    if first in METHODS and not Path(first).is_dir():
        raise typer.BadParameter(
            "missing; or name the run's folder instead of the method", param_hint="--out"
        )
    return Path(first), overrides


def _refuse(run: Path, options: Sequence[str]) -> None:
    if options:
        raise InputError(
            f"{run}: the run knows its {', '.join(options)}; leave that out, or name METHOD, "
            "--data and --out as well"
        )


def _train(begin: Callable[..., Path], run: Path) -> None:
    """Trains before the user's eyes; a stop is no failure, but says how to go on."""
    from ..training.progress import TrainingDisplay

    memory.keep_freed()
    quiet = int(os.environ.get("RANK", 0)) > 0
    console = Console(quiet=quiet)
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    pause = Pause("" if quiet else NOTICE)
    try:
        with pause, TrainingDisplay(console) as display:
            begin(listener=display, say=say, stop=pause)
    except (KeyboardInterrupt, Terminated) as end:
        where = str(end) if isinstance(end, Stopped) else "stopped"
        again = f"skelf pretrain --resume {shlex.quote(str(run))}"
        console.print(
            f"{escape(where)}; `{escape(again)}` or the same command with --resume goes on from "
            "the last checkpoint",
            soft_wrap=True, highlight=False,
        )  # fmt: skip
        terminated = isinstance(end, Terminated) or pause.signal == signal.SIGTERM
        raise typer.Exit(TERMINATED if terminated else 1) from None
    console.print(f"Run: [bold]{escape(str(run))}[/]", soft_wrap=True)

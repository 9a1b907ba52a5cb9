"""The command line: parses, calls, prints.

Exit codes: 0 done, 2 bad input or usage, 143 ended by SIGTERM, 1 else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Annotated

import typer

from ..errors import InputError, LostProcess
from ..machine.signals import end_in_order
from ..tables import Table
from .lazy import LazyGroup

COMMANDS: Table[Callable[..., None] | typer.Typer] = Table(
    "skelf.cli",
    {
        "bench": "bench.bench",
        "fuse": "fuse.fuse",
        "report": "report.report",
        "profile": "profile.profile",
        "demo": "demo.demo",
        "predict": "predict.predict",
        "features": "features.features",
        "pretrain": "pretrain.pretrain",
        "eval": "evaluate.evaluate",
        "fit": "fit.app",
        "list": "listing.list_",
        "discover": "discover.discover",
        "export": "export_onnx.export",
        "data": "data.app",
        "search": "search.app",
        "live": "live.live",
        "studio": "studio.studio",
    },
)


class Commands(LazyGroup):
    """The commands of `skelf`."""

    table = COMMANDS


app = typer.Typer(
    cls=Commands,
    help="Self-supervised understanding of human skeleton motion.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"skelf {__version__}")
        raise typer.Exit


@app.callback()
def skelf(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """What stands before the command; `--version` ends it."""


def main() -> None:
    """Entry point: what goes wrong ends with one line; bad input with exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names of files need not be text
            stream.reconfigure(errors="backslashreplace")
    end_in_order()
    try:
        app(prog_name="skelf")
    except InputError as error:
        _complain(str(error))
        sys.exit(2)
    except LostProcess as error:
        _complain(str(error), everywhere=True)
        _leave(1)
    except Exception as error:
        if os.environ.get("SKELF_TRACEBACK"):
            raise
        text = next(iter(str(error).strip().splitlines()), "")
        if isinstance(error, OSError) and error.filename and error.strerror:
            text = f"{os.fsdecode(error.filename)}: {error.strerror}"
        if not text or not isinstance(error, OSError | RuntimeError):  # ours; others name no cause
            text = f"{type(error).__name__}: {text}".removesuffix(": ")
        _complain(f"{text} (SKELF_TRACEBACK=1 shows where)")
        sys.exit(1)


def _leave(code: int) -> None:
    """Ends without the library's farewell to processes that do not answer."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _complain(text: str, everywhere: bool = False) -> None:
    from rich.console import Console  # not above: `--help` has no use for it
    from rich.markup import escape

    # One voice a machine: the processes of a distributed run meet the same error.
    quiet = not everywhere and int(os.environ.get("LOCAL_RANK", 0)) > 0
    console = Console(stderr=True, quiet=quiet)
    console.print(f"[red]error:[/] {escape(text)}", soft_wrap=True, highlight=False)

"""`skelf studio`: label long recordings in the browser, with a model's help."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..errors import InputError
from .notes import note

HERE = "127.0.0.1"


def studio(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="[FOLDER]", help="Of recordings in any format that skelf reads; default: this."
        ),
    ] = Path("."),
    project: Annotated[
        Path | None,
        typer.Option(
            "--project",
            metavar="DIR",
            help="Where labels and what is made of them lie; default: skelf_studio in FOLDER.",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="ADDRESS", help="Listen there; others than this machine can come in."
        ),
    ] = HERE,
    port: Annotated[int, typer.Option("--port", help="0: a free one.", min=0, max=65535)] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Opens a page to label recordings: you label a little, the model suggests, you correct.

    The folder becomes a project on the page; recordings are never changed, and every action is on
    the disk before you see it. The page is at this machine alone, behind a token in its address.
    Ctrl-C ends it.

    Example: skelf studio recordings/

    Example: skelf studio recordings/ --project labels/ --port 8080 --no-browser
    """
    if find_spec("nicegui") is None:
        raise InputError(
            "studio needs nicegui, which is not installed: pip install 'skelf[studio]'"
        )
    # Not above: `--help` has no use for a server.
    from ..studio.page.serve import serve
    from ..studio.page.studio import Studio

    console = Console()
    shared = Studio(folder, project)
    shared.find()
    if host != HERE:
        note(
            console,
            f"whoever reaches {host} and has the token can read and change this project; the "
            "connection is not encrypted",
        )

    def say(address: str) -> None:
        console.print(f"Open [bold]{address}[/]", soft_wrap=True, highlight=False)

    serve(shared, host=host, port=port, say=say, show=browser)

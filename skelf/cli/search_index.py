"""`skelf search index`: windows of recordings in an index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..machine.devices import choose_device
from ..settings.given import parse_override
from ..settings.settable import filled
from .arguments import Device
from .notes import note, warnings_as_notes


def index(
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA... [SEARCH.KEY=VALUE...]",
            help="Stores, files or folders of any format that `data import` reads. Then settings "
            "of a new index: search.scales=[1,2,4] seconds, search.stride=0.25, "
            "search.exact_up_to=100000, search.recall=0.98.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="INDEX", help="The index's folder.")],
    run: Annotated[
        str | None,
        typer.Option(
            "--run", help="The encoder: a run, a checkpoint or model folder, or a hub name."
        ),
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="INDEX is there; --run may be left out.")
    ] = False,
    format_: Annotated[
        str | None, typer.Option("--format", help="Of the files; else by what is in them.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--layout", help="A layout's name or TOML file; else by names.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="Of the format; may be repeated."),
    ] = None,
    device: Device = "auto",
    force: Annotated[
        bool, typer.Option("--force", help="Build the index that is there anew.")
    ] = False,
) -> None:
    """Puts windows of clips and recordings into an index; goes on where it was interrupted.

    What is in the index already is passed over, so files are added by naming them.

    Example: skelf search index recordings/ --run run --out index

    Example: skelf search index more/ --add --out index
    """
    from ..search import Index, Search, build

    settings = [word for word in data if word.startswith("search.") and "=" in word]
    given = {key.partition(".")[2]: v for key, v in map(parse_override, settings)}
    how = filled(Search, given, section="search", source="") if given else None
    console, errors = Console(), Console(stderr=True)
    with warnings_as_notes(console), _bar(errors) as bar:
        task = bar.add_task("", total=None)

        def report(what: str, done: int, total: int) -> None:
            bar.update(task, description=escape(what), completed=done, total=total or None)

        folder = build(
            [word for word in data if word not in settings],
            run,
            out,
            how=how,
            add=add,
            replace_index=force,
            format=format_,
            layout=layout,
            options=tuple(options or ()),
            device=choose_device(device, "--device"),
            say=lambda text: note(console, text),
            report=report,
        )
    found = Index.open(folder)
    about = found.manifest.approximation
    how_it_looks = "exact" if about is None else f"approximate, recall {about.recall:.1%}"
    recordings, files = len(found.opened.recordings), len(found.manifest.sources)
    console.print(
        f"{escape(str(out))}: {len(found):,} windows of {recordings:,} recordings in {files:,} "
        f"file{'s' * (files != 1)}; search is {how_it_looks}",
        soft_wrap=True,
        highlight=False,
    )


def _bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

"""`skelf search index`: windows of recordings in an index."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..search.options import Search
from ..settings.given import parse_override
from ..settings.options import table
from ..settings.settable import filled
from ..settings.values import Value
from .arguments import Device, Scheduler, Workers
from .given_data import Format, Layout, Unit, Up, paths_and_options, seen_by_all
from .notes import note, warnings_as_notes


def index(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="DATA... [KEY=VALUE]...",
            help="Stores, files or folders of any format that `data import` reads. Then settings: "
            f"{', '.join(table(Search))}; and options of that format.",
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
    format_: Format = None,
    layout: Layout = None,
    unit: Unit = None,
    up: Up = None,
    device: Device = "auto",
    force: Annotated[
        bool, typer.Option("--force", help="Build the index that is there anew.")
    ] = False,
    scheduler: Scheduler = None,
    workers: Workers = 1,
) -> None:
    """Puts windows of clips and recordings into an index; goes on where it was interrupted.

    What is in the index already is passed over, so files are added by naming them.

    Example: skelf search index recordings/ --run run --out index

    Example: skelf search index more/ --add --out index

    Example: skelf search index clips.h5 --run run --out index scales=[1,2,4] stride=0.5

    Example: skelf search index archive/ --run run --out index --workers 8
    """
    from ..cluster import gathered
    from ..machine.devices import choose_device
    from ..search import Index, build

    paths, options = paths_and_options(words)
    how, options = _settings(options)
    console, errors = Console(), Console(stderr=True)
    say = partial(note, console)
    seen = seen_by_all(paths, out, run)
    if scheduler is None:
        choose_device(device, "--device")
    with (
        warnings_as_notes(console),
        gathered(scheduler, workers, paths=seen, say=say) as crew,
        _bar(errors) as bar,
    ):
        task = bar.add_task("", total=None)

        def report(what: str, done: int, total: int) -> None:
            bar.update(task, description=escape(what), completed=done, total=total or None)

        folder = build(
            paths,
            run,
            out,
            how=how,
            add=add,
            replace_index=force,
            format=format_,
            layout=layout,
            options=options,
            unit=unit,
            up=up,
            device=device,
            crew=crew,
            say=say,
            report=report,
        )
    found = Index.open(folder)
    about = found.manifest.approximation
    how_it_looks = "exact" if about is None else f"approximate, recall {about.recall:.1%}"
    recordings = sum(len(part.recordings) for part in found.opened.parts)
    files = len(found.manifest.sources)
    console.print(
        f"{escape(str(out))}: {len(found):,} windows of {recordings:,} recordings in {files:,} "
        f"file{'s' * (files != 1)}; search is {how_it_looks}",
        soft_wrap=True,
        highlight=False,
    )


def _settings(words: Sequence[str]) -> tuple[Search | None, list[str]]:
    """The index's settings, None where no word is one, and the options of the data's format."""
    own: dict[str, Value] = {}
    others: list[str] = []
    for word in words:
        bare = word.removeprefix("search.")
        if bare.partition("=")[0] in table(Search) or bare != word:
            key, value = parse_override(f"search.{bare}")
            own[key.removeprefix("search.")] = value
        else:
            others.append(word)
    return (filled(Search, own, section="search", source="") if own else None), others


def _bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)

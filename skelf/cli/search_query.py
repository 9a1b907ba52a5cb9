"""`skelf search query`: what in an index is like a stretch of motion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..files import is_printed
from ..outputs import PAGE, check_output
from .arguments import Device
from .given_data import Format, Layout, Unit, Up
from .notes import note, warnings_as_notes

if TYPE_CHECKING:
    from ..search import Hit


def query(
    index: Annotated[
        Path, typer.Argument(metavar="INDEX", help="The folder, by `skelf search index`.")
    ],
    wanted: Annotated[
        str,
        typer.Argument(
            metavar="QUERY",
            help="A file; FILE@12.5-14.0, a stretch in seconds; STORE#CLIP, by name or number; or "
            "both, STORE#CLIP@12.5-14.0.",
        ),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Only of these: subject=3,4 camera=0 setup=1 label=NAME recording=NAME. And "
            "options of the query's format.",
        ),
    ] = None,
    top: Annotated[int, typer.Option("--top", help="Hits, at most.", min=1)] = 10,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="PAGE.html", help="Query and hits, moving side by side."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A .csv or .json of the hits.")
    ] = None,
    keep_self: Annotated[
        bool, typer.Option("--keep-self", help="The query may be its own hit.")
    ] = False,
    run: Annotated[
        str | None,
        typer.Option("--run", help="The index's encoder, where the index holds no copy."),
    ] = None,
    format_: Format = None,
    layout: Layout = None,
    unit: Unit = None,
    up: Up = None,
    device: Device = "auto",
    force: Annotated[
        bool, typer.Option("--force", help="Replace what --out and --page name.")
    ] = False,
) -> None:
    """What in an index is most like a recording, or a stretch of one.

    Hits that overlap in a recording are one, the best; the query is not its own hit.

    Example: skelf search query index walk.csv@12.5-14.0 --page hits.html

    Example: skelf search query index nw.h5#a01_s01_e00_v01 subject=3 --top 5 --out hits.csv
    """
    from ..machine.devices import choose_device
    from ..search import Index, written
    from ..search.chosen import parse
    from ..search.stretch import parse as named

    where, options = parse(words or ())
    read = [named(wanted).path]
    if out is not None:
        written.check(out, replace=force, inputs=read)
    if page is not None:
        check_output(page, PAGE, inputs=read, replace=force)
    console = Console(stderr=is_printed(out) or is_printed(page))
    with warnings_as_notes(console):
        found = Index.open(index, run)
        if not found.manifest.whole:
            text = f"{index}: not whole, its making was interrupted; what is there is searched"
            note(console, text)
        hits = found.query(
            wanted,
            top,
            where=where,
            keep_self=keep_self,
            device=choose_device(device, "--device"),
            say=lambda text: note(console, text),
            format=format_,
            layout=layout,
            options=options,
            unit=unit,
            up=up,
        )
        if page is not None:
            from ..pages import search as drawing
            from ..pages.html import write

            write(page, drawing.page(found, wanted, hits, where, format_, layout, options))
    console.print(_table(hits))
    if not hits:
        console.print("nothing is left to be found; leave a filter out")
    about = found.manifest.approximation
    if about is not None:
        console.print(f"approximate: finds {about.recall:.1%} of what is nearest", highlight=False)
    if out is not None:
        written.write(out, hits, wanted, str(index))
        console.print(f"Hits: [bold]{escape(str(out))}[/]", soft_wrap=True)
    if page is not None:
        console.print(f"Page: [bold]{escape(str(page))}[/]", soft_wrap=True)


def _table(hits: Sequence[Hit]) -> Table:
    table = Table("", "score", "recording", "seconds", "class", "subject", "camera", "file")
    for rank, hit in enumerate(hits, start=1):
        numbers = ("" if n < 0 else str(n) for n in (hit.subject, hit.camera))
        person = f", person {hit.person}" if hit.person >= 0 else ""
        table.add_row(
            str(rank),
            f"{hit.score:.3f}",
            escape(f"{hit.recording}{person}"),
            f"{hit.start:.2f}-{hit.end:.2f}",
            escape(hit.label),
            *numbers,
            escape(Path(hit.source).name),
        )
    return table

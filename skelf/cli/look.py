"""`skelf data check`, `view` and `get`: looking at data, and fetching what may be fetched."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column, Table

from ..data import shards, store
from ..data.clips import ClipSet
from ..data.download import fetch as download
from ..data.picking import pick
from ..data.presets import located
from ..errors import InputError
from ..files import is_printed
from ..outputs import GIF, PAGE, check_output
from . import complete
from .arguments import Force
from .listing import names_table
from .names import sets

if TYPE_CHECKING:
    from ..data.quality.inspect import Quality

FIRST = 3  # clips that the terminal names for a finding; the page and --json have more
Store = Annotated[Path, typer.Argument(metavar="STORE", help="A store, written by `data import`.")]


def check(
    path: Store,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="PAGE.html", help="A page with pictures.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", help="Look at this split; else at every one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    force: Force = False,
) -> None:
    """Looks for damage (exit code 2) and for what a careful person would find doubtful (0).

    Damage: every checksum is recomputed and the whole set validated. Doubtful: frozen joints,
    jumping bones and bodies, scale and axes, copies, empty clips, classes, leaks over a split.

    Example: skelf data check nw_ucla.h5 --out report.html
    """
    from ..data.quality.inspect import inspect

    console, path = Console(stderr=is_printed(out)), located(path)
    if out is not None:
        check_output(out, PAGE, inputs=[path], replace=force)
    (shards if shards.is_sharded(path) else store).verify(path)
    clips = ClipSet.open(path)
    clips.validate()
    with _bar("looking", MofNCompleteColumn(), quiet=as_json) as bar:
        task = bar.add_task("", total=len(clips))
        quality = inspect(
            clips, split, lambda done, total: bar.update(task, completed=done, total=total)
        )
    if out is not None:
        from ..pages import check as check_page
        from ..pages.html import write

        write(out, check_page.page(clips, quality))
    if as_json:
        typer.echo(json.dumps(_plain(clips, quality), ensure_ascii=False, indent=2))
        return
    sound = f"{escape(str(path))}: sound ({len(clips)} clips, {clips.frames_total} frames)"
    console.print(sound, soft_wrap=True)
    if quality.sides:
        console.print(_sides(quality))
    if quality.findings:
        console.print(_findings(clips, quality))
    else:
        console.print("nothing doubtful")
    if out is not None:
        console.print(f"Page: [bold]{escape(str(out))}[/]", soft_wrap=True)


def view(
    path: Store,
    clip: Annotated[str, typer.Option("--clip", metavar="NAME|INDEX", help="Which clip.")] = "0",
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="An .html or a .gif.")] = Path(
        "clip.html"
    ),
    normalize: Annotated[
        str, typer.Option("--normalize", help="Show what batches load: centre, agcn, ...")
    ] = "none",
    up: Annotated[
        str, typer.Option("--up", help="The axis that points up: y|-y|z|-z; auto: by the head.")
    ] = "auto",
    force: Force = False,
) -> None:
    """One clip as a moving skeleton: a page to turn it on, or a GIF.

    Example: skelf data view nw_ucla.h5 --clip a01_s01_e00_v01 --out clip.gif
    """
    from ..pages import clip as drawing

    if out.suffix.lower() not in drawing.FORMATS:
        raise InputError(f"{out}: name a file that ends in {' or '.join(drawing.FORMATS)}")
    path, kind = located(path), GIF if out.suffix.lower() == ".gif" else PAGE
    check_output(out, kind, inputs=[path], replace=force)
    clips = ClipSet.open(path, normalize=normalize)
    index = pick(clips, clip)
    drawing.write(clips, index, out, up=up)
    line = f"{escape(str(out))}: clip {index} of {len(clips)}, {drawing.caption(clips, index)}"
    console = Console(stderr=is_printed(out))
    console.print(line, soft_wrap=True, highlight=False, markup=False)


def get(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A set; without it they are listed.",
            autocompletion=complete.sets,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Its folder; else ./NAME.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Accept the licence without being asked.")
    ] = False,
    more: Annotated[
        Path | None,
        typer.Option("--list", metavar="FILE.toml", help="Further sets, in the same form."),
    ] = None,
) -> None:
    """Downloads a public set after showing its licence; goes on where it broke off. Or lists them.

    Example: skelf data get precog --out precog
    """
    if name is None:
        Console().print(names_table(sets(more)))
        return
    entry = download.find(name, more)
    folder = out or Path(name)
    console = Console()
    table = Table("", "", title=escape(entry.title), show_header=False)
    size = f"{len(entry.paths)} files, {entry.size}" if entry.size else f"{len(entry.paths)} files"
    facts = {"what": entry.about, "licence": entry.licence, "source": entry.source, "size": size}
    for key, value in (facts | {"goes to": str(folder)}).items():
        table.add_row(key, escape(value))
    console.print(table)
    if not yes:
        if not _on_terminal():
            raise InputError(
                f"{name}: not downloaded; its licence is {entry.licence}: accept it with --yes"
            )
        if not typer.confirm("Download under this licence?"):
            console.print("nothing was downloaded")
            raise typer.Exit(1)
    columns = (DownloadColumn(), TransferSpeedColumn(), TextColumn("{task.description}"))
    with _bar("loading", *columns) as bar:
        task = bar.add_task("", total=None)

        def show(path: str, done: int, total: int | None, number: int) -> None:
            line = f"{number}/{len(entry.paths)} {path.rpartition('/')[2]}"
            bar.update(task, completed=done, total=total, description=escape(line))

        result = download.fetch(entry, folder, progress=show)
    for line in result.lines():
        console.print(escape(line), soft_wrap=True, highlight=False)
    command = entry.command.replace("{folder}", str(folder))
    console.print(f"Next: [bold]{escape(command)}[/]", soft_wrap=True)


def _on_terminal() -> bool:
    return sys.stdin.isatty()


def _bar(word: str, *columns: ProgressColumn, quiet: bool = False) -> Progress:
    console = Console(stderr=True)
    shown: list[ProgressColumn] = [TextColumn(word), BarColumn(), *columns, TimeRemainingColumn()]
    return Progress(
        *shown,
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )


def _plain(clips: ClipSet, quality: Quality) -> dict[str, object]:
    return {
        "store": str(clips.path),
        "clips": len(clips),
        "frames": clips.frames_total,
        "warnings": quality.warnings,
        "findings": [finding.to_dict(clips) for finding in quality.findings],
        "splits": quality.sides,
        "classes": {
            key: dict(zip(clips.class_names, counted.tolist(), strict=True))
            for key, counted in quality.classes.items()
        },
    }


def _findings(clips: ClipSet, quality: Quality) -> Table:
    clips_column = Column("clips", justify="right")
    table = Table("", "finding", clips_column, "first", "what to do", title="Doubtful")
    for finding in quality.findings:
        colour = "yellow" if finding.severity == "warning" else "cyan"
        row = finding.to_dict(clips, FIRST)
        names = ", ".join(row["clips"]) + (", ..." if row["count"] > FIRST else "")
        table.add_row(
            f"[{colour}]{finding.severity}[/]",
            escape(finding.what),
            str(row["count"] or ""),
            escape(names),
            escape(finding.remedy),
        )
    return table


def _sides(quality: Quality) -> Table:
    table = Table("split", "train", "test", "sides are kept apart by", title="Splits")
    for row in quality.sides:
        apart = ", ".join(row["separated by"]) or "nothing known"
        table.add_row(escape(row["split"]), str(row["train"]), str(row["test"]), escape(apart))
    return table

"""`skelf data import ... --out FOLDER`: into a sharded set, by several processes or a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console
from rich.markup import escape

from ..data.annotations.options import Annotations
from ..data.auto import Found
from ..data.clips import ClipSet, utf8
from ..data.importing import import_shards
from ..data.importing.chunks import MOST_FILES
from ..data.importing.listed import listing_of
from ..data.importing.notes import PROBLEMS, SHOWN
from ..data.motion.video import ASSUMED
from ..errors import InputError
from .bars import counting
from .notes import note, warnings_as_notes


class Work(NamedTuple):
    """Who does it: see the options of `data import`."""

    scheduler: str | None
    workers: int
    files_per_shard: int | None


def refuse_work(out: Path, work: Work) -> None:
    """Raises InputError where one file is asked for, and several to write it."""
    option = (
        "--scheduler" if work.scheduler is not None
        else "--workers" if work.workers != 1
        else "--files-per-shard" if work.files_per_shard is not None
        else ""
    )  # fmt: skip
    if option:
        raise InputError(
            f"{option}: {out} is one file, which one process writes; name a folder (a name without "
            ".h5), whose shards several write"
        )


def import_folder(
    found: Found,
    layout: str | None,
    words: list[str],
    annotations: Annotations,
    out: Path,
    work: Work,
    replace: bool,
    console: Console,
) -> ClipSet:
    """Imports into a folder, and says what was left out; see `import_shards`."""
    settings = {
        "path": [str(path.absolute()) for path in found.paths],
        "format": found.format,
        "layout": layout,
        "options": sorted(words),
        "files a shard": work.files_per_shard or MOST_FILES,
    }
    bar = counting(console, "reading")
    with warnings_as_notes(console):
        listing, why = listing_of(found, layout, words)
        with bar:
            task = bar.add_task("", total=None)
            made = import_shards(
                listing,
                out,
                found.format,
                settings=settings,
                replace=replace,
                annotations=annotations,
                scheduler=work.scheduler,
                workers=work.workers,
                files=work.files_per_shard or MOST_FILES,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
                say=lambda text: note(console, text),
            )
    if why:
        note(console, f"{listing.path}: {why}, so that one process reads it, into one shard")
    for line in made.notes:
        note(console, line)
    if made.there:
        note(console, f"{out}: {made.there} of {made.shards} shards were there already")
    rate = made.clips.attributes.get(ASSUMED)
    if rate and not any(word.startswith("fps=") for word in words):
        note(console, f"{listing.path}: no frame rate is in it: {rate} assumed; else give fps=")
    text = f"{escape(utf8(str(out)))}: {len(made.clips)} clips, {made.clips.frames_total} frames"
    console.print(f"{text} in {made.shards} shards", soft_wrap=True)
    if made.problems:
        _complain(made.problems, out, console)
    return made.clips


def _complain(problems: tuple[tuple[str, str], ...], out: Path, console: Console) -> None:
    """Lists what could not be read, and ends with the code of bad input."""
    for file, text in problems[:SHOWN]:
        note(console, text if file in text else f"{file}: {text}")
    more = len(problems) - SHOWN
    rest = f", {more} more there" if more > 0 else ""
    console.print(
        f"[red]left out:[/] {len(problems)} files could not be read (listed in "
        f"{escape(utf8(str(out / PROBLEMS)))}{rest}); mend them, or take them out, and call again",
        highlight=False,
        soft_wrap=True,
    )
    raise typer.Exit(2)

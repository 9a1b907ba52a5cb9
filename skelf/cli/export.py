"""`skelf data export`: a store in a format that other programs read."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..data import presets
from ..data.clips import ClipSet
from ..data.writers import FORMS
from ..data.writing import format_of, is_folder, write, writer, writer_names
from ..errors import InputError
from ..folders import EXPORTED, check_folder, writing_folder
from ..locks import holding
from ..outputs import EXPORTS, check_output
from .arguments import Force
from .bars import counting
from .notes import warnings_as_notes

_LISTED = "; ".join(f"{name}: {', '.join(writer_names(name))}" for name in FORMS
                    if writer_names(name))  # fmt: skip


def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="STORE", help="A store, by `data import`.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", metavar="PATH", help="A file, whose suffix says the format; or a folder."
        ),
    ],
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help=f"Options of the format. {_LISTED}."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FORMAT", help=f"One of {', '.join(FORMS)}."),
    ] = None,
    clip: Annotated[
        str | None, typer.Option("--clip", metavar="NAME", help="This clip alone.")
    ] = None,
    force: Force = False,
) -> None:
    """Writes a store in a format of other programs; `data import` reads all of them back.

    pyskl (.pkl) and NumPy (.npz) hold a whole store. BVH, C3D, TRC and CSV hold one clip: a file of
    one (--clip), or a folder with a file for each, labels.csv and segments.csv.

    Example: skelf data export nw_ucla.h5 --out nw_ucla.pkl

    Example: skelf data export lab.h5 --out walk.bvh --clip walk1

    Example: skelf data export lab.h5 --out for_blender/ --to bvh
    """
    format_, path = format_of(out, to), presets.located(path)
    writer(format_, words or ())  # what is wrong with the options is said before any work
    folder = is_folder(out, format_)
    if folder:
        check_folder(out, EXPORTED, replace=force)
    else:
        check_output(out, EXPORTS[format_], inputs=[path], replace=force)
    context.with_resource(holding(out))
    clips, console = ClipSet.open(path), Console()
    if clip is not None:
        if clip not in clips.names:
            near = get_close_matches(clip, clips.names, 1) or clips.names[:1]
            raise InputError(f"{path}: no clip {clip!r}; there is {near[0]!r}, for one")
        clips = clips.take([clips.names.index(clip)])
    with warnings_as_notes(console), counting(console, "writing") as bar:
        task = bar.add_task("", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if folder:
            with writing_folder(out) as hidden:
                files = write(clips, hidden, format_, words or (), progress=progress)
        else:
            files = write(clips, out, format_, words or (), progress=progress)
    told = f"{files:,} files" if folder else f"{out.stat().st_size / 1e6:,.1f} MB"
    console.print(f"{escape(str(out))}: {len(clips)} clips, {told}", highlight=False)

"""`skelf data import`: one command for all readers, whose options are its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..data.annotations.options import Annotations
from ..data.auto import Found, left_out, read_found, recognise
from ..data.clips import ClipSet, utf8
from ..data.importing.chunks import MOST_FILES
from ..data.motion.video import ASSUMED
from ..data.readers import READERS
from ..data.reading import annotations_of, option_names
from ..data.synthetic import clips as synthetic
from ..errors import InputError, unknown
from ..folders import is_named
from ..layouts import KINECT20
from ..layouts import layout as named_layout
from ..locks import holding
from ..machine import memory
from ..outputs import STORE, check_output
from ..settings.options import table
from . import complete
from .arguments import Force, Scheduler, Workers
from .bars import counting
from .data_import_shards import Work, import_folder, refuse_work
from .notes import note, warnings_as_notes

FORMATS = ("auto", *READERS.built_in, "synthetic")
_SHARED = ", ".join(table(Annotations))
_LISTED = "; ".join(
    f"{name}: {', '.join(option_names(name))}" for name in FORMATS if option_names(name)
)


def import_(
    context: typer.Context,
    format_: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.", autocompletion=complete.formats
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="STORE",
            help="The store to write, NAME.h5; or a folder (no suffix): a sharded set.",
        ),
    ],
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="What to read; not for synthetic.")
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help=f"Options of the format. {_LISTED}. Of every one: {_SHARED}.",
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout",
            help="A layout's name or TOML file; else by names.",
            autocompletion=complete.layouts,
        ),
    ] = None,
    force: Force = False,
    scheduler: Scheduler = None,
    workers: Workers = 1,
    files_per_shard: Annotated[
        int | None,
        typer.Option("--files-per-shard", min=1, help=f"Of a folder: at most ({MOST_FILES})."),
    ] = None,
    clips: Annotated[
        int | None, typer.Option("--clips", help="synthetic: clips (1000; 0 with --recordings).")
    ] = None,
    persons: Annotated[
        int | None, typer.Option("--persons", help="synthetic: 1 (default) or 2.")
    ] = None,
    recordings: Annotated[
        int | None, typer.Option("--recordings", help="synthetic: untrimmed ones (0).")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="synthetic: same seed, same set (0).")
    ] = None,
) -> None:
    """Reads recordings in another format and writes a store.

    FORMAT auto: by what is in the file or folder; it says what it takes it for, and why.

    Example: skelf data import auto walk.bvh --out walk.h5

    Example: skelf data import arrays nw_ucla.npz --out nw_ucla.h5

    Example: skelf data import ntu nturgbd_skeletons_s001_to_s017.zip --out ntu60.h5 persons=file

    Example: skelf data import csv walks/ --out walks.h5 labels=people.csv segments=annotations/

    Example: skelf data import csv archive/ --out archive_set --workers 8

    Example: skelf data import ntu nturgb/ --out ntu_set --scheduler tcp://host:8786

    Example: skelf data import synthetic --out made_up.h5 --clips 500 --layout ntu25
    """
    if format_ not in FORMATS and format_ not in READERS:
        raise unknown("format", format_, ("auto", *READERS, "synthetic"))
    annotations, own = annotations_of(words or ())
    work = Work(scheduler, workers, files_per_shard)
    sharded = format_ != "synthetic" and is_named(out)
    if not sharded:
        refuse_work(out, work)
        context.with_resource(holding(out))  # from here to the end: of several imports one wins
        check_output(
            out,
            STORE,
            inputs=[*([path] if path else []), *annotations.paths],
            replace=force,
            make_folder=False,
        )
    memory.keep_freed()
    console = Console()
    computed = {"clips": clips, "persons": persons, "recordings": recordings, "seed": seed}
    options = {key: value for key, value in computed.items() if value is not None}
    if format_ == "synthetic":
        if path is not None:
            raise InputError(f"{path}: synthetic sets are computed, not read; leave PATH out")
        options.setdefault("clips", 0 if recordings else 1000)
        clipset = synthetic.generate(named_layout(layout) if layout else KINECT20, **options)
    else:
        for key, value in options.items():
            has = f"write {key}={value}" if key in option_names(format_) else "leave it out"
            raise InputError(f"--{key} is of synthetic; with {format_} {has}")
        if path is None:
            raise InputError(
                f"{format_}: which file? Use: skelf data import {format_} PATH --out ..."
            )
        passed = [out, *annotations.paths]
        if format_ == "auto":
            found = recognise(path, passed)
            _say(console, f"{path}: taken for {found.format}: {found.why}")
            left = found.left_out
        else:
            found = Found(format_, "", (path,))
            left = left_out(format_, path, passed)
        if sharded:
            if left:
                note(console, f"{path}: left out: {left}")
            import_folder(found, layout, own, annotations, out, work, force, console)
            return
        clipset = _read(found, layout, own, out, console)
        if left:
            note(console, f"{path}: left out: {left}")
        rate = clipset.attributes.get(ASSUMED)
        if rate and not any(word.startswith("fps=") for word in own):
            note(console, f"{path}: no frame rate is in it: {rate} assumed; else give fps=")
    with warnings_as_notes(console):
        clipset = annotations.applied(clipset)
    clipset.save(out)
    remark = ""
    if clipset.attributes.get("synthetic") == "true":
        remark = " of computed figures (synthetic, no real people)"
    text = f"{escape(utf8(str(out)))}: {len(clipset)} clips, {clipset.frames_total} frames{remark}"
    console.print(text, soft_wrap=True)


def _read(
    found: Found, layout: str | None, words: list[str], out: Path, console: Console
) -> ClipSet:
    bar = counting(console, "reading")
    with warnings_as_notes(console), bar:
        task = bar.add_task("", total=None)
        return read_found(
            found,
            layout,
            words,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            scratch=out.absolute().parent,  # where there must be room for the store
        )


def _say(console: Console, text: str) -> None:
    console.print(escape(utf8(text)), highlight=False, soft_wrap=True)

"""`skelf data import`: one command for all readers, whose signatures are its options."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .. import memory
from ..data.clips import ClipSet, utf8
from ..data.readers import READERS
from ..data.synthetic import clips as synthetic
from ..errors import InputError, unknown
from ..layouts import KINECT20
from ..layouts import layout as named_layout
from ..settings.given import parse_override
from ..settings.settable import arguments, settable, unknown_keys
from ..settings.values import Settings
from . import complete
from .notes import warnings_as_notes

FORMATS = (*READERS, "synthetic")
# Keyword arguments that the command itself fills, where a reader has them.
FILLED = ("progress", "scratch")
MOST_WORKERS = 8  # beyond, the disk is the limit


def _options(format_: str) -> list[str]:
    takes = settable(READERS[format_]) if format_ in READERS else {}
    return [key for key in takes if key not in FILLED]


_LISTED = "; ".join(f"{name}: {', '.join(_options(name))}" for name in FORMATS if _options(name))


def import_(
    format_: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.", autocompletion=complete.formats
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="STORE", help="The store to write.")],
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="What to read; not for synthetic.")
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help=f"Options of the format. {_LISTED}."),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            "--layout",
            help="A layout's name or TOML file; else by names.",
            autocompletion=complete.layouts,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing store.")] = False,
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

    Example: skelf data import arrays nw_ucla.npz --out nw_ucla.h5

    Example: skelf data import ntu nturgbd_skeletons_s001_to_s017.zip --out ntu60.h5 persons=file

    Example: skelf data import synthetic --out made_up.h5 --clips 500 --layout ntu25
    """
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    if out.is_dir():
        raise InputError(f"{out}: a folder; name a file")
    if out.exists() and not force:
        raise InputError(f"{out}: exists already; choose another --out, or replace it with --force")
    if not out.parent.is_dir():
        raise InputError(f"{out}: the folder does not exist; create {out.parent}")
    memory.keep_freed()
    console = Console()
    computed = {"clips": clips, "persons": persons, "recordings": recordings, "seed": seed}
    options = {key: value for key, value in computed.items() if value is not None}
    if format_ == "synthetic":
        if path is not None:
            raise InputError(f"{path}: synthetic sets are computed, not read; leave PATH out")
        options.setdefault("clips", 0 if recordings else 1000)
        imported = synthetic.generate(named_layout(layout) if layout else KINECT20, **options)
    else:
        for key, value in options.items():
            has = f"write {key}={value}" if key in _options(format_) else "leave it out"
            raise InputError(f"--{key} is of synthetic; with {format_} {has}")
        if path is None:
            raise InputError(
                f"{format_}: which file? Use: skelf data import {format_} PATH --out ..."
            )
        imported = _read(format_, path, layout, _reader_options(format_, words or ()), out, console)
    imported.save(out)
    remark = ""
    if imported.attributes.get("synthetic") == "true":
        remark = " of computed figures (synthetic, no real people)"
    text = (
        f"{escape(utf8(str(out)))}: {len(imported)} clips, {imported.frames_total} frames{remark}"
    )
    console.print(text, soft_wrap=True)


def _reader_options(format_: str, words: Sequence[str]) -> Settings:
    """The words as arguments of the reader, checked against its signature."""
    names = _options(format_)
    if words and not names:
        raise InputError(f"{words[0]!r}: the format {format_} has no options; leave it out")
    chosen = {}
    for word in words:
        if "=" not in word:
            raise InputError(f"{word!r}: write KEY=VALUE; {format_} has {', '.join(names)}")
        key, value = parse_override(f"{format_}.{word.removeprefix(f'{format_}.')}")
        chosen[key.removeprefix(f"{format_}.")] = value
    if "workers" in names:
        # This process has work too, writing what they parse: on two cores one alone is faster.
        chosen.setdefault("workers", max(1, min(MOST_WORKERS, _processors() - 1)))
    if lines := unknown_keys(chosen, names, format_, "data import"):
        raise InputError("\n".join(lines))
    checked = arguments(READERS[format_], chosen, section=format_, source="data import")
    return {key: checked[key] for key in chosen}


def _read(
    format_: str,
    path: Path,
    layout: str | None,
    chosen: Settings,
    out: Path,
    console: Console,
) -> ClipSet:
    reader: Callable[..., ClipSet] = READERS[format_]
    takes = settable(reader)
    if "scratch" in takes:
        chosen["scratch"] = out.absolute().parent  # where there must be room for the store anyway
    bar = Progress(
        TextColumn("reading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with warnings_as_notes(console), bar:
        if "progress" in takes:
            task = bar.add_task("", total=None)
            chosen["progress"] = lambda done, total: bar.update(task, completed=done, total=total)
        return reader(path, layout, **chosen)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

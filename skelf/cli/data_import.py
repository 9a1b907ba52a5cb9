"""`skelf data import`: one command for all readers, whose options are its own."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..data.annotations.options import Annotations
from ..data.clips import ClipSet, utf8
from ..data.readers import READERS, reader_options
from ..data.synthetic import clips as synthetic
from ..errors import InputError, unknown
from ..layouts import KINECT20
from ..layouts import layout as named_layout
from ..locks import holding
from ..machine import memory
from ..outputs import STORE, check_output
from ..settings.given import parse_override
from ..settings.options import table
from ..settings.settable import filled
from ..settings.values import Value
from . import complete
from .arguments import Force
from .notes import warnings_as_notes

FORMATS = (*READERS.built_in, "synthetic")
MOST_WORKERS = 8  # beyond, the disk is the limit


def _options(format_: str) -> list[str]:
    cls = reader_options(format_) if format_ in READERS else None
    return list(table(cls)) if cls else []


_SHARED = ", ".join(table(Annotations))
_LISTED = "; ".join(f"{name}: {', '.join(_options(name))}" for name in FORMATS if _options(name))


def import_(
    context: typer.Context,
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

    Example: skelf data import csv walks/ --out walks.h5 labels=people.csv segments=annotations/

    Example: skelf data import synthetic --out made_up.h5 --clips 500 --layout ntu25
    """
    if format_ not in FORMATS and format_ not in READERS:
        raise unknown("format", format_, (*READERS, "synthetic"))
    annotations, own = _annotations(words or ())
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
            has = f"write {key}={value}" if key in _options(format_) else "leave it out"
            raise InputError(f"--{key} is of synthetic; with {format_} {has}")
        if path is None:
            raise InputError(
                f"{format_}: which file? Use: skelf data import {format_} PATH --out ..."
            )
        clipset = _read(format_, path, layout, _how(format_, own), out, console)
    if format_ != "synthetic":  # `data check` names the options of this format
        clipset = replace(clipset, attributes={**clipset.attributes, "format": format_})
    with warnings_as_notes(console):
        clipset = annotations.applied(clipset)
    clipset.save(out)
    remark = ""
    if clipset.attributes.get("synthetic") == "true":
        remark = " of computed figures (synthetic, no real people)"
    text = f"{escape(utf8(str(out)))}: {len(clipset)} clips, {clipset.frames_total} frames{remark}"
    console.print(text, soft_wrap=True)


def _annotations(words: Sequence[str]) -> tuple[Annotations, list[str]]:
    """The options that every format has, and the words of the format's own."""
    keys = table(Annotations)
    shared = [word for word in words if word.partition("=")[0] in keys and "=" in word]
    values = {}
    for word in shared:
        key, _, value = word.partition("=")
        values[key] = value  # a name as it stands: not all are TOML
    annotations = filled(Annotations, values, section="import", source="data import")
    return annotations, [word for word in words if word not in shared]


def _how(format_: str, words: Sequence[str]) -> tuple[object, ...]:
    """The words as the reader's options, where it has any."""
    cls = reader_options(format_) if format_ in READERS else None
    if cls is None:
        if words:
            raise InputError(f"{words[0]!r}: the format {format_} has no options; leave it out")
        return ()
    keys = table(cls)
    values: dict[str, Value] = {}
    for word in words:
        if "=" not in word:
            raise InputError(f"{word!r}: write KEY=VALUE; {format_} has {', '.join(keys)}")
        bare, _, text = word.removeprefix(f"{format_}.").partition("=")
        if bare in keys and keys[bare].annotation is str and text[:1] not in ("'", '"'):
            values[bare] = text  # as it stands: {class}_*.bvh is no table of TOML
            continue
        key, value = parse_override(f"{format_}.{word.removeprefix(f'{format_}.')}")
        values[key.removeprefix(f"{format_}.")] = value
    if "workers" in keys:
        # This process has work too, writing what they parse: on two cores one alone is faster.
        values.setdefault("workers", max(1, min(MOST_WORKERS, _processors() - 1)))
    return (filled(cls, values, section=format_, source="data import"),)


def _read(
    format_: str,
    path: Path,
    layout: str | None,
    how: tuple[object, ...],
    out: Path,
    console: Console,
) -> ClipSet:
    reader = READERS[format_]
    takes = inspect.signature(reader).parameters
    meanwhile: dict[str, Any] = {}  # Any: keyword arguments that not every reader has
    if "scratch" in takes:
        meanwhile["scratch"] = out.absolute().parent  # where there must be room for the store
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
            meanwhile["progress"] = lambda done, total: bar.update(
                task, completed=done, total=total
            )
        return reader(path, layout, *how, **meanwhile)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""`skelf data`: import, info, check and split of stores."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .data import READERS, splits, store, synthetic
from .data.clips import ClipSet
from .errors import InputError, unknown
from .layouts import KINECT20
from .layouts import layout as named_layout

app = typer.Typer(
    help="Recordings in, stores checked, described and split.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Store = Annotated[Path, typer.Argument(metavar="STORE", help="A store, written by `data import`.")]
FORMATS = (*READERS, "synthetic")
# What `--by` calls the columns; every further integer column goes by its own name.
BY = {"camera": "camera", "subject": "subject", "setup": "setup", "label": "label"}


@app.command("import")
def import_(
    format_: Annotated[str, typer.Argument(metavar="FORMAT", help=f"One of {', '.join(FORMATS)}.")],
    out: Annotated[Path, typer.Option("--out", metavar="STORE", help="The store to write.")],
    path: Annotated[
        Path | None, typer.Argument(metavar="PATH", help="What to read; not for synthetic.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--layout", help="A layout's name or TOML file; else by names.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing store.")] = False,
    clips: Annotated[
        int | None, typer.Option("--clips", help="synthetic: clips (1000; 0 with --recordings).")
    ] = None,
    persons: Annotated[int, typer.Option("--persons", help="synthetic: 1 or 2.")] = 1,
    recordings: Annotated[int, typer.Option("--recordings", help="synthetic: untrimmed ones.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="synthetic: same seed, same set.")] = 0,
) -> None:
    """Reads recordings in another format and writes a store.

    Example: skelf data import arrays nw_ucla.npz --out nw_ucla.h5

    Example: skelf data import synthetic --out made_up.h5 --clips 500 --layout ntu25
    """
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    if out.is_dir():
        raise InputError(f"{out}: a folder; name a file")
    if out.exists() and not force:
        raise InputError(f"{out}: exists already; choose another --out, or replace it with --force")
    console = Console()
    if format_ == "synthetic":
        if path is not None:
            raise InputError(f"{path}: synthetic sets are computed, not read; leave PATH out")
        count = (0 if recordings else 1000) if clips is None else clips
        skeleton = named_layout(layout) if layout else KINECT20
        made = synthetic.generate(
            skeleton, clips=count, persons=persons, recordings=recordings, seed=seed
        )
    else:
        if path is None:
            raise InputError(
                f"{format_}: which file? Use: skelf data import {format_} PATH --out ..."
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            made = READERS[format_](path, layout)
        for warning in caught:
            console.print(f"[yellow]note:[/] {escape(str(warning.message))}", highlight=False)
    made.save(out)
    said = " of computed figures (synthetic, no real people)" if _synthetic(made) else ""
    console.print(f"{escape(str(out))}: {len(made)} clips, {made.frames_total} frames{said}")


@app.command()
def info(
    path: Store,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Says what a store holds.

    Example: skelf data info nw_ucla.h5
    """
    clips = ClipSet.open(path)
    facts = describe(clips) | {"bytes": path.stat().st_size}
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    console = Console()
    console.print(_table(clips, facts))
    if _synthetic(clips):
        console.print("[bold]synthetic[/]: computed figures, not recordings of people")


@app.command()
def check(path: Store) -> None:
    """Recomputes every checksum and validates the whole set; exit code 2 names what is damaged.

    Example: skelf data check nw_ucla.h5
    """
    store.verify(path)
    clips = ClipSet.open(path)
    clips.validate()
    Console().print(f"{escape(str(path))}: sound ({len(clips)} clips, {clips.frames_total} frames)")


@app.command()
def split(
    path: Store,
    name: Annotated[str, typer.Option("--name", help="What to call the split, e.g. xview.")],
    by: Annotated[
        str,
        typer.Option("--by", help="camera, subject, setup, fold, another column, or random."),
    ],
    train: Annotated[str, typer.Option("--train", help="Values that train, as 0,1; or a share.")],
    test: Annotated[
        str | None, typer.Option("--test", help="Values that test; else all the others.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of a random split.")] = 0,
) -> None:
    """Adds a named split to a store, by the values of a column or at random.

    Example: skelf data split nw_ucla.h5 --name xview --by camera --train 0,1 --test 2

    Example: skelf data split nw_ucla.h5 --name half --by random --train 0.5 --seed 1
    """
    clips = ClipSet.open(path)
    if by == "random":
        if test is not None:
            raise InputError("--test: a random split tests on the rest; leave --test out")
        assignment = splits.shuffled(len(clips), _share(train), seed)
    else:
        columns = {key: getattr(clips, field) for key, field in BY.items()} | clips.columns
        if by not in columns:
            raise InputError(f"{path}: {unknown('column', by, [*columns, 'random'])}")
        chosen = None if test is None else _values("--test", test)
        assignment = splits.select(columns[by], _values("--train", train), chosen, f"{path}: {by}")
    clips.with_split(name, assignment)  # checks the name
    store.add_split(path, name, assignment)
    sizes = f"{(assignment == 1).sum()} train, {(assignment == 2).sum()} test"
    Console().print(f"{escape(str(path))}: split {escape(name)}: {sizes}")


def describe(clips: ClipSet) -> dict[str, Any]:
    """Counts, lengths, classes, splits and attributes as plain numbers and strings."""
    classes = len(clips.class_names)
    labels = {
        "classes": clips.label[clips.label >= 0],
        "segment_classes": clips.segments[:, 3],
    }
    counts = {
        key: dict(
            zip(clips.class_names, np.bincount(values, minlength=classes).tolist(), strict=True)
        )
        for key, values in labels.items()
    }
    present = {
        f"{key}s": np.unique(values[values >= 0]).tolist()
        for key, values in (
            ("subject", clips.subject),
            ("camera", clips.camera),
            ("setup", clips.setup),
        )
    }
    return {
        "clips": len(clips),
        "frames": clips.frames_total,
        "persons": clips.persons,
        "joints": clips.skeleton.joints,
        "channels": clips.channels,
        "layout": clips.skeleton.name,
        "fps": np.unique(clips.fps).tolist(),
        "length_frames": _spread(clips.length),
        "length_seconds": _spread(clips.length / clips.fps),
        "segments": len(clips.segments),
        **counts,
        **present,
        "columns": {key: np.unique(values).tolist() for key, values in clips.columns.items()},
        "splits": {
            key: {"train": int((side == 1).sum()), "test": int((side == 2).sum())}
            for key, side in clips.splits.items()
        },
        "attributes": clips.attributes,
    }


def _table(clips: ClipSet, facts: dict[str, Any]) -> Table:
    table = Table("", "", title=escape(str(clips.path)), show_header=False)

    def row(key: str, value: object) -> None:
        table.add_row(key, escape(str(value)))

    row("clips", f"{facts['clips']:,} ({facts['frames']:,} frames)")
    row("layout", f"{facts['layout']}: {facts['joints']} joints, {facts['channels']} coordinates")
    row("persons", facts["persons"])
    for key, unit in (("length_frames", "frames"), ("length_seconds", "s")):
        spread = facts[key]
        row(
            f"length ({unit})",
            f"{spread['min']:.4g} to {spread['max']:.4g}, median {spread['median']:.4g}",
        )
    row("frames a second", _some(facts["fps"]))
    for key, counted in (("classes", "clips"), ("segment_classes", "segments")):
        counts = facts[key]
        if any(counts.values()):
            listed = ", ".join(f"{name} {count}" for name, count in counts.items())
            row(f"{len(counts)} classes ({counted})", listed)
    for key in ("subjects", "cameras", "setups"):
        if facts[key]:
            row(f"{len(facts[key])} {key}", _some(facts[key]))
    for key, values in facts["columns"].items():
        row(f"column {key}", _some(values))
    for key, sizes in facts["splits"].items():
        row(f"split {key}", f"{sizes['train']:,} train, {sizes['test']:,} test")
    for key, value in facts["attributes"].items():
        row(key, value)
    row("on disk", f"{facts['bytes'] / 1e6:,.1f} MB")
    return table


def _some(values: list[Any]) -> str:
    """All values, or the first and the last of many."""
    texts = [f"{value:g}" for value in values]
    return ", ".join(texts if len(texts) <= 24 else [*texts[:20], "...", texts[-1]])


def _spread(values: np.ndarray) -> dict[str, float]:
    low, middle, high = (float(q) for q in np.quantile(values, [0, 0.5, 1]))
    return {"min": low, "median": middle, "max": high, "total": float(values.sum())}


def _synthetic(clips: ClipSet) -> bool:
    return clips.attributes.get("synthetic") == "true"


def _values(option: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} {text!r}: give whole numbers, as 0,1") from None


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--train {text!r}: a random split wants a share, as 0.8") from None

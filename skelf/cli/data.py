"""`skelf data`: info and split of stores; the other commands are in their own modules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..data import presets, splits, store
from ..data.clips import ClipSet
from ..errors import InputError, unknown
from .data_import import import_
from .export import export
from .look import check, get, view
from .map import join, map_

app = typer.Typer(
    help="Recordings in, stores checked, described and split.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.command("import")(import_)
app.command("export")(export)
app.command("map")(map_)
for command in (check, view, get, join):
    app.command()(command)
Store = Annotated[
    Path,
    typer.Argument(metavar="STORE", help="A store, by `data import`; or a set's name, as ntu60."),
]
MOST_CLASSES = 120  # that the table lists
# What `--by` calls the columns; every further integer column goes by its own name.
BY = {"camera": "camera", "subject": "subject", "setup": "setup", "label": "label"}


@app.command()
def info(
    path: Store,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Says what a store holds.

    Example: skelf data info nw_ucla.h5
    """
    path = presets.located(path)
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
    drop_copies: Annotated[
        bool, typer.Option("--drop-copies", help="Leave out test clips that equal a training clip.")
    ] = False,
) -> None:
    """Adds a named split to a store, by the values of a column or at random.

    Example: skelf data split nw_ucla.h5 --name xview --by camera --train 0,1 --test 2 --drop-copies

    Example: skelf data split nw_ucla.h5 --name half --by random --train 0.5 --seed 1
    """
    path = presets.located(path)
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
    copies = ""
    if drop_copies:
        whole = assignment
        assignment = splits.without_copies(clips, whole)
        copies = f" ({(whole != assignment).sum()} equal to training clips left out)"
    clips.with_split(name, assignment)  # checks the name
    store.add_split(path, name, assignment)
    sizes = f"{(assignment == 1).sum()} train, {(assignment == 2).sum()} test{copies}"
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
        "coordinates": clips.coordinates,
        "confidence": clips.confidence,
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
    numbers = f"{facts['coordinates']} coordinates" + " and a confidence" * facts["confidence"]
    row("layout", f"{facts['layout']}: {facts['joints']} joints, {numbers}")
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
            row(f"{len(counts)} classes ({counted})", _counts(counts))
    for key in ("subjects", "cameras", "setups"):
        if facts[key]:
            row(f"{len(facts[key])} {key}", _some(facts[key]))
    for key, values in facts["columns"].items():
        row(f"column {key}", _some(values))
    for key, sizes in facts["splits"].items():
        row(f"split {key}", f"{sizes['train']:,} train, {sizes['test']:,} test")
    for key, value in facts["attributes"].items():
        if key != "confidence":  # said with the coordinates
            row(key, value)
    row("on disk", f"{facts['bytes'] / 1e6:,.1f} MB")
    return table


def _counts(counts: dict[str, int]) -> str:
    """The classes that occur with their counts; how many more there are."""
    present = [f"{name} {count}" for name, count in counts.items() if count]
    more = [f"{len(present) - MOST_CLASSES} more"] if len(present) > MOST_CLASSES else []
    empty = len(counts) - len(present)
    return ", ".join([*present[:MOST_CLASSES], *more, *([f"{empty} without any"] if empty else [])])


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

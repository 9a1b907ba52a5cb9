"""`skelf data info`: what a store holds."""

from __future__ import annotations

import json
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..data import presets
from ..data.clips import ClipSet
from ..data.shards import Joints
from ..settings.values import Value
from .arguments import NamedStore

MOST_CLASSES = 120  # that the table lists
MANY = 100_000  # numbers, which are no more than numbers of a list in Python


def info(
    path: NamedStore,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Says what a store holds.

    Example: skelf data info nw_ucla.h5
    """
    path = presets.located(path)
    clips = ClipSet.open(path)
    facts = describe(clips) | {"bytes": path.stat().st_size}
    if isinstance(clips.joints, Joints):
        sizes = [part.bytes for part in clips.joints.parts]
        facts |= {"bytes": sum(sizes), "shards": len(sizes)}
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, indent=2))
        return
    console = Console()
    console.print(_table(clips, facts))
    if _synthetic(clips):
        console.print("[bold]synthetic[/]: computed figures, not recordings of people")


def describe(clips: ClipSet) -> dict[str, Value]:
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
        f"{key}s": _distinct(values[values >= 0])
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
        "fps": _distinct(clips.fps),
        "length_frames": _spread(clips.length),
        "length_seconds": _spread(clips.length / clips.fps),
        "segments": len(clips.segments),
        **counts,
        **present,
        "columns": {key: _distinct(values) for key, values in clips.columns.items()},
        "splits": {
            key: {"train": int((side == 1).sum()), "test": int((side == 2).sum())}
            for key, side in clips.splits.items()
        },
        "attributes": clips.attributes,
    }


def _table(clips: ClipSet, facts: dict[str, Value]) -> Table:
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
            # The joints have y up and are in metres, whatever the files had.
            row(f"{key} in the files" if key in ("up", "scale") else key, value)
    shards = f" in {facts['shards']:,} shards" if "shards" in facts else ""
    row("on disk", f"{facts['bytes'] / 1e6:,.1f} MB{shards}")
    return table


def _counts(counts: dict[str, int]) -> str:
    """The classes that occur with their counts; how many more there are."""
    present = [f"{name} {count}" for name, count in counts.items() if count]
    more = [f"{len(present) - MOST_CLASSES} more"] if len(present) > MOST_CLASSES else []
    empty = len(counts) - len(present)
    return ", ".join([*present[:MOST_CLASSES], *more, *([f"{empty} without any"] if empty else [])])


def _some(values: list[float]) -> str:
    """All values, or the first and the last of many."""
    texts = [f"{value:g}" for value in values]
    return ", ".join(texts if len(texts) <= 24 else [*texts[:20], "...", texts[-1]])


def _distinct(values: np.ndarray) -> list[float]:
    if len(values) > MANY:
        return list(np.unique(values).tolist())
    return sorted(set(values.tolist()))  # `np.unique` imports masked arrays, a tenth of the time


def _spread(values: np.ndarray) -> dict[str, float]:
    low, middle, high = (float(q) for q in np.quantile(values, [0, 0.5, 1]))
    return {"min": low, "median": middle, "max": high, "total": float(values.sum())}


def _synthetic(clips: ClipSet) -> bool:
    return clips.attributes.get("synthetic") == "true"

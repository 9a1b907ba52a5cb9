"""`skelf data split`: a named split of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape

from ..data import presets, splits, store
from ..data.clips import ClipSet
from ..errors import InputError, unknown
from ..locks import PATIENCE, holding
from .arguments import NamedStore
from .notes import note

# What `--by` calls the columns; every further integer column goes by its own name.
BY = {"camera": "camera", "subject": "subject", "setup": "setup", "label": "label"}


def split(
    path: NamedStore,
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
    console = Console()
    with holding(path, PATIENCE, lambda text: note(console, text)):
        clips = ClipSet.open(path)
        assignment = _assignment(clips, path, by, train, test, seed)
        copies = ""
        if drop_copies:
            whole = assignment
            assignment = splits.without_copies(clips, whole)
            copies = f" ({(whole != assignment).sum()} equal to training clips left out)"
        clips.with_split(name, assignment)  # checks the name
        store.add_split(path, name, assignment)
    sizes = f"{(assignment == 1).sum()} train, {(assignment == 2).sum()} test{copies}"
    console.print(f"{escape(str(path))}: split {escape(name)}: {sizes}")


def _assignment(
    clips: ClipSet, path: Path, by: str, train: str, test: str | None, seed: int
) -> np.ndarray:
    """The side of each clip, as the options have it."""
    if by == "random":
        if test is not None:
            raise InputError("--test: a random split tests on the rest; leave --test out")
        return splits.shuffled(len(clips), _share(train), seed)
    columns = {key: getattr(clips, field) for key, field in BY.items()} | clips.columns
    if by not in columns:
        raise InputError(f"{path}: {unknown('column', by, [*columns, 'random'])}")
    chosen = None if test is None else _values("--test", test)
    return splits.select(columns[by], _values("--train", train), chosen, f"{path}: {by}")


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

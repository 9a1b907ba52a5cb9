"""`skelf data split`: a named split of a store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape

from ..data import presets, shards, splits, store
from ..data.addresses import address
from ..data.clips import ClipSet
from ..data.split_files import read_splits
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
        str | None,
        typer.Option("--by", help="camera, subject, setup, fold, another column, or random."),
    ] = None,
    train: Annotated[
        str | None, typer.Option("--train", help="Values that train, as 0,1; or a share.")
    ] = None,
    test: Annotated[
        str | None, typer.Option("--test", help="Values that test; else all the others.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Instead: .npy or .npz of (splits, clips), .csv of names and sides, .txt of names "
            "that train.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of a random split.")] = 0,
    drop_copies: Annotated[
        bool, typer.Option("--drop-copies", help="Leave out test clips that equal a training clip.")
    ] = False,
) -> None:
    """Adds a named split to a store: by the values of a column, at random, or from a file.

    Example: skelf data split nw_ucla.h5 --name xview --by camera --train 0,1 --test 2 --drop-copies

    Example: skelf data split nw_ucla.h5 --name half --by random --train 0.5 --seed 1

    Example: skelf data split nw_ucla.h5 --name fold --from folds.npy
    """
    if address(path):
        raise InputError(f"{address(path)}: is only read; split the set where it was made")
    path = presets.located(path)
    if file is None and (by is None or train is None):
        raise InputError("--by and --train say what trains, as --by subject --train 1,2; or --from")
    if file is not None and (by, train, test) != (None, None, None):
        raise InputError("--from: the file says what trains; leave --by, --train and --test out")
    console = Console()
    with holding(path, PATIENCE, lambda text: note(console, text)):
        clips = ClipSet.open(path)
        if file is not None:
            sides = read_splits(clips, file, name)
        else:
            sides = {name: _assignment(clips, path, by or "", train or "", test, seed)}
        lines = []
        for key, whole in sides.items():
            copies = ""
            if drop_copies:
                sides[key] = splits.without_copies(clips, whole)
                copies = f" ({(whole != sides[key]).sum()} equal to training clips left out)"
            clips.with_split(key, sides[key])  # checks the name
            sizes = f"{(sides[key] == 1).sum()} train, {(sides[key] == 2).sum()} test{copies}"
            lines.append(f"{escape(str(path))}: split {escape(key)}: {sizes}")
        (shards if shards.is_sharded(path) else store).add_splits(path, sides)
    for line in lines:
        console.print(line)


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

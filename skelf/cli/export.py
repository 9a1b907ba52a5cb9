"""`skelf data export`: a store in a format that other programs read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..data import presets
from ..data.clips import ClipSet
from ..data.writers.npz import write_npz
from ..data.writers.pyskl import write_pyskl
from ..errors import InputError
from ..files import refuse_unwritable
from ..locks import holding

WRITERS = {".pkl": write_pyskl, ".npz": write_npz}


def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="STORE", help="A store, by `data import`.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="A .pkl (pyskl) or .npz (NumPy).")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Writes a store as a pyskl pickle or as NumPy arrays; `data import` reads both back.

    Example: skelf data export nw_ucla.h5 --out nw_ucla.pkl

    Example: skelf data export nw_ucla.h5 --out nw_ucla.npz
    """
    if out.suffix.lower() not in WRITERS:
        raise InputError(f"{out}: name a file that ends in {' or '.join(WRITERS)}")
    context.with_resource(holding(out))
    if out.exists() and not force:
        raise InputError(f"{out}: exists already; choose another --out, or replace it with --force")
    refuse_unwritable(out)
    clips = ClipSet.open(presets.located(path))
    WRITERS[out.suffix.lower()](clips, out)
    size = out.stat().st_size / 1e6
    Console().print(f"{escape(str(out))}: {len(clips)} clips, {size:,.1f} MB", highlight=False)

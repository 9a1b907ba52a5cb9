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
from ..locks import holding
from ..outputs import NPZ, PYSKL, check_output
from .arguments import Force

WRITERS = {".pkl": (PYSKL, write_pyskl), ".npz": (NPZ, write_npz)}


def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="STORE", help="A store, by `data import`.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="A .pkl (pyskl) or .npz (NumPy).")
    ],
    force: Force = False,
) -> None:
    """Writes a store as a pyskl pickle or as NumPy arrays; `data import` reads both back.

    Example: skelf data export nw_ucla.h5 --out nw_ucla.pkl

    Example: skelf data export nw_ucla.h5 --out nw_ucla.npz
    """
    if out.suffix.lower() not in WRITERS:
        raise InputError(f"{out}: name a file that ends in {' or '.join(WRITERS)}")
    path, (kind, write) = presets.located(path), WRITERS[out.suffix.lower()]
    check_output(out, kind, inputs=[path], replace=force)
    context.with_resource(holding(out))
    clips = ClipSet.open(path)
    write(clips, out)
    size = out.stat().st_size / 1e6
    Console().print(f"{escape(str(out))}: {len(clips)} clips, {size:,.1f} MB", highlight=False)

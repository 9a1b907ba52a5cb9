"""`skelf data shard`: a store cut into shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..data import shards
from ..data.clips import ClipSet, utf8
from ..data.presets import located
from ..folders import SHARDED, check_folder, writing_folder
from .arguments import Force, NamedStore
from .bars import counting


def shard(
    path: NamedStore,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="The folder to write.")],
    clips_per_shard: Annotated[
        int, typer.Option("--clips-per-shard", min=1, help="Clips of each shard.")
    ] = shards.CLIPS,
    force: Force = False,
) -> None:
    """Cuts a store into shards: a folder that every command takes as it takes the store.

    `skelf data import` writes shards itself where --out is a folder; of a folder `skelf data shard`
    makes shards of another size.

    Example: skelf data shard nw_ucla.h5 --out nw_ucla_shards --clips-per-shard 500
    """
    path = located(path)
    check_folder(out, SHARDED, force)
    clips = ClipSet.open(path)
    shards.refuse_inside(out, [clips])
    console = Console()
    with counting(console, "clips") as bar, writing_folder(out) as hidden:
        task = bar.add_task("", total=len(clips))
        shards.cut(
            clips,
            hidden,
            clips_per_shard,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    made = -(-len(clips) // clips_per_shard)
    text = f"{escape(utf8(str(out)))}: {len(clips):,} clips in {made:,} shard{'s' * (made != 1)}"
    console.print(text, soft_wrap=True)

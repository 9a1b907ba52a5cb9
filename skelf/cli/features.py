"""`skelf features`: what an encoder makes of recordings, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..data.clips import utf8
from ..errors import InputError
from ..locks import holding
from ..outputs import FEATURES, PARQUET, check_output
from .arguments import Device, Force, Scheduler, Workers
from .given_data import (
    Format,
    Layout,
    Unit,
    Up,
    Words,
    bar_of_files,
    paths_and_options,
    seen_by_all,
)
from .notes import note

KINDS = {".npz": FEATURES, ".parquet": PARQUET}


def features(
    context: typer.Context,
    words: Words,
    run: Annotated[
        str,
        typer.Option("--run", help="A run, a model, a checkpoint folder or a hub name."),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The table: an .npz or a .parquet.")
    ],
    dense: Annotated[
        bool, typer.Option("--dense", help="A row for each frame; else one for each clip.")
    ] = False,
    format_: Format = None,
    layout: Layout = None,
    unit: Unit = None,
    up: Up = None,
    device: Device = "auto",
    force: Force = False,
    scheduler: Scheduler = None,
    workers: Workers = 1,
) -> None:
    """Writes the features of clips or of frames, with the names beside the numbers.

    What is done is not done again after a kill: the same command goes on.

    Example: skelf features walks/ --run run --out features.npz

    Example: skelf features archive/ --run run --out features.npz --workers 8

    Example: skelf features precog.h5 --run run --dense --out frames.parquet
    """
    if out.suffix.lower() not in KINDS:
        raise InputError(f"{out}: name a file that ends in {' or '.join(KINDS)}")
    paths, options = paths_and_options(words)
    context.with_resource(holding(out))
    check_output(out, KINDS[out.suffix.lower()], inputs=paths, replace=force)
    from ..cluster import gathered
    from ..inference.bulk.blocks import Reading
    from ..inference.bulk.gather import Tally
    from ..inference.features import features as rows_of
    from ..inference.source import places
    from ..inference.writers.features import write_npz, write_parquet
    from ..machine.devices import choose_device

    console, tally = Console(stderr=True), Tally()
    say = lambda text: console.print(  # noqa: E731
        escape(utf8(text)), highlight=False, soft_wrap=True
    )
    write = write_npz if out.suffix.lower() == ".npz" else write_parquet
    listed = places(paths, format=format_, say=say)
    seen = seen_by_all(paths, out, run)
    if scheduler is None:
        choose_device(device, "--device")
    count, dim = 0, 0
    with (
        gathered(scheduler, workers, paths=seen, say=say) as crew,
        bar_of_files(console, len(listed)) as bar,
        rows_of(
            listed, run, out, dense=dense, reading=Reading(layout, tuple(options), unit, up),
            device=device, crew=crew, tally=tally, say=say,
            progress=lambda done, total: bar.update(bar.task_ids[0], completed=done, total=total),
        ) as every,
        write(out) as add,
    ):  # fmt: skip
        for rows in every:
            add(rows)
            count, dim = count + len(rows.values), rows.values.shape[1]
        tally.refuse_none()
    for problem in tally.problems:
        note(console, problem)
    passed = f" ({len(tally.problems)} passed over)" if tally.problems else ""
    text = f"{escape(utf8(str(out)))}: {count:,} rows of {dim} numbers from "
    Console().print(f"{text}{tally.files} files{passed}", soft_wrap=True, highlight=False)

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
from .arguments import Device, Force
from .given_data import Format, Layout, Unit, Up, Words, bar_of_files, paths_and_options
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
) -> None:
    """Writes the features of clips or of frames, with the names beside the numbers.

    Example: skelf features walks/ --run run --out features.npz

    Example: skelf features precog.h5 --run run --dense --out frames.parquet
    """
    if out.suffix.lower() not in KINDS:
        raise InputError(f"{out}: name a file that ends in {' or '.join(KINDS)}")
    paths, options = paths_and_options(words)
    context.with_resource(holding(out))
    check_output(out, KINDS[out.suffix.lower()], inputs=paths, replace=force)
    from ..inference.features import Tally, encoded
    from ..inference.needs import needs_of
    from ..inference.source import each, places
    from ..inference.writers.features import write_npz, write_parquet
    from ..machine.devices import choose_device
    from ..runs.load import judged_encoder

    console, tally, rows_written = Console(stderr=True), Tally(0, []), 0
    encoder, described = judged_encoder(run, None, False, 0)
    say = lambda text: console.print(  # noqa: E731
        escape(utf8(text)), highlight=False, soft_wrap=True
    )
    scratch = out.absolute().parent
    write = write_npz if out.suffix.lower() == ".npz" else write_parquet
    listed = places(paths, format=format_, say=say)
    sources = each(listed, layout=layout, options=options, say=say, scratch=scratch)
    with bar_of_files(console, len(listed)) as bar, write(out) as add:
        for rows in encoded(
            encoder,
            needs_of(encoder, described, run),
            sources,
            tally,
            dense=dense,
            unit=unit,
            up=up,
            device=choose_device(device, "--device"),
            say=say,
            scratch=scratch,
        ):
            add(rows)
            rows_written += len(rows.values)
            bar.update(bar.task_ids[0], completed=tally.files + len(tally.problems))
        if not tally.files:
            raise InputError("\n".join(tally.problems))
    for problem in tally.problems:
        note(console, problem)
    passed = f" ({len(tally.problems)} passed over)" if tally.problems else ""
    text = f"{escape(utf8(str(out)))}: {rows_written:,} rows of {encoder.dim} numbers from "
    Console().print(f"{text}{tally.files} files{passed}", soft_wrap=True, highlight=False)

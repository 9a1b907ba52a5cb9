"""`skelf demo`: the whole way in small."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..machine import memory


def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where it goes.")] = Path(
        "demo"
    ),
    seed: Annotated[
        int, typer.Option("--seed", min=0, max=2**63 - 1, help="Same seed, same result.")
    ] = 0,
) -> None:
    """The whole way on a small SYNTHETIC set: store, pretraining, evaluation, a page to look at.

    Example: skelf demo --out demo
    """
    from .. import demo as demonstration
    from ..training.progress import TrainingDisplay

    memory.keep_freed()
    console = Console()
    console.print("The demo's motion is [bold]synthetic[/]: made-up figures, no recordings.")
    with TrainingDisplay(console) as display:
        result = demonstration.run(out, seed=seed, say=console.print, listener=display)
    console.print(_table(result.rows))
    page = escape(str(result.page))
    console.print(f"Page: [bold]{page}[/] ({result.seconds:.0f} s in all)", soft_wrap=True)


def _table(rows: Iterable[dict[str, object]]) -> Table:
    columns = ("pretrained", "untrained", "chance")
    table = Table("protocol")
    for name in columns:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(str(row["protocol"]), *(f"{row[name]:.1%}" for name in columns))
    return table

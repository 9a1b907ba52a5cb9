"""`skelf fit detector`: from recordings with segments to a model that finds actions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .arguments import Data, Device, Force, Overrides
from .bars import counting
from .fitting import Out, Stream, fit_options
from .notes import warnings_as_notes

if TYPE_CHECKING:
    from ..inference.model import Model


def fit_detector(
    run: Annotated[
        str, typer.Option("--run", help="A run, a checkpoint folder or a name on the hub.")
    ],
    data: Data,
    out: Out,
    overrides: Overrides = None,
    split: Annotated[
        str | None,
        typer.Option("--split", help="Learn from its training side; else from all recordings."),
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Train a copy of the encoder with the head: slower.")
    ] = False,
    stream: Stream = None,
    seed: Annotated[int, typer.Option("--seed", help="Of heads and draws.")] = 0,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Learns what happens when in recordings with segments, and says how good it will be.

    Example: skelf fit detector --run run --data recordings.h5 --split xsub --out model
    """
    from ..inference.detector_choices import FitDetector
    from ..inference.fit_detector import fit_detector
    from ..inference.place import check_model_place
    from ..machine.memory import keep_freed

    how = fit_options(FitDetector, overrides or ())
    check_model_place(out, replace=force)
    keep_freed()
    console = Console()
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    bar = counting(console, "held-out recordings")
    with warnings_as_notes(console), bar:
        task = bar.add_task("", total=None)
        model = fit_detector(
            run, data, split=split, tune=tune, how=how, stream=stream, seed=seed, device=device,
            say=say, step=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    model.save(out)
    _show(console, model)
    console.print(f"Model: [bold]{escape(str(out))}[/]", soft_wrap=True)


def _show(console: Console, model: Model) -> None:
    """What the model is, and what to expect of it."""
    learnt, told = model.about.learnt_from or {}, model.about.expected
    table = Table(show_header=False)
    table.add_row("learnt from", "{recordings} recordings, {segments} segments".format(**learnt))
    table.add_row(
        "head", f"{learnt['head']}, of {len(model.class_names)} classes on a {learnt['how']}"
    )
    if told is None:
        table.add_row("expected", "not known: nothing could be held out")
    else:
        interval = ""
        if "interval" in told:
            low, high = told["interval"]
            interval = f" (95 % interval {low:.1%} to {high:.1%})"
        table.add_row(f"expected {told['metric']}", f"{told['value']:.1%}{interval}")
        table.add_row("by", f"{told['how']}; {told['parts']} parts, by {told['grouped_by']}")
        least = sorted(told["per_class"], key=lambda name: float(told["per_class"][name]))[:3]
        shown = (f"{name} {told['per_class'][name]:.0%}" for name in least)
        table.add_row("least found", ", ".join(shown))
    console.print(table)

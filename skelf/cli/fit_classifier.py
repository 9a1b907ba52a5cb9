"""`skelf fit classifier`: from labelled clips to a model that says what is in a clip."""

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


def fit_classifier(
    run: Annotated[
        list[str], typer.Option("--run", help="A run, a checkpoint folder or a name on the hub.")
    ],
    data: Data,
    out: Out,
    overrides: Overrides = None,
    split: Annotated[
        str | None,
        typer.Option("--split", help="Learn from its training side; else from all labelled clips."),
    ] = None,
    tune: Annotated[
        bool,
        typer.Option("--tune", help="Train a copy of the encoder too: slower, for many labels."),
    ] = False,
    stream: Stream = None,
    seed: Annotated[int, typer.Option("--seed", help="Of folds and draws.")] = 0,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Learns classes from few labelled clips, or many, and says how good it will be.

    Example: skelf fit classifier --run run --data clips.h5 --split xsub --out model
    """
    from ..inference.fit_classifier import FitClassifier, fit_classifier
    from ..inference.place import check_model_place

    how = fit_options(FitClassifier, overrides or ())
    check_model_place(out, replace=force)
    console = Console()
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    bar = counting(console, "training copies" if tune else "cross-validation")
    with warnings_as_notes(console), bar:
        task = bar.add_task("", total=None)
        model = fit_classifier(
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
    table.add_row("head", learnt.get("how", ""))
    table.add_row("learnt from", f"{learnt.get('clips')} clips of {len(model.class_names)} classes")
    if told is None:
        table.add_row("expected accuracy", "not known: nothing could be held out")
    else:
        low, high = told["interval"]
        errors = told["calibration_error"]
        table.add_row(
            "expected accuracy", f"{told['accuracy']:.1%} (95 % interval {low:.1%} to {high:.1%})"
        )
        table.add_row("by", f"{told['how']}; held out by {told['by']}")
        table.add_row(
            "calibration error",
            f"{errors['after']:.3f} ({errors['before']:.3f} without temperature)",
        )
        found = {k: v for k, v in told["per_class"].items() if v is not None}
        rarest = sorted(found, key=lambda name: found[name])[:3]
        table.add_row("least found", ", ".join(f"{name} {found[name]:.0%}" for name in rarest))
    table.add_row("unknown below", f"{model.unknown_below:.3f}")
    console.print(table)

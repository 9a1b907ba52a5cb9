"""`skelf data clean`: gaps filled, outliers taken out, noise filtered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..data.cleaning.clean import cleaned
from ..data.cleaning.options import Clean
from ..data.clips import ClipSet, utf8
from ..data.presets import located
from ..errors import InputError
from ..locks import holding
from ..outputs import STORE, check_output
from ..settings.given import parse_override
from ..settings.options import table
from ..settings.settable import filled
from ..settings.values import Value
from .arguments import Force, NamedStore
from .bars import counting
from .notes import warnings_as_notes


def clean(
    context: typer.Context,
    path: NamedStore,
    out: Annotated[Path, typer.Option("--out", metavar="STORE", help="The store to write.")],
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help=f"What to do: {', '.join(table(Clean))}."),
    ] = None,
    force: Force = False,
) -> None:
    """Cleans the joints of a set: outliers, gaps, noise, in this order.

    Example: skelf data clean walks.h5 --out clean.h5 outliers=true gaps=0.3 lowpass=6

    Example: skelf data clean kinect.h5 --out clean.h5 median=0.1 savgol=0.3
    """
    path = located(path)
    how = _how(words or ())
    context.with_resource(holding(out))
    check_output(out, STORE, inputs=[path], replace=force)
    clips = ClipSet.open(path)
    console = Console()
    bar = counting(console, "cleaning")
    with warnings_as_notes(console), bar:
        task = bar.add_task("", total=len(clips))
        made, changes = cleaned(
            clips,
            how,
            scratch=out.absolute().parent,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    made.save(out)
    unit = {"metre": " m"}.get(clips.attributes.get("unit", ""), "")
    rates = float(clips.fps.min()), float(clips.fps.max())
    for line in changes.lines(how, rates, unit):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    text = f"{escape(utf8(str(out)))}: {changes.clips} of {len(made)} clips changed"
    console.print(text, soft_wrap=True)


def _how(words: Sequence[str]) -> Clean:
    values: dict[str, Value] = {}
    for word in words:
        if "=" not in word:
            raise InputError(f"{word!r}: write KEY=VALUE; clean has {', '.join(table(Clean))}")
        key, value = parse_override(f"clean.{word.removeprefix('clean.')}")
        values[key.removeprefix("clean.")] = value
    return filled(Clean, values, section="clean", source="data clean")

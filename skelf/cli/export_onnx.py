"""`skelf export`: a trained model as one ONNX file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from ..errors import InputError
from ..export.options import Export
from ..locks import holding
from ..settings.given import parse_override
from ..settings.options import table
from ..settings.settable import filled
from ..settings.values import Value
from .arguments import Force
from .notes import warnings_as_notes

_KEYS = table(Export)


def export(
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(metavar="MODEL|RUN", help="A model, a run, or a name on the hub.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.onnx", help="The file to write.")],
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="; ".join(
                f"{key}={one.default!s}".lower() + f": {one.doc}" for key, one in _KEYS.items()
            ),
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DATA", help="Real recordings to compare it on as well."),
    ] = None,
    stream: Annotated[
        str | None,
        typer.Option("--stream", help="Of a run with several: joint, motion, bone or all."),
    ] = None,
    force: Force = False,
) -> None:
    """Writes a model as one ONNX file, its preparation inside, and compares it with torch.

    Example: skelf export model --out model.onnx --data nw.h5

    Example: skelf export run --out features.onnx dense=true
    """
    from ..export.write import export_onnx

    if out.suffix.lower() != ".onnx":
        raise InputError(f"{out}: name a file that ends in .onnx")
    how = _how(words or ())
    context.with_resource(holding(out))
    console = Console()
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    with warnings_as_notes(console), console.status("exporting"):
        made = export_onnx(model, out, how, data=data, stream=stream, overwrite=force, say=say)
    checked = made.checked
    console.print(f"largest difference from torch: {checked.random:.1e} on random clips", end="")
    if checked.real is not None:
        console.print(f", {checked.real:.1e} on {checked.clips} real ones", end="")
    console.print()
    text = f"{escape(str(out))}: one row a {made.rows}, {made.size / 1e6:,.1f} MB"
    console.print(text, highlight=False, soft_wrap=True)


def _how(words: list[str] | tuple[str, ...]) -> Export:
    values: dict[str, Value] = {}
    for word in words:
        if "=" not in word:
            raise InputError(f"{word!r}: write KEY=VALUE; export has {', '.join(_KEYS)}")
        key, value = parse_override(f"export.{word.removeprefix('export.')}")
        values[key.removeprefix("export.")] = value
    return filled(Export, values, section="export", source="export")

"""What `skelf fit classifier` and `skelf fit detector` share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ..errors import InputError

Out = Annotated[Path, typer.Option("--out", metavar="MODEL", help="The model's folder.")]
Stream = Annotated[
    str | None, typer.Option("--stream", help="Of a run that trained several together.")
]
Options = TypeVar("Options")


def fit_options(cls: type[Options], overrides: Sequence[str]) -> Options:
    """`fit.key=value`, or `key=value`, as options of a class.

    Raises:
        InputError: an unknown key or a wrong value.
    """
    from ..settings.given import parse_override
    from ..settings.settable import filled

    given = [text if text.startswith("fit.") else f"fit.{text}" for text in overrides]
    values = {key.removeprefix("fit."): value for key, value in map(parse_override, given)}
    source = {key: f"fit.{key}={value}" for key, value in values.items()}
    try:
        return filled(cls, values, section="fit", source=source)
    except InputError as error:  # a protocol's own options call their keys eval.*
        raise InputError(str(error).replace("eval.", "fit.")) from None

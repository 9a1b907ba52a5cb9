"""What `skelf fit classifier` and `skelf fit detector` share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..errors import InputError

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


def fit_bar(console: Console, what: str) -> Progress:
    """A bar of what is held out in turn."""
    return Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )

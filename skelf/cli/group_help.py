"""The help of a group of commands: the boxes that Typer draws, without what it imports for them."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import typer

Row = tuple[str, str]  # an option or a command, and what it is
UNICODE, ASCII = ("╭", "─", "╮", "│", "╰", "╯"), ("+", "-", "+", "|", "+", "+")
NARROWEST = 40  # columns; a narrower terminal breaks the boxes
# Typer's contexts, formatters and commands: classes of its own, other ones in each version.
Private = Any


def group_help(usage: str, about: str, options: Sequence[Row], commands: Sequence[Row]) -> str:
    """The text of `--help`: as wide as the terminal, in colour on one."""
    width = max(shutil.get_terminal_size().columns, NARROWEST)
    head = ["", f" {usage}", "", *(f" {line}" for line in textwrap.wrap(about, width - 2)), ""]
    boxes = [*_box("Options", options, width), *_box("Commands", commands, width)]
    return "\n".join([*head, *boxes])


def _box(title: str, rows: Sequence[Row], width: int) -> Iterator[str]:
    left, across, right, side, lower_left, lower_right = _border()
    labels = max(len(label) for label, _ in rows)
    texts = width - labels - 6  # two borders and four spaces
    yield _dim(f"{left}{across} {title} ".ljust(width - 1, across) + right)
    for label, text in rows:
        for number, line in enumerate(textwrap.wrap(text, texts)):
            shown = _cyan(("" if number else label).ljust(labels))
            yield f"{_dim(side)} {shown}  {line.ljust(texts)} {_dim(side)}"
    yield _dim(lower_left + across * (width - 2) + lower_right)


def _border() -> tuple[str, str, str, str, str, str]:
    try:
        "".join(UNICODE).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return ASCII
    return UNICODE


def _dim(text: str) -> str:
    return typer.style(text, dim=True) if _coloured() else text


def _cyan(text: str) -> str:
    return typer.style(text, fg="cyan", bold=True) if _coloured() else text


def _coloured() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ

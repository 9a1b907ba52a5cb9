"""`skelf data template`: a mapping file for a CSV, printed from its header."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..data.formats import csv_template, members
from ..data.readers.csv_folder import SUFFIXES
from ..errors import InputError


def template(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, or a folder of them.")],
) -> None:
    """Prints a mapping file for a CSV, from its header; comments say what to fill in.

    Example: skelf data template walk.csv > mapping.toml
    """
    files = members.find(path, SUFFIXES)
    if not files:
        raise InputError(f"{path}: no .csv file in it")
    typer.echo(csv_template.template(files[0]), nl=False)

"""Files of one format below a folder, where others have the same ending."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import InputError
from .look import Look
from .members import Member


def of_format(
    path: Path, suffixes: Sequence[str], told: Callable[[Look], str], name: str
) -> list[Path]:
    """`path` itself, or the files of a folder and below that are of a format, sorted.

    Args:
        path: a file, which is taken as it is, or a folder.
        suffixes: of the format's files, in lower case with the dot.
        told: says why a file is of the format; "" where it is not.
        name: of the format, for messages.

    Raises:
        InputError: no such path, a file of another ending, or a folder without such a file.
    """
    kinds = " or ".join(suffixes)
    if not path.is_dir():
        if not path.is_file():
            raise InputError(f"{path}: no such file or folder; give a {kinds} file or a folder")
        if path.suffix.lower() not in suffixes:
            raise InputError(f"{path}: not a {kinds} file by its name; give one, or a folder")
        return [path]
    files = [f for f in sorted(path.rglob("*")) if f.suffix.lower() in suffixes and f.is_file()]
    ours = [file for file in files if told(Look.at(Member(file)))]
    if not ours:
        raise InputError(
            f"{path}: none of {len(files)} {kinds} files in this folder or below is of {name}; "
            "name another"
        )
    if len(ours) < len(files):
        other = next(file for file in files if file not in set(ours))
        warnings.warn(
            f"{path}: {len(files) - len(ours)} files are not of {name}, left out: {other.name}"
            + (", ..." if len(files) - len(ours) > 1 else ""),
            stacklevel=3,
        )
    return ours

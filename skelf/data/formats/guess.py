"""What format a file has: by what is in it, and where that does not tell, by its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from . import table_signs
from .look import Look
from .members import Member
from .refused import REFUSED, refusal
from .signs import LOOKED_AT, SIGNS, by_suffix


def guess(path: Path) -> str:
    """The name of a format in `READERS`, or "store".

    Args:
        path: a file, or a zip, which has the format of its first file.

    Raises:
        InputError: see `recognised`.

    Examples:
        >>> Path("walk.csv").write_text("frame,hip_x,hip_y,head_x,head_y\\n0,1,2,3,4\\n")
        42
        >>> guess(Path("walk.csv"))
        'csv'
    """
    return recognised(path)[0]


def recognised(path: Path) -> tuple[str, str]:
    """The one format of a file, and why it is taken for it.

    Args:
        path: see `guess`.

    Raises:
        InputError: no such file; of no format; of a kind that is known and not read; or of several
            formats: the message asks which.
    """
    look = _first(path)
    found = signs_of(look)
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(asked(str(path), found))
    if kind := refused_kind(look):
        raise InputError(f"{path}: {kind} is not read; {REFUSED[kind].remedy}")
    if not look.head.strip():
        raise InputError(f"{path}: empty; copy or record it again")
    raise InputError(
        f"{path}: no format is known by what is in it; say which with --format (skelf list formats "
        "has them)"
    )


def candidates(path: Path) -> list[tuple[str, str]]:
    """All formats whose sign is in a file, each with why; general ones only without others.

    Args:
        path: see `guess`.

    Raises:
        InputError: no such file, or a zip without any that is known.

    Examples:
        >>> Path("walk.bvh").write_text("HIERARCHY\\nROOT hips\\n")
        20
        >>> candidates(Path("walk.bvh"))
        [('bvh', 'it begins with HIERARCHY, as BVH does')]
    """
    return signs_of(_first(path))


def asked(path: str, found: Sequence[tuple[str, str]]) -> str:
    """The question which of several formats a file is of.

    Args:
        path: the file.
        found: formats, each with why.
    """
    names = " or ".join(f"{name} ({why})" for name, why in found)
    commands = " or ".join(f"skelf data import {name} {path} ..." for name, _ in found)
    return (
        f"{path}: two readings are possible: {names}; say which: {commands}, of other commands "
        f"--format {found[0][0]} or {found[1][0]}"
    )


def signs_of(look: Look) -> list[tuple[str, str]]:
    """See `candidates`, of a file that was looked at."""
    special = [(name, why) for name, s in SIGNS.items() if not s.general and (why := s.why(look))]
    if special:
        return special
    if refusal(look):
        return []
    by_name = by_suffix(look.suffix)  # its reader tells what is wrong with it
    general = [(name, why) for name, s in SIGNS.items() if s.general and (why := s.why(look))]
    if general and (not by_name or SIGNS[by_name].general):
        return general
    return [(by_name, f"its name ends in {look.suffix}")] if by_name else []


def refused_kind(look: Look) -> str:
    """The kind in `REFUSED` of a file without a format's sign; empty: of none."""
    return refusal(look) or refusal(look, by_name=True)


def is_table_of_joints(path: Path) -> bool:
    """Whether a table can be a recording: by its columns, or by a mapping file beside it."""
    return table_signs.is_table_of_joints(Look.at(Member(path)))


def _first(path: Path) -> Look:
    """The file itself, or the first of a zip that may be a recording."""
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder")
    if path.suffix.lower() != ".zip":
        return Look.at(Member(path))
    from .members import find  # a zip's table is read only here

    inside = find(path, LOOKED_AT - {".zip"})
    if not inside:
        raise InputError(f"{path}: no file of a known format in this zip")
    return Look.at(inside[0])

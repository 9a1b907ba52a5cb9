"""Signs of tables of text: PRECOG's by its name, and any other one."""

from __future__ import annotations

import re

from .look import Look

MAPPING = "mapping.toml"
_DELIMITER = re.compile(r"[,;\t|]")
_COORDINATE = re.compile(
    r"(?i)^[xyz](?![a-z])|(?<![a-z])[xyz](?:[ _]?[\[(]?(?:mm|cm|m|px)[\])]?)?$|[a-z][XYZ]$"
)


def cells(line: str) -> list[str]:
    """The cells of a line, whatever stands between them; one where nothing does."""
    return [cell.strip().strip("\"'") for cell in _DELIMITER.split(line)]


def header(look: Look) -> list[str]:
    """The cells of a table's first line; none where it is no table."""
    if look.is_json:
        return []
    first = next((line for line in look.lines if line.strip()), "")
    found = cells(first)
    return found if len(found) > 1 else []


def precog(look: Look) -> str:
    """Of PRECOG: its names, and semicolons."""
    if re.fullmatch(r"Seq\d{1,4}_\d{1,4}", look.name.stem) and ";" in next(iter(look.lines), ""):
        return "its name is Seq, script and subject, with ; between cells, as PRECOG's"
    return ""


def table(look: Look) -> str:
    """Of any table: cells with marks between them, or rows of numbers."""
    if look.is_json or not look.text.strip():
        return ""
    if header(look):
        return "its first line is cells with commas or tabs between them"
    first = next(line for line in look.lines if line.strip())
    words = first.split()
    if len(words) > 5 and (_are_numbers(words) or _are_joints(words)):
        return "its first line is cells with spaces between them"
    return "its name ends in .csv" if look.suffix == ".csv" else ""


def is_table_of_joints(look: Look) -> bool:
    """Whether a table can be a recording: by its columns, or by a mapping file beside it."""
    if not look.member.inside and (look.member.file.parent / MAPPING).is_file():
        return True
    return _are_joints(header(look))


def _are_joints(found: list[str]) -> bool:
    return sum(bool(_COORDINATE.search(cell)) for cell in found) >= 4


def _are_numbers(words: list[str]) -> bool:
    try:
        [float(word) for word in words]
    except ValueError:
        return False
    return True

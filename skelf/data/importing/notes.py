"""What the parts of an import noted, in as many lines as a person reads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ...files import write_text

PROBLEMS = "problems.txt"
"""In the folder of the set: a line for each file that could not be read."""
SHOWN = 5


def together(noted: Iterable[Iterable[str]]) -> list[str]:
    """A line for each kind of note: those of several parts differ in numbers and names alone.

    Examples:
        >>> together([["a: 2 of 9 are empty"], ["a: 4 of 9 are empty"], ["b: odd"]])
        ['a: 2 of 9 are empty (and so in 1 part more)', 'b: odd']
    """
    parts: dict[str, list[str]] = {}
    for notes in noted:
        kinds = {re.sub(r"\S*\d\S*", "#", note): note for note in reversed([*notes])}
        for kind, note in reversed(kinds.items()):
            parts.setdefault(kind, []).append(note)
    lines = []
    for notes in parts.values():
        more = len(notes) - 1
        said = f" (and so in {more} part{'s' * (more > 1)} more)" if more else ""
        lines.append(notes[0] + said if len(set(notes)) > 1 else notes[0])
    return lines


def keep(folder: Path, problems: Iterable[tuple[str, str]]) -> None:
    """Writes the list of problems, or removes it where there are none."""
    lines = [f"{file}\t{_bare(file, text)}\n" for file, text in problems]
    if lines:
        write_text(folder / PROBLEMS, "".join(lines))
    else:
        (folder / PROBLEMS).unlink(missing_ok=True)


def _bare(file: str, text: str) -> str:
    return " ".join(text.removeprefix(f"{file}: ").split())

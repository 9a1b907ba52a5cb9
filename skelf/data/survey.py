"""What lies in a folder or a zip: recordings by format, kinds that are not read, other files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from .formats import members, table_signs
from .formats.guess import asked, refused_kind, signs_of
from .formats.look import Look
from .formats.members import Member
from .formats.signs import LOOKED_AT, OF_MANY, SIGNS

SHOWN = 3
NO_DATA = re.compile(r"(?i)(readme|licen[cs]e|citation|notice)\b.*|.*\.md|thumbs\.db|desktop\.ini")


@dataclass
class Survey:
    """Files of a path by what they are, each list in the order of their places.

    Args:
        root: the path.
        formats: format -> its files; "" are those that should be recordings and are of no format.
        whys: format -> why its first file is taken for it.
        refused: kind of `formats.refused.REFUSED` -> its files.
        others: end of the names -> files of no kind that is known.
        questions: files with two readings -> what is asked.
    """

    root: Path
    formats: dict[str, list[Member]] = field(default_factory=dict)
    whys: dict[str, str] = field(default_factory=dict)
    refused: dict[str, list[Member]] = field(default_factory=dict)
    others: dict[str, list[Member]] = field(default_factory=dict)
    questions: dict[Member, str] = field(default_factory=dict)

    def left_out(self, taken: Sequence[str]) -> str:
        """What is not of the formats that are read, in words; empty where that is nothing.

        Args:
            taken: the formats.
        """
        companions = {end for name in taken if name for end in SIGNS[name].companions}
        kinds = [
            (f"of {name}" if name else "of no format", files)
            for name, files in self.formats.items()
            if name not in taken
        ]
        kinds += [
            *self.refused.items(),
            *((f"*{end}", files) for end, files in self.others.items()),
        ]
        left = [
            (kind, [f for f in files if f.name.suffix.lower() not in companions])
            for kind, files in kinds
        ]
        return listed((kind, files) for kind, files in left if files)


def survey(path: Path, passed: Iterable[Path] = ()) -> Survey:
    """Looks at the files below a path; of many whose names differ in numbers alone, at two.

    Args:
        path: a folder (with its sub-folders and the zips in them), or a zip.
        passed: files that are not looked at, as the store that is written.

    Raises:
        InputError: no such path, or a zip that cannot be read.
    """
    found = Survey(path)
    not_these = {file.absolute() for file in passed}
    groups: dict[tuple[str, str, str], list[Member]] = {}
    for member in members.find(path, None):
        name = member.name.name
        if name.startswith(".") or NO_DATA.fullmatch(name) or member.file.absolute() in not_these:
            continue
        key = (str(member.file.parent if not member.inside else member.file),
               str(member.name.parent), re.sub(r"\d+", "#", name))  # fmt: skip
        groups.setdefault(key, []).append(member)
    for group in groups.values():
        ends = [_kind(member) for member in {*group[:1], *group[-1:]}]
        if len(set(ends)) == 1:
            kinds = [ends[0]] * len(group)
        else:
            kinds = [_kind(member) for member in group]
        for member, (table, kind, why) in zip(group, kinds, strict=True):
            if table == "questions":
                found.questions[member] = why.replace("{path}", str(member))
                continue
            getattr(found, table).setdefault(kind, []).append(member)
            if table == "formats":
                found.whys.setdefault(kind, why)
    return found


def listed(kinds: Iterable[tuple[str, Sequence[Member]]]) -> str:
    """Counts and first names of files by kind.

    Examples:
        >>> listed([("of bvh", [Member(Path("a.bvh")), Member(Path("b.bvh"))])])
        '2 of bvh (a.bvh, b.bvh)'
    """
    parts = []
    for kind, files in kinds:
        few = ", ".join(file.name.name for file in files[:SHOWN])
        parts.append(f"{len(files)} {kind} ({few}{', ...' if len(files) > SHOWN else ''})")
    return ", ".join(parts)


def _kind(member: Member) -> tuple[str, str, str]:
    """The table of a `Survey` that a file belongs in, its key there, and why."""
    suffix = member.name.suffix.lower()
    try:
        look = Look.at(member)
        signs = signs_of(look)
    except InputError:  # unreadable: reading says why
        return ("formats", "", "") if suffix in LOOKED_AT else ("others", suffix, "")
    if len(signs) > 1:
        return "questions", "", asked("{path}", signs)
    if signs and (signs[0][0] != "csv" or table_signs.is_table_of_joints(look)):
        return "formats", *signs[0]
    if not signs and (kind := refused_kind(look)):
        return "refused", kind, ""
    empty = not look.head.strip()
    if suffix in LOOKED_AT - OF_MANY or (empty and suffix in (".csv", ".json")):
        return "formats", "", ""
    return "others", suffix, ""

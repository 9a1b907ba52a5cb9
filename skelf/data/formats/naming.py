"""What the names of files and frames say: clips, their order in time, classes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import gcd
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ...errors import InputError
from ...settings.options import option
from .members import Member

LONGEST = 1 << 20  # frames of a video: ten hours
Folders = Literal["none", "class"]
Class = tuple[int, str]
"""Label and name; -1 and "" where there is none."""


def folders_option() -> Any:  # a field, as of `option`
    """The field `folders` of the options of a reader of many videos."""
    return option("none", "class: the first folder below the path is the class")


def frame_number(name: str | int, where: str) -> int:
    """The last number in a frame's name, as in `000012.jpg`.

    Raises:
        InputError: it has none, or a silly one.
    """
    digits = re.findall(r"\d+", PurePosixPath(str(name)[:300]).stem)
    if not digits or len(digits[-1]) > 15 or (isinstance(name, int) and name < 0):
        raise InputError(
            f"{where}: no frame number in {str(name)[:60]!a}; number the frames, as 000012.jpg"
        )
    return int(digits[-1])


def refuse_twice(numbers: Sequence[int], where: str) -> None:
    """Raises InputError where two frames have one number: their poses would be two persons."""
    if len(set(numbers)) < len(numbers):
        counted = Counter(numbers)
        twice = next(number for number in numbers if counted[number] > 1)
        raise InputError(
            f"{where}: frame {twice} stands twice; number the frames, one video in a file"
        )


def timeline(
    numbers: Sequence[int], where: str, sampled: bool = False
) -> tuple[list[int], int, int]:
    """Frame indices from 0 of numbered frames, the video's length, and the numbers' step.

    Args:
        numbers: of the frames, in any order.
        where: for messages.
        sampled: every frame is there, so that a common step means a lower frame rate.

    Raises:
        InputError: the numbers span more than any video.
    """
    first = min(numbers)
    step = max(1, gcd(*(n - first for n in numbers))) if sampled else 1
    length = (max(numbers) - first) // step + 1
    if length > LONGEST:
        raise InputError(
            f"{where}: frame numbers from {first} to {max(numbers)}; a video has at most "
            f"{LONGEST} frames, mend the number"
        )
    return [(n - first) // step for n in numbers], length, step


def clip_name(member: Member, root: Path, common: str = "") -> str:
    """A file's path below `root` without suffix; a file called `common` goes by its folder."""
    place = member.name if member.inside else PurePosixPath(_below(member.file, root))
    if place.stem == common:
        place = place.parent if place.parent.name else PurePosixPath(member.file.parent.name)
    else:
        place = place.with_suffix("")
    try:
        str(place).encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{str(member)!r}: its name is not UTF-8; rename the file") from None
    return str(place)


def by_name(files: Iterable[Member], root: Path, common: str = "") -> dict[str, Member]:
    """Files by clip name (see `clip_name`), sorted.

    Raises:
        InputError: two files of one name.
    """
    named: dict[str, Member] = {}
    for member in files:
        name = clip_name(member, root, common)
        if name in named:
            raise InputError(f"{member}: {named[name]} gives a clip {name!r} too; keep one of them")
        named[name] = member
    return dict(sorted(named.items()))


def folder_classes(names: Iterable[str], folders: Folders, path: Path) -> dict[str, Class]:
    """Clip name -> its class, by the first folder.

    Raises:
        InputError: folders="class", and a clip lies in no folder.
    """
    if folders == "none":
        return dict.fromkeys(names, (-1, ""))
    parts = {name: name.split("/") for name in names}
    for name, part in parts.items():
        if len(part) < 2:
            raise InputError(
                f"{path}: {name}: folders=class needs {path.name}/CLASS/..., this clip is in no "
                "class folder; move it into one"
            )
    classes = sorted({part[0] for part in parts.values()})
    return {name: (classes.index(part[0]), part[0]) for name, part in parts.items()}


def _below(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if root.is_dir() else file.name

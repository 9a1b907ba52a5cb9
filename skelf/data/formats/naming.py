"""What the names of files and frames say: clips, their order in time, classes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import gcd
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from ...errors import InputError
from ...settings.options import option
from .members import Member

LONGEST = 1 << 20  # frames of a video: ten hours
MOST_DIGITS = 18  # what 64 bits hold
FIELDS = ("subject", "camera", "setup")
Columns = dict[str, Any]  # arguments of `ClipSet.build`, by name
_RESERVED = {"start", "length", "fps", "name", "label"}
Folders = Literal["none", "class"]
Class = tuple[int, str]
"""Label and name; -1 and "" where there is none."""


def folders_option() -> Any:  # a field, as of `option`
    """The field `folders` of the options of a reader of many videos."""
    return option("none", "class: the first folder below the path is the class")


class NamePattern:
    """What files' paths say: `{class}`, `{subject}`, `{camera}`, `{setup}`, other numbers, `*`.

    Args:
        pattern: for a whole path, as "S{subject}/{class}_{fold}_*.bvh", or without a slash for a
            file's name alone; a word in braces stands for a whole number, `{class}` for a name,
            `*` for anything but a slash.
        where: starts messages.

    Raises:
        InputError: a word twice or of another form, or more than three of * and {class}.

    Examples:
        >>> NamePattern("S{subject}_{class}.bvh", "clip").read("S07_walk.bvh")
        {'subject': '07', 'class': 'walk'}
    """

    def __init__(self, pattern: str, where: str) -> None:
        self.pattern, self.where = pattern, where
        self.words = re.findall(r"\{(\w+)\}", pattern)
        plain = not re.search(r"[{}]", re.sub(r"\{\w+\}", "", pattern))
        unique = len(set(self.words)) == len(self.words)
        if not plain or not unique or not all(w.isidentifier() for w in self.words):
            raise InputError(f"{where} = {pattern!r}: name each word once, as {{subject}}")
        if reserved := [word for word in self.words if word in _RESERVED]:
            raise InputError(
                f"{where} = {pattern!r}: {reserved[0]!r} is a column of every set; use another word"
            )
        if pattern.count("*") + ("class" in self.words) > 3:  # more could take for ever to match
            raise InputError(f"{where} = {pattern!r}: use at most three of * and {{class}}")
        expression = ""
        for part in re.split(r"(\{\w+\}|\*)", pattern):
            if part == "*":
                expression += "[^/]*"
            elif part == "{class}":
                expression += "(?P<class_>[^/]+)"
            elif re.fullmatch(r"\{\w+\}", part):  # possessively: no name can make this slow
                expression += rf"(?P<{part[1:-1]}_>\d++)"
            else:
                expression += re.escape(part)
        self._expression = re.compile(expression)

    def read(self, name: str) -> dict[str, str] | None:
        """Word -> what the path has for it; None when the path does not fit.

        Raises:
            InputError: a number of more digits than a column holds.
        """
        part = name if "/" in self.pattern else name.rpartition("/")[2]
        match = self._expression.fullmatch(part)
        if not match:
            return None
        by_word = {key[:-1]: text for key, text in match.groupdict().items()}
        for word, text in by_word.items():
            if word != "class" and len(text) > MOST_DIGITS:
                raise InputError(
                    f"{name}: {{{word}}} of {self.where} = {self.pattern!r} is {text[:40]}, "
                    f"{len(text)} digits; a column holds {MOST_DIGITS}, so write * there, or "
                    "rename the file"
                )
        return by_word

    def columns(self, names: Sequence[str]) -> Columns:
        """The columns of a set whose clips come from these paths.

        Raises:
            InputError: a path that does not fit.
        """
        by_name = []
        for name in names:
            by_word = self.read(name)
            if by_word is None:
                raise InputError(
                    f"{name}: does not fit {self.where} = {self.pattern!r} (a word in braces is a "
                    "whole number, {class} a name, * anything but a slash); rename the file, or "
                    "mend the pattern"
                )
            by_name.append(by_word)
        numbers = {
            word: np.array([int(by_word[word]) for by_word in by_name])
            for word in self.words
            if word != "class"
        }
        columns: Columns = {key: numbers.pop(key) for key in FIELDS if key in numbers}
        if "class" in self.words:
            class_names = sorted({by_word["class"] for by_word in by_name})
            columns["class_names"] = class_names
            columns["label"] = [class_names.index(by_word["class"]) for by_word in by_name]
        return columns | ({"columns": numbers} if numbers else {})


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

"""Which clips a table means, and the classes that it adds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

import numpy as np

from ...errors import InputError
from ..clips import ClipSet
from ..writers.file_names import file_name

SOME = 5  # names that a note lists


class ClipNames:
    """Clips by the names that tables have for them.

    A row may give a clip's name, or the path of its file, with or without suffix and the folders
    above, or the name of a file that was written for it, which has no folders. The name alone is
    enough where one clip has it; that of a file of several clips, or of a folder, means all of
    them.

    Examples:
        >>> ClipNames(["a/walk", "a/sit", "b/sit"]).find("data/a/sit.csv", "t.csv")
        [1]
        >>> ClipNames(["a/walk", "a/sit"]).find("walk.bvh", "t.csv"), ClipNames(["a"]).find("b", "")
        ([0], [])
        >>> ClipNames(["a/walk", "a/sit"]).find("found/a_sit.txt", "t.txt")
        [1]
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._exact: dict[str, list[int]] = {}
        self._last: dict[str, list[int]] = {}
        self._above: dict[str, list[int]] = {}
        self._file: dict[str, list[int]] = {}
        for at, name in enumerate(names):
            self._exact.setdefault(name, []).append(at)
            path = PurePosixPath(name)
            self._last.setdefault(path.name, []).append(at)
            self._file.setdefault(file_name(name, ()), []).append(at)
            for parent in path.parents[:-1]:
                self._above.setdefault(str(parent), []).append(at)

    def find(self, text: str, where: str) -> list[int]:
        """The clips that a name means; none where there is no such clip.

        Raises:
            InputError: several clips have this name in different folders.
        """
        parts = [part for part in text.strip().replace("\\", "/").split("/") if part != "."]
        for first in range(len(parts)):
            whole = "/".join(parts[first:])
            for name in dict.fromkeys([whole, str(PurePosixPath(whole).with_suffix(""))
                                       if PurePosixPath(whole).name else whole]):  # fmt: skip
                for clips in (self._exact.get(name), self._above.get(name)):
                    if clips:
                        return clips
        last = parts[-1] if parts else ""
        for name in (last, last.rpartition(".")[0]):
            clips = (self._last.get(name) or self._file.get(name, [])) if name else []
            if len(clips) > 1:
                both = " and ".join(repr(self._names[at]) for at in clips[:2])
                raise InputError(f"{where}: {text[:80]!r} may be {both}; write the folder too")
            if clips:
                return clips
        return []


def classes_with(clips: ClipSet, words: Iterable[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """The classes of a set and further ones, and for each old label its new one.

    The old ones stay where they hold all the words, or where clips or segments use them; those that
    come new are sorted, numbers by their value.
    """
    names = clips.class_names
    if not set(words) <= set(names):
        labels = np.concatenate([clips.label, clips.segments[:, 3]])
        used = {names[label] for label in np.unique(labels[labels >= 0]).tolist()}
        names = tuple(sorted({*words, *used}, key=_by_value))
    moved = [names.index(name) if name in names else -1 for name in clips.class_names]
    return names, np.array([*moved, -1], np.int64)  # -1, unknown, stays


def listed(names: Sequence[str]) -> str:
    """The first names, for a note."""
    return ", ".join(names[:SOME]) + (", ..." if len(names) > SOME else "")


def _by_value(name: str) -> tuple[bool, int, str]:
    number = re.fullmatch(r"-?\d{1,18}", name)
    return not number, int(name) if number else 0, name

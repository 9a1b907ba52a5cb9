"""What a reader reads of a path, once its files are listed: all of it, or a part by somebody else.

Rules that span files (names, classes, the layout that the first one decides) are settled when the
files are listed. What then reads some of the items gives the same clips as what reads them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..errors import InputError
from .clips import ClipSet
from .pool import Progress

Item = Any  # what is in it, only its reader knows; `importing.signs.files_of` finds its files


class Empty(InputError):  # noqa: N818
    """Nothing is wrong, and there is no clip in it: nobody is seen."""


@dataclass
class Told:
    """What the items of a part say that only all parts together settle.

    Args:
        stated: class number -> its name, where a file says both.
        named: names of classes that have no number.
        top: the highest number of a class.
        unused: options and words of them that no file had; None: not asked.
        counts: attributes that are numbers, which are added.
    """

    stated: dict[int, str] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    top: int = -1
    unused: set[tuple[str, str]] | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def class_names(self) -> list[str]:
        """Those with a number by it, then the others in order."""
        names = [self.stated.get(label, str(label)) for label in range(self.top + 1)]
        return names + sorted(self.named - set(names), key=_order)


class Read(Protocol):
    """Reads some items of a listing; pickles."""

    def __call__(
        self,
        items: Sequence[Item],
        /,
        *,
        workers: int = 1,
        progress: Progress | None = None,
        scratch: str | Path | None = None,
        told: Told | None = None,
    ) -> ClipSet:
        """The items' clips, in their order.

        Raises:
            Empty: there are none in them.
            InputError: one cannot be read.
        """


@dataclass(frozen=True)
class Listing:
    """The items of a path in the order of their clips, and what reads them.

    Args:
        path: what the user named.
        items: in order; each has the files that it is read from, and pickles.
        read: what reads some of them.
        lead: given an item, `read` by what that says for all: the layout of files that have one of
            their own; None: nothing does.
        finish: what is done with the set of all clips; their joints need not be in memory.
        workers: processes that read, where the reader's own options say so.
    """

    path: Path
    items: Sequence[Item]
    read: Read
    lead: Callable[[Item], Read] | None = None
    finish: Callable[[ClipSet], ClipSet] = lambda clips: clips
    workers: int = 1

    def clips(
        self, *, progress: Progress | None = None, scratch: str | Path | None = None
    ) -> ClipSet:
        """All clips, read here.

        Raises:
            InputError: an item cannot be read, or there are no clips.
        """
        read = self.read(self.items, workers=self.workers, progress=progress, scratch=scratch)
        return self.finish(read)


def _order(name: str) -> tuple[bool, int, str]:
    number = name.isdecimal() and len(name) < 10
    return not number, int(name) if number else 0, name

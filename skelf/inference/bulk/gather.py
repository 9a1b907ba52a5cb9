"""Units done by a crew, and what they gave in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ...cluster import Crew
from ...errors import InputError
from .parts import CannotWrite, Parts, finished
from .records import Add, Texts, writing
from .units import Unit
from .verified import Verified, verified

Work = Callable[[Unit, Add, Texts, Path], None]
"""Does a unit: adds records, and to the summary; the last one is a folder for what is large."""


class Given(NamedTuple):
    """What a unit gave.

    Args:
        unit: it.
        part: the file of its records.
        summary: what that says last; None: there is a problem.
        problem: in one line; empty: none.
    """

    unit: Unit
    part: Path
    summary: Texts | None
    problem: str


def in_order(
    crew: Crew,
    work: Work,
    units: Sequence[Unit],
    parts: Parts,
    progress: Callable[[int, int], None] = lambda done, total: None,
    verify: bool = True,
) -> Iterator[Given]:
    """Has a crew do what is not there yet, and gives all in the units' order.

    Args:
        crew: does them.
        work: a function of a module, or a `partial` of one.
        units: in order.
        parts: where what they give lies.
        progress: called with units done and in all.
        verify: whether stores are compared with their checksums beside the work; false for clips
            in memory.

    Raises:
        OSError: a part could not be written.
    """
    there = [parts.there(number, unit) for number, unit in enumerate(units)]
    todo = [number for number, summary in enumerate(there) if summary is None]
    items = [(units[number], str(parts.path(number, units[number]))) for number in todo]
    found: dict[int, tuple[Texts | None, str]] = {
        number: (summary, "") for number, summary in enumerate(there) if summary is not None
    }
    done = len(found)
    progress(done, len(units))
    with verified(units if verify else ()) as stores, _naming(parts.out):
        coming = crew.each(partial(_done, work), items)
        for number, unit in enumerate(units):
            while number not in found or not stores.settled(unit.place):
                one = next(coming, None)
                if one is None:
                    break
                found[todo[one.index]] = one.value, one.problem
                done += 1
                progress(done, len(units))
            summary, problem = found.pop(number)
            yield _given(unit, parts.path(number, unit), summary, problem, stores)


def _given(unit: Unit, part: Path, summary: Texts | None, problem: str, stores: Verified) -> Given:
    damage = stores.problem(unit.place)
    if damage:
        return Given(unit, part, None, damage)
    if problem and unit.place.path.name not in problem:
        problem = f"{unit}: {problem}"
    return Given(unit, part, None if problem else summary, problem)


def _done(work: Work, item: tuple[Unit, str]) -> Texts:
    """Does a unit, wherever that is, unless a worker that died had finished it."""
    unit, part = item[0], Path(item[1])
    if (there := finished(part)) is not None:
        return there
    summary: Texts = {}
    with _told_apart(), writing(part, summary) as add:
        work(unit, add, summary, part.parent)
    return summary


@contextmanager
def _told_apart() -> Iterator[None]:
    """An error of writing ends the work, and one of reading is the unit's problem.

    `work` turns what it cannot read into an `InputError`.
    """
    try:
        yield
    except OSError as error:
        raise CannotWrite(error.errno or 0, error.strerror or str(error)) from None


@contextmanager
def _naming(out: Path) -> Iterator[None]:
    """An error of writing a part names what is written."""
    try:
        yield
    except CannotWrite as error:
        raise OSError(error.number, error.text, str(out)) from None


class Told:
    """Says each line once.

    Args:
        say: told them.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say, self._seen = say, set[str]()

    def __call__(self, line: str) -> None:
        """Says it, if it was not said before."""
        if line not in self._seen:
            self._seen.add(line)
            self._say(line)


class Tally:
    """What became of files.

    Args:
        files: of which something was read.
        problems: of the rest, a line each.
    """

    def __init__(self) -> None:
        self.files = 0
        self.problems: list[str] = []
        self._good: Path | None = None

    def take(self, given: Given) -> bool:
        """Counts a unit; whether there is something of it."""
        if given.problem:
            if given.problem not in self.problems[-1:]:
                self.problems.append(given.problem)
            return False
        if given.unit.place.path != self._good or given.unit.first == 0:
            self.files += 1
        self._good = given.unit.place.path
        return True

    def refuse_none(self) -> None:
        """Raises InputError where nothing could be read."""
        if not self.files:
            raise InputError("\n".join(self.problems))

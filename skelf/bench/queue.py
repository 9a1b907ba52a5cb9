"""Runs cells by a crew, each behind those that it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from ..checkpoints import folder as checkpoint
from ..cluster import Crew
from .cell import Cell
from .work import do_anywhere, failed

Tell = Callable[[Literal["start", "progress", "done", "failed", "blocked"], Cell, str, float], None]
"""Called with what happens to a cell, a text on it, and the share of it that is done."""


def run_cells(
    cells: Sequence[Cell], crew: Crew, tell: Tell, lost: Iterable[str] = ()
) -> dict[str, str]:
    """Runs cells; one that fails is noted, those that need it are left out, the rest goes on.

    Args:
        cells: those that are to be done, each behind the ones that it needs; what they need and is
            not among them is done.
        crew: does them.
        tell: called with what happens.
        lost: keys of cells that are not there and will not be: those that need them are left out.

    Returns:
        Key -> message of the cells that failed; "" of those that were left out.
    """
    queue = _Queue(cells, tell, lost)
    for done in crew.work(do_anywhere, queue.take, queue.progress, queue.reached):
        queue.finish(done.index, done.value, done.problem)
    return queue.bad


class _Queue:
    """The cells that wait, and what became of the others."""

    def __init__(self, cells: Sequence[Cell], tell: Tell, lost: Iterable[str]) -> None:
        self.waiting, self.tell = list(cells), tell
        self.taken: list[Cell] = []
        self.undone = {cell.key for cell in cells}
        self.bad = dict.fromkeys(lost, "")

    def take(self) -> Cell | None:
        """The first cell whose needs are done; None: there is none now."""
        for cell in list(self.waiting):
            if any(key in self.bad for key in cell.needs):
                self.waiting.remove(cell)
                self.undone.discard(cell.key)
                self.bad[cell.key] = ""
                self.tell("blocked", cell, "", 0.0)
            elif not self.undone.intersection(cell.needs):
                self.waiting.remove(cell)
                self.taken.append(cell)
                self.tell("start", cell, "", 0.0)
                return cell
        return None

    def progress(self, index: int, message: tuple[str, float]) -> None:
        """What a cell tells of itself."""
        self.tell("progress", self.taken[index], *message)

    def reached(self, index: int) -> float:
        """Steps of a pretraining that its next worker resumes behind; other cells begin anew."""
        cell = self.taken[index]
        newest = checkpoint.newest(cell.folder) if cell.kind == "pretrain" else None
        return checkpoint.step_of(newest) if newest else 0

    def finish(self, index: int, message: str | None, problem: str) -> None:
        """A cell has ended.

        Args:
            index: the how manieth that was taken.
            message: what went wrong in it; None: nothing.
            problem: what went wrong with its process.
        """
        cell = self.taken[index]
        if problem:
            message = failed(cell, RuntimeError(problem))
        self.undone.discard(cell.key)
        if message is not None:
            self.bad[cell.key] = message
        self.tell("done" if message is None else "failed", cell, message or "", 1.0)

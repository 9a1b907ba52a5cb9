"""What a person watches during a benchmark: a live bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from threading import Event, Thread
from types import TracebackType
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .cell import Cell
from .remaining import in_words, time_left

EVERY = 30.0
"""Seconds between two lines on what runs, where there is no terminal."""


class _Running(NamedTuple):
    cell: Cell
    began: float
    text: str  # such as its epoch
    share: float  # of it that is done


class BenchDisplay:
    """A listener for `run.bench`: what runs and which epoch, cells left, time left.

    On a terminal a bar shows it; elsewhere a line every so often, and one for each cell that ends.

    Args:
        console: where to draw.
        workers: cells that run side by side.
        every: seconds between two lines.
        clock: gives seconds.
    """

    def __init__(
        self,
        console: Console,
        workers: int = 1,
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.console, self.workers, self.every, self.clock = console, workers, every, clock
        self.running: dict[str, _Running] = {}
        self.waiting: Counter[str] = Counter()
        self.took: defaultdict[str, list[float]] = defaultdict(list)
        self.counts: Counter[str] = Counter()
        self.total = 0
        self.bar = Progress(
            TextColumn("cells"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]} failed, {task.fields[running]} running"),
            TimeElapsedColumn(),
            TextColumn("left: {task.fields[left]}"),
            TextColumn("{task.fields[what]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task(
            "", total=None, failed=0, running=0, left="", what="", visible=False
        )
        self._ended = Event()
        self._teller = Thread(target=self._tell, daemon=True)

    def __enter__(self) -> BenchDisplay:
        self._filters = warnings.catch_warnings()
        self._filters.__enter__()
        warnings.showwarning = self._note
        self.bar.start()
        self._teller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._teller.join()
        self.bar.stop()
        self._filters.__exit__(kind, error, trace)

    def _note(self, message: Warning | str, *_: object, **__: object) -> None:
        self._say(f"note: {message}")

    def expect(self, cells: int, still: Sequence[Cell]) -> None:
        """Takes the number of cells in all and those still to be run."""
        self.total, self.waiting = len(still), Counter(cell.kind for cell in still)
        self.bar.update(self.task, total=self.total, visible=True)
        self._say(f"{cells} cells, {self.total} to run")

    def __call__(self, kind: str, cell: Cell, text: str, share: float) -> None:
        """Shows what happens to a cell."""
        now = self.clock()
        if kind == "start":
            self.waiting[cell.kind] -= 1
            self.running[cell.key] = _Running(cell, now, "", 0.0)
        elif kind == "progress" and cell.key in self.running:
            self.running[cell.key] = self.running[cell.key]._replace(text=text, share=share)
        elif kind != "progress":
            self._end(kind, cell, text, now)
        self._draw()

    def status(self) -> str:
        """What runs and how much is left, in a line; "" while nothing runs."""
        running = list(self.running.values())
        if not running:
            return ""
        what = "; ".join(self._describe(entry) for entry in running)
        still = self.total - self.counts.total()
        return (
            f"{what}: {still} of {self.total} cell{'s' * (self.total != 1)} left, "
            f"time left: {in_words(self._left())}"
        )

    def _end(self, kind: str, cell: Cell, text: str, now: float) -> None:
        entry = self.running.pop(cell.key, None)
        seconds = 0.0 if entry is None else now - entry.began
        if entry is None:  # left out
            self.waiting[cell.kind] -= 1
        elif kind == "done":
            self.took[cell.kind].append(seconds)
        self.counts[kind] += 1
        ending = {"done": f"{seconds:.1f} s", "blocked": "left out"}.get(kind, f"FAILED: {text}")
        self._say(f"[{self.counts.total()}/{self.total}] {cell.title}: {ending}")

    def _describe(self, entry: _Running) -> str:
        return ", ".join(filter(None, (entry.cell.title, entry.text)))

    def _left(self) -> float | None:
        now = self.clock()
        running = [(e.cell.kind, now - e.began, e.share) for e in list(self.running.values())]
        side_by_side = max(self.workers, len(running))  # a scheduler has as many as it has
        return time_left(self.took, running, self.waiting, side_by_side)

    def _draw(self) -> None:
        running = list(self.running.values())
        self.bar.update(
            self.task,
            completed=self.counts.total(),
            failed=self.counts["failed"],
            running=len(running),
            left=in_words(self._left()) if running else "",
            what=escape(self._describe(running[0])) if running else "",
        )

    def _tell(self) -> None:
        """Tells how far it is, every so often: in a thread, since a cell may be silent for long."""
        while not self._ended.wait(self.every):
            if self.console.is_terminal:
                self._draw()
            elif text := self.status():
                self._say(text)

    def _say(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

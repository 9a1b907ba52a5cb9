"""The crew of processes of this machine.

They start in a tenth of the time of dask's and need no installation, so that `--workers` costs
nothing where no scheduler is named. The rules are those of `DaskCrew`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from pathlib import Path

from ..errors import InputError
from .crew import Done, Hear, R, Reached, T, Travels, taking
from .gpus import gpus
from .process import Given, Worker
from .tries import APART, LOST

AHEAD = 2
"""Items at each process of `each`: while the result of one travels, it has the next."""
MOST_STARTS = 3
"""Processes that may end before they begin, one after the other."""


class LocalCrew:
    """Does items in processes that end with this one, killed or not; see `Crew`.

    Args:
        workers: processes.
        logs: folder for what they print; None: where this process prints.
    """

    def __init__(self, workers: int, logs: Path | None) -> None:
        self.places, self._logs = workers, logs
        self._workers: list[Worker] = []

    def __enter__(self) -> LocalCrew:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    def each(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[Done[R]]:
        """See `Crew`."""
        return self._work(_Team(fn, taking(items), None, None, AHEAD))

    def work(
        self,
        fn: Callable[..., R],
        take: Callable[[], T | None],
        hear: Hear | None = None,
        reached: Reached | None = None,
    ) -> Iterator[Done[R]]:
        """See `Crew`; such items take long: none waits at a process."""
        return self._work(_Team(fn, take, hear, reached, 1))

    def _work(self, team: _Team) -> Iterator[Done[Travels]]:
        team.workers = self._workers = self._workers or self._hired()
        try:
            while team.feed():
                yield from team.ended()
        finally:
            for worker in self._workers:
                if worker.items:  # the work was given up
                    worker.end()

    def _hired(self) -> list[Worker]:
        if self._logs is not None:
            self._logs.mkdir(parents=True, exist_ok=True)
        threads = max(1, (os.cpu_count() or 1) // self.places)
        cards = gpus()
        return [
            Worker(
                threads,
                cards[number % len(cards)] if cards else None,
                self._logs and self._logs / f"worker{number}.log",
            )
            for number in range(self.places)
        ]  # fmt: skip


class _Team:
    """Workers and the items that they have, that came back, and that were set apart."""

    def __init__(
        self,
        fn: Callable[..., Travels],
        take: Callable[[], Travels],
        hear: Hear | None,
        reached: Reached | None,
        ahead: int,
    ) -> None:
        self.workers: list[Worker] = []
        self._fn, self._take, self._hear = fn, take, hear
        self._reached, self._ahead = reached or (lambda index: 0.0), ahead
        self._back: list[Given] = []
        self._apart: list[Given] = []
        self._count = self._stillborn = 0

    def feed(self) -> bool:
        """Gives items to those that have room; False: there is nothing more to do."""
        for depth in range(1, self._ahead + 1):
            for worker in self.workers:
                if len(worker.items) < depth and (given := self._next()) is not None:
                    self._give(worker, given)
        if not any(worker.items for worker in self.workers) and self._apart:
            self._give(self.workers[0], self._apart.pop(0))  # alone
        return any(worker.items for worker in self.workers)

    def ended(self) -> Iterator[Done[Travels]]:
        """Waits until somebody says something, and gives what of it is an item's end."""
        busy = {worker.connection: worker for worker in self.workers if worker.items}
        for connection in wait(list(busy)):
            worker = busy[connection]  # type: ignore[index]  # wait takes sockets, too
            kind, value = worker.hear()
            if kind == "ready":
                self._stillborn = 0
            elif kind == "told" and self._hear:
                self._hear(*value)
            elif kind == "end":
                yield Done(worker.items.popleft().index, *value)
            elif kind == "error":
                raise value
            elif kind == "died":
                yield from self._died(worker, value)

    def _died(self, worker: Worker, cause: str) -> Iterator[Done[Travels]]:
        items = list(worker.items)
        worker.items.clear()
        if not worker.is_ready:  # no item's fault
            self._stillborn += 1
            if self._stillborn >= MOST_STARTS:
                raise InputError(f"a worker cannot start: {cause}")
            self._back = [*items, *self._back]
            return
        index, _, tries = items[0]
        first = items[0]._replace(tries=tries.died(self._reached(index)))
        self._back = [*items[1:], *self._back]
        if first.tries.deaths < APART:
            self._back.insert(0, first)
        elif first.tries.deaths < LOST:
            self._apart.append(first)
        else:
            yield Done(index, None, f"took its worker with it three times: {cause}")

    def _give(self, worker: Worker, given: Given) -> None:
        worker.give(given, self._fn, self._hear is not None)

    def _next(self) -> Given | None:
        if self._back:
            return self._back.pop(0)
        item = self._take()
        if item is None:
            return None
        self._count += 1
        return Given(self._count - 1, item)

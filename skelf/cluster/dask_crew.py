"""The crew behind a scheduler of dask.distributed: workers come, go, die and are replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from .crew import Done, Hear, R, Reached, T, Travels, taking
from .flight import Flight, Sent
from .probe import Place
from .tries import APART, LOST
from .watch import Watch

if TYPE_CHECKING:
    from distributed import Client

AHEAD = 2
"""Parcels for each worker of `each`: while the result of one travels, it has the next."""
PARCEL = 0.2
"""Seconds of work that travel together: a parcel costs dask 5 ms, whatever is in it."""
LARGEST = 64
TOOK_IT = "took its worker with it, two times beside others and once alone; see the worker's log"


class DaskCrew:
    """Does items on the workers of a scheduler; see `Crew`.

    Args:
        client: connected.
        place: where the command was called.
        watch: knows the workers.
    """

    def __init__(self, client: Client, place: Place, watch: Watch) -> None:
        self._client, self._place, self._watch = client, place, watch

    @property
    def places(self) -> int:
        """See `Crew`."""
        return max(1, self._watch.workers)

    def each(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[Done[R]]:
        """See `Crew`."""
        return self._work(fn, _Waiting(taking(items), None, LARGEST), None, AHEAD)

    def work(
        self,
        fn: Callable[..., R],
        take: Callable[[], T | None],
        hear: Hear | None = None,
        reached: Reached | None = None,
    ) -> Iterator[Done[R]]:
        """See `Crew`; items that tell something take long: none waits at a worker."""
        return self._work(fn, _Waiting(take, reached, 1), hear, 1)

    def _work(
        self, fn: Callable[..., R], waiting: _Waiting, hear: Hear | None, ahead: int
    ) -> Iterator[Done[R]]:
        with Flight(self._client, fn, self._place, hear) as flight:
            while True:
                while len(flight) < ahead * self.places and (sent := waiting.next(flight.seconds)):
                    flight.send(sent)
                if not len(flight):
                    if not waiting.apart:
                        return
                    flight.send(waiting.apart.pop(0))  # alone
                ended = flight.ended(self._watch)
                if ended is None:  # but a worker may have come
                    continue
                sent, outcomes = ended
                if outcomes is None:
                    self._watch.count()  # what comes back waits here for a worker that is free
                    if waiting.died(sent):
                        yield Done(sent.first, None, TOOK_IT)
                    continue
                for at, outcome in enumerate(outcomes):
                    yield Done(sent.first + at, *outcome)


class _Waiting:
    """The items that nobody has: those to come, those that came back, and those set apart."""

    def __init__(self, take: Callable[[], Travels], reached: Reached | None, largest: int) -> None:
        self._take, self._largest = take, largest
        self._reached = reached or (lambda index: 0.0)
        self._back: list[Sent] = []
        self.apart: list[Sent] = []
        self._count = 0

    def next(self, seconds: float) -> Sent | None:
        """What is to be done next: as many items as travel together; None: there are none now.

        Args:
            seconds: that an item takes; 0: that is not known.
        """
        if self._back:
            return self._back.pop(0)
        size = int(PARCEL / seconds) if seconds else 1
        size = max(1, min(size, self._largest))
        items: list[Travels] = []
        while len(items) < size and (item := self._take()) is not None:
            items.append(item)
        first, self._count = self._count, self._count + len(items)
        return Sent(first, items) if items else None

    def died(self, sent: Sent) -> bool:
        """Takes back what a worker had that died; whether it is to be reported instead."""
        tries = sent.tries.died(self._reached(sent.first))
        # Of several that travelled together one may be why: from now on each goes by itself.
        one_each = [Sent(sent.first + at, [item], tries) for at, item in enumerate(sent.items)]
        if tries.deaths < APART:
            self._back = [*one_each, *self._back]
        elif tries.deaths < LOST:
            self.apart += one_each
        return tries.deaths >= LOST

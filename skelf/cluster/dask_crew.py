"""The crew behind a scheduler of dask.distributed: workers come, go, die and are replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from .crew import Done, Hear, R, T, taking
from .flight import Flight, Sent
from .probe import Place
from .watch import Watch

if TYPE_CHECKING:
    from distributed import Client

AHEAD = 2
"""Parcels for each worker of `each`: while the result of one travels, it has the next."""
PARCEL = 0.2
"""Seconds of work that travel together: a parcel costs dask 5 ms, whatever is in it."""
LARGEST = 64
LOST = "took its worker with it, two times beside others and once alone; see the worker's log"


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
        return self._work(fn, taking(items), None, AHEAD, LARGEST)

    def work(
        self, fn: Callable[..., R], take: Callable[[], T | None], hear: Hear | None = None
    ) -> Iterator[Done[R]]:
        """See `Crew`; items that tell something take long: none waits at a worker."""
        return self._work(fn, take, hear, 1, 1)

    def _work(
        self,
        fn: Callable[..., R],
        take: Callable[[], T | None],
        hear: Hear | None,
        ahead: int,
        largest: int,
    ) -> Iterator[Done[R]]:
        indices, apart = count(), list[Sent]()
        with Flight(self._client, fn, self._place, hear) as flight:
            while True:
                while len(flight) < ahead * self.places:
                    size = int(PARCEL / flight.seconds) if flight.seconds else 1
                    items = _some(take, max(1, min(size, largest)))
                    if not items:
                        break
                    sent = Sent(next(indices), items, deaths=int(len(items) == 1))
                    for _ in items[1:]:
                        next(indices)
                    flight.send(sent)
                if not len(flight):
                    if not apart:
                        return
                    flight.send(apart.pop(0))
                sent, outcomes = flight.ended(self._watch)
                if outcomes is not None:
                    for at, outcome in enumerate(outcomes):
                        yield Done(sent.first + at, *outcome)
                elif sent.alone:
                    yield Done(sent.first, None, LOST)
                elif len(sent.items) > 1:  # one of them may be why
                    for at, item in enumerate(sent.items):
                        flight.send(Sent(sent.first + at, [item], deaths=0))
                else:
                    apart.append(sent._replace(deaths=0, alone=True))


def _some(take: Callable[[], T | None], size: int) -> list[T]:
    """At most `size` items, as many as there are now."""
    items: list[T] = []
    while len(items) < size and (item := take()) is not None:
        items.append(item)
    return items

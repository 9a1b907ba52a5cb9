"""The crew behind a scheduler of dask.distributed: workers come, go, die and are replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from .crew import Done, Hear, R, T, taking
from .item import Outcome
from .probe import Place
from .task import ALONE, PREFIX, run
from .watch import Watch

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 2
"""Items for each worker of `each`: while the result of one travels, it has the next."""


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

    def each(self, fn: Callable[[T], R], items: Sequence[T]) -> Iterator[Done[R]]:
        """See `Crew`."""
        return self.work(fn, taking(items), ahead=AHEAD)

    def work(
        self,
        fn: Callable[..., R],
        take: Callable[[], T | None],
        hear: Hear | None = None,
        ahead: int = 1,
    ) -> Iterator[Done[R]]:
        """See `Crew`.

        Args:
            fn: see there.
            take: see there.
            hear: see there.
            ahead: items for each worker.
        """
        with _Flight(self._client, fn, self._place, hear) as flight:
            apart: list[tuple[int, T]] = []
            count = 0
            while True:
                while len(flight.items) < ahead * self.places and (item := take()) is not None:
                    flight.send(count, item)
                    count += 1
                if not flight.items:
                    if not apart:
                        return
                    flight.send(*apart.pop(0), alone=True)
                for index, item, alone, outcome in flight.ended(self._watch):
                    if outcome is None and not alone:
                        apart.append((index, item))
                    else:
                        yield Done(index, *(outcome or Outcome(None, LOST)))


LOST = "took its worker with it, two times beside others and once alone; see the worker's log"


class _Flight:
    """The items under way.

    Args:
        client: sends them.
        fn: what does them.
        place: where the command was called.
        hear: called with what they tell.
    """

    def __init__(
        self, client: Client, fn: Callable[..., Any], place: Place, hear: Hear | None
    ) -> None:
        self._client, self._fn, self._place, self._hear = client, fn, place, hear
        self._name = f"{PREFIX}{uuid4().hex}"
        self._topic = self._name if hear else ""
        self._events: SimpleQueue[Any] = SimpleQueue()  # futures that ended, and what was told
        self.items: dict[Future[Any], tuple[int, Any, bool]] = {}

    def __enter__(self) -> _Flight:
        if self._topic:
            self._client.subscribe_topic(self._topic, self._told)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # the scheduler may be gone
            self._client.cancel(list(self.items), force=True)
            if self._topic:
                self._client.unsubscribe_topic(self._topic)

    def send(self, index: int, item: Any, alone: bool = False) -> None:
        """Gives an item away."""
        key = f"{self._name}-{index}{ALONE if alone else ''}"
        future = self._client.submit(
            run, self._fn, item, self._place, self._topic, index, key=key, pure=False
        )
        self.items[future] = index, item, alone
        future.add_done_callback(self._events.put)

    def ended(self, watch: Watch) -> Iterator[tuple[int, Any, bool, Outcome | None]]:
        """Waits for items that ended: number, item, whether alone, outcome; None: workers died."""
        from distributed import KilledWorker

        while True:
            watch.look()
            with suppress(Empty):
                event = self._events.get(timeout=1.0)
                break
        if isinstance(event, tuple):
            index, message = event
            if self._hear and any(index == under_way[0] for under_way in self.items.values()):
                self._hear(index, message)
            return
        index, item, alone = self.items.pop(event)
        if event.status == "cancelled" or event.status == "lost":
            raise watch.gone()
        try:
            outcome = event.result()
        except KilledWorker:
            outcome = None
        yield index, item, alone, outcome

    def _told(self, event: tuple[float, Any]) -> None:
        self._events.put(tuple(event[1]))

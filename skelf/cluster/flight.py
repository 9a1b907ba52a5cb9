"""The items that are under way at a scheduler's workers, some of them travelling together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from .crew import Hear, Travels
from .item import Outcome
from .probe import Place
from .task import PREFIX, run
from .tries import Tries
from .watch import Watch

if TYPE_CHECKING:
    from distributed import Client, Future


class Sent(NamedTuple):
    """Items that travel together.

    Args:
        first: number of the first; the others follow it.
        items: what they are.
        tries: what became of workers that had them.
    """

    first: int
    items: Sequence[Travels]
    tries: Tries = Tries()


class Flight:
    """Sends items and tells which have ended.

    Args:
        client: sends them.
        fn: what does them.
        place: where the command was called.
        hear: called with what they tell.
    """

    def __init__(
        self, client: Client, fn: Callable[..., Travels], place: Place, hear: Hear | None
    ) -> None:
        self._client, self._place, self._hear = client, place, hear
        self._fn = _packed(fn)
        self._name = f"{PREFIX}{uuid4().hex}"
        self._topic = self._name if hear else ""
        self._events: SimpleQueue[Travels] = SimpleQueue()  # futures that ended, and what was told
        self._sent: dict[Future[Travels], Sent] = {}
        self._sendings = 0
        self.seconds = 0.0  # of an item, of late; 0: none has ended

    def __enter__(self) -> Flight:
        if self._topic:
            self._client.subscribe_topic(self._topic, self._told)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # the scheduler may be gone
            if self._sent:
                self._client.cancel(list(self._sent), force=True)
            if self._topic:
                self._client.unsubscribe_topic(self._topic)

    def __len__(self) -> int:
        return len(self._sent)

    def send(self, sent: Sent) -> None:
        """Gives items away."""
        self._sendings += 1
        future = self._client.submit(
            run, self._fn, _packed(list(sent.items)), self._place, self._topic, sent.first,
            key=f"{self._name}-{self._sendings}", pure=False,
        )  # fmt: skip
        self._sent[future] = sent
        future.add_done_callback(self._events.put)

    def ended(self, watch: Watch) -> tuple[Sent, list[Outcome] | None] | None:
        """Waits a second at most for items that end.

        Returns:
            Them and what they came to, which is None where their worker died; None: none ended.

        Raises:
            InputError: the scheduler has gone away, or all its workers have.
        """
        from distributed import CancelledError, KilledWorker

        future = self._event(watch)
        if future is None:
            return None
        sent = self._sent.pop(future)
        try:
            outcomes, seconds = _result(future, watch)
        except CancelledError:  # by nobody here
            raise watch.gone() from None
        except KilledWorker:
            return sent, None
        latest = seconds / len(outcomes)
        self.seconds = (self.seconds + latest) / 2 if self.seconds else latest
        return sent, outcomes

    def _event(self, watch: Watch) -> Future[Travels] | None:
        watch.look()
        try:
            event = self._events.get(timeout=1.0)
        except Empty:
            return None
        if not isinstance(event, tuple):
            return event
        index, message = event
        if self._hear and any(index == sent.first for sent in self._sent.values()):
            self._hear(index, message)
        return None

    def _told(self, event: tuple[float, Travels]) -> None:
        self._events.put(tuple(event[1]))


def _result(future: Future[Travels], watch: Watch) -> Travels:
    """What came; it is done again where its worker died before it could be fetched."""
    while True:
        watch.look()
        try:
            return future.result(timeout=5)
        except TimeoutError:  # an item's own is its problem
            continue


def _packed(value: object) -> bytes:
    """Pickled, with whatever a script defined itself."""
    from distributed.protocol.pickle import dumps

    return bytes(dumps(value))

"""One function over many items in several processes: results in order, few of them waiting.

This process takes part, so that one worker more is one process more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from threading import Lock
from typing import Any, Generic, TypeVar

from ..errors import InputError
from ..machine.memory import keep_freed
from ..machine.processes import end_with_parent
from ..settings.options import option
from .rooms import Packed, Shared, pack, rooms, unpack

T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[int, int], None]
"""Called with items done and items in all."""
MOST_WORKERS = 64
AHEAD = 2  # chunks at each other process: while one travels it works on the next
_shared: Shared = None  # what `rooms` gave, in another process
WAITING = 8  # chunks for each process that may be computed or begun: else results pile up


def workers_option() -> Any:  # a field, as of `option`
    """The field `workers` of a reader's options."""
    return option(1, "processes that parse", ge=1, le=MOST_WORKERS)


def ordered(fn: Callable[[T], R], items: Sequence[T], workers: int, chunk: int = 16) -> Iterator[R]:
    """`map(fn, items)`, computed ahead by this process and others.

    Args:
        fn: a function that pickles, as its results do.
        items: what it takes.
        workers: processes, this one among them. The others are spawned, not forked: a program that
            is itself a script needs the usual `if __name__ == "__main__":`.
        chunk: items that travel together.

    Raises:
        InputError: a number of workers that makes no sense; and whatever `fn` raises.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise InputError(f"workers: {workers}; use 1 to {MOST_WORKERS}")
    if workers == 1 or len(items) <= chunk:
        yield from map(fn, items)
        return
    chunks = [items[at : at + chunk] for at in range(0, len(items), chunk)]
    work = _Work(fn, chunks, workers - 1)
    try:
        yield from work.results()
    finally:
        work.end()


class _Work(Generic[T, R]):
    """Chunks that this process and others take, each the next one when it can.

    Args:
        fn: given an item.
        chunks: of items.
        others: processes.
    """

    def __init__(self, fn: Callable[[T], R], chunks: list[Sequence[T]], others: int) -> None:
        self.fn, self.chunks = fn, chunks
        self.done: list[Future[list[R]]] = [Future() for _ in chunks]
        self.taken = self.given = 0  # chunks that somebody took, and whose results went on
        self.most = WAITING * (others + 1)
        self.lock = Lock()
        spawn = get_context("spawn")  # a thread of a progress bar or of torch survives no fork
        self.shared = rooms(spawn, AHEAD * others)
        self.free: list[int] = []  # rooms
        self.pool = ProcessPoolExecutor(others, spawn, initializer=_begin, initargs=(self.shared,))
        for other in range(others):  # until it has started all is done here
            own = range(other * AHEAD, (other + 1) * AHEAD)
            self.pool.submit(int).add_done_callback(partial(self._started, own))

    def results(self) -> Iterator[R]:
        """Of all chunks in order; what nobody has taken is computed here meanwhile."""
        for number, done in enumerate(self.done):
            while not done.done() and (at := self._take()) is not None:
                _settle(self.done[at], partial(_all, self.fn, self.chunks[at]))
            yield from done.result()
            self.done[number] = Future()  # else all results stay until the last one has gone on
            self.given += 1
            self._hand_out()

    def end(self) -> None:
        """Nothing more is taken, and the other processes end."""
        with self.lock:
            self.taken = len(self.chunks)
        self.pool.shutdown(cancel_futures=True)

    def _take(self) -> int | None:
        """The next chunk that may be computed."""
        with self.lock:
            if self.taken >= min(len(self.chunks), self.given + self.most):
                return None
            self.taken += 1
            return self.taken - 1

    def _hand_out(self) -> None:
        """Gives each free room a chunk; a thread of the pool does it, too."""
        while True:
            with self.lock:
                if not self.free or self.taken >= min(len(self.chunks), self.given + self.most):
                    return
                room, at = self.free.pop(), self.taken
                self.taken += 1
            try:
                future = self.pool.submit(_packed, self.fn, self.chunks[at], room)
            except RuntimeError as error:  # another process was killed, or this one ends
                self.done[at].set_exception(error)
                return
            future.add_done_callback(partial(self._back, at, room))

    def _started(self, own: Sequence[int], future: Future[int]) -> None:
        if not future.cancelled() and not future.exception():
            self.free.extend(own)
            self._hand_out()

    def _back(self, at: int, room: int, future: Future[Packed]) -> None:
        """A chunk has come back: another one goes; after an error none does."""
        if future.cancelled():
            return
        error = future.exception()
        if error:
            self.done[at].set_exception(error)
            return
        _settle(self.done[at], lambda: unpack(future.result(), self.shared))
        self.free.append(room)
        self._hand_out()


def _settle(future: Future[R], compute: Callable[[], R]) -> None:
    try:
        future.set_result(compute())
    except Exception as error:  # it waits for its turn
        future.set_exception(error)


def _begin(shared: Shared) -> None:
    """What another process does first."""
    global _shared
    _shared = shared
    end_with_parent()  # else it would wait for work for ever when its parent is killed
    # Parsing allocates and frees the same blocks for every file: kept, it takes half the time.
    keep_freed()


def _all(fn: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [fn(item) for item in items]


def _packed(fn: Callable[[T], R], items: Sequence[T], room: int) -> Packed:
    return pack(_all(fn, items), _shared, room)

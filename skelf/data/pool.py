"""One function over many items in several processes: results in order, few of them waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from ..errors import InputError
from ..machine.memory import keep_freed
from ..machine.processes import end_with_parent
from ..settings.options import option

T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[int, int], None]
"""Called with items done and items in all."""
MOST_WORKERS = 64


def workers_option() -> Any:  # a field, as of `option`
    """The field `workers` of a reader's options."""
    return option(1, "processes that parse", ge=1, le=MOST_WORKERS)


def ordered(fn: Callable[[T], R], items: Sequence[T], workers: int, chunk: int = 16) -> Iterator[R]:
    """`map(fn, items)`, computed ahead by worker processes.

    Args:
        fn: a function that pickles, as its results do.
        items: what it takes.
        workers: processes; 1 computes here. Processes are spawned, not forked: a program that is
            itself a script needs the usual `if __name__ == "__main__":`.
        chunk: items that travel together.

    Raises:
        InputError: a number of workers that makes no sense; and whatever `fn` raises.
    """
    if not 1 <= workers <= MOST_WORKERS:
        raise InputError(f"workers: {workers}; use 1 to {MOST_WORKERS}")
    if workers == 1 or len(items) <= chunk:
        yield from map(fn, items)
        return
    waiting: deque[Future[list[R]]] = deque()
    # A thread of a progress bar or of torch does not survive a fork: spawn.
    # Parsing allocates and frees the same blocks for every file: kept, it takes half the time.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_begin)
    try:
        for at in range(0, len(items), chunk):
            waiting.append(pool.submit(_all, fn, items[at : at + chunk]))
            if len(waiting) > 2 * workers:  # else results pile up before a slow disk
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """What a worker does first."""
    end_with_parent()  # else it would wait for work for ever when its parent is killed
    keep_freed()


def _all(fn: Callable[[T], R], items: Sequence[T]) -> list[R]:
    return [fn(item) for item in items]

"""The crew that is this process: one item after the other, nothing else is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from .crew import Done, Hear, R, Reached, T, taking
from .item import attempt


class Alone:
    """Does items in this process; see `Crew`."""

    places = 1

    def each(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[Done[R]]:
        """See `Crew`."""
        return self.work(fn, taking(items))

    def work(
        self,
        fn: Callable[..., R],
        take: Callable[[], T | None],
        hear: Hear | None = None,
        reached: Reached | None = None,
    ) -> Iterator[Done[R]]:
        """See `Crew`."""
        index = 0
        while (item := take()) is not None:
            told = () if hear is None else (partial(hear, index),)
            yield Done(index, *attempt(fn, item, *told))
            index += 1

"""What does items, wherever that is; and what comes back of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")
# Any: the types that a caller gives end where things travel to another process.
Travels = Any
Hear = Callable[[int, Travels], None]
"""Called with an item's number and what the function told meanwhile."""
Reached = Callable[[int], float]
"""Given an item's number, how far it has come for good: what another try does not do again."""


class Done(NamedTuple, Generic[R]):
    """What became of an item.

    Args:
        index: its number, in the order in which items were taken.
        value: what the function returned; None where it failed.
        problem: in one line why it failed; "" where it is done.
    """

    index: int  # type: ignore[assignment]  # hides a method that tuples have
    value: R | None
    problem: str


class Crew(Protocol):
    """Does items, several at once.

    The function is of a module, or a `functools.partial` of one, with small arguments that pickle,
    and returns something small: what is large it writes to a file. It may be called twice for an
    item, if a worker died, and should see then what is done already.
    """

    @property
    def places(self) -> int:
        """Items that run at once; it changes where workers come and go."""
        ...

    def each(self, fn: Callable[[T], R], items: Iterable[T]) -> Iterator[Done[R]]:
        """Does all items and gives them as they finish; few of them are under way at a time.

        Items are taken one by one as there is room, so that they may be made meanwhile.

        An `InputError` or `OSError` is the item's problem and the rest goes on, as is the end of
        three workers that had it; any other exception ends the work.
        """
        ...

    def work(
        self,
        fn: Callable[..., R],
        take: Callable[[], T | None],
        hear: Hear | None = None,
        reached: Reached | None = None,
    ) -> Iterator[Done[R]]:
        """As `each`, of items that are asked for when there is room for one.

        Args:
            fn: given an item; with `hear` also a function that tells something small meanwhile.
            take: gives the next item, or None: there is none now. It is asked again and again, and
                the work ends when nothing is under way any more.
            hear: called with what items tell.
            reached: asked when a worker has died: its death counts against the item only if that
                got no further than at an earlier one, see `Tries`. None: every death counts.
        """
        ...


def taking(items: Iterable[T]) -> Callable[[], T | None]:
    """`take` of items that are all there."""
    left = iter(items)
    return lambda: next(left, None)

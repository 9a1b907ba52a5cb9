"""Whether stores are what was written, looked at beside the work and once for all who read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from ...data.clips import ClipSet
from ...errors import InputError
from ..source import Place
from .units import Unit


class Verified:
    """Stores that are read through once, in their order, by a thread.

    Args:
        futures: what is wrong with each.
    """

    def __init__(self, futures: dict[Place, Future[str]]) -> None:
        self._futures = futures

    def settled(self, place: Place) -> bool:
        """Whether it is known."""
        return place not in self._futures or self._futures[place].done()

    def problem(self, place: Place) -> str:
        """What is wrong, "": nothing; waits until it is known."""
        return self._futures[place].result() if place in self._futures else ""


@contextmanager
def verified(units: Sequence[Unit]) -> Iterator[Verified]:
    """Begins to look at the stores that units are of."""
    stores = list(dict.fromkeys(unit.place for unit in units if unit.total))
    with ThreadPoolExecutor(1) as pool:
        try:
            yield Verified({place: pool.submit(_problem, place) for place in stores})
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _problem(place: Place) -> str:
    try:
        ClipSet.open(place.path).verify()
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"{place.path}: cannot read: {error.strerror}"
    return ""

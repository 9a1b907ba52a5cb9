"""What runs on a worker of dask: one item at a time, in the folder where the command was called."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, cast

from ..errors import InputError
from ..machine.memory import keep_freed
from .crew import Travels
from .item import Outcome, attempt
from .probe import Place, misfit, standing_in

if TYPE_CHECKING:
    from dask.typing import Key
    from distributed import Worker

PREFIX = "skelf-"
"""Keys of our items begin so."""
_one = Lock()  # random state and thread counts are the process's: two items would share them


class Misfit(InputError):  # noqa: N818
    """A worker that came later cannot do the work: no item's problem, so that it ends it."""


class GivenUp(BaseException):
    """Nobody waits for this item any more: what does it ends at the next thing that it tells."""


class Ended(NamedTuple):
    """What came of the items that travelled together.

    Args:
        outcomes: one each.
        seconds: that they took together.
    """

    outcomes: list[Outcome]
    seconds: float


def run(fn: bytes, items: bytes, place: Place, topic: str, index: int) -> Ended:
    """Does some items, one after the other.

    Args:
        fn: the function, pickled: a scheduler that reads what it hands on need not know it.
        items: what it takes, a pickled list.
        place: where the command was called.
        topic: under which what an item tells is sent; "": it tells nothing.
        index: the first item's number.

    Raises:
        Misfit: this worker is not fit for it.
    """
    from distributed import get_worker

    worker = get_worker()
    told = (partial(_tell, worker, worker.get_current_task(), topic, index),) if topic else ()
    with _one, suppress(GivenUp):
        if lack := misfit(place):
            raise Misfit(f"worker {worker.address} {lack}")
        keep_freed()  # parsing and training free and need the same blocks again
        with standing_in(place.folder):
            begun = time.perf_counter()
            outcomes = [attempt(_loaded(fn), item, *told) for item in pickle.loads(items)]
            return Ended(outcomes, time.perf_counter() - begun)
    return Ended([], 0.0)  # to nobody


def _tell(worker: Worker, key: Key, topic: str, index: int, message: Travels) -> None:
    task = worker.state.tasks.get(key)
    if task is None or task.state == "cancelled":
        raise GivenUp
    worker.log_event(topic, (index, message))


@lru_cache(maxsize=8)
def _loaded(fn: bytes) -> Callable[..., Travels]:
    return cast(Callable[..., Travels], pickle.loads(fn))

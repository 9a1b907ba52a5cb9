"""What runs on a worker of dask: one item at a time, in the folder where the command was called."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from ..errors import InputError
from .item import Outcome, attempt
from .probe import Place, misfit, standing_in

PREFIX = "skelf-"
"""Keys of our items begin so."""
ALONE = "-alone"
"""They end so where nothing else is under way."""
_one = Lock()  # random state and thread counts are the process's: two items would share them


class Misfit(InputError):  # noqa: N818
    """A worker that came later cannot do the work: no item's problem, so that it ends it."""


def run(fn: Callable[..., Any], item: Any, place: Place, topic: str, index: int) -> Outcome:
    """Does an item.

    Args:
        fn: the function.
        item: what it takes.
        place: where the command was called.
        topic: under which what the item tells is sent; "": it tells nothing.
        index: the item's number.

    Raises:
        Misfit: this worker is not fit for it.
    """
    from distributed import get_worker

    worker = get_worker()
    told = (lambda message: worker.log_event(topic, (index, message)),) if topic else ()
    with _one:
        if lack := misfit(place):
            raise Misfit(f"worker {worker.address} {lack}")
        with standing_in(place.folder):
            return attempt(fn, item, *told)

"""Looks after the workers of a scheduler: how many, whether they are fit, whether any are left."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import InputError
from .probe import Place, misfit

if TYPE_CHECKING:
    from distributed import Client


class Watch:
    """The workers.

    Args:
        client: connected.
        name: of the scheduler, as people know it.
        patience: seconds without any worker until that is an error; None: it never is.
        remedy: what to do where there are none.
    """

    def __init__(self, client: Client, name: str, patience: float | None, remedy: str) -> None:
        self._client, self._name, self._patience, self._remedy = client, name, patience, remedy
        self._looked = self._seen = time.monotonic()
        self.workers = 0

    def start(self, place: Place, say: Callable[[str], None]) -> None:
        """Waits for the first worker, and asks all that are there whether they are fit.

        Raises:
            InputError: one is not or the scheduler is not, or there are none.
        """
        self._check_scheduler(place)
        self.count()
        if not self.workers:
            say(f"scheduler {self._name}: waiting for workers")
        while not self.workers:
            time.sleep(0.1)
            self.look()
        answers = self._client.run(misfit, place, on_error="return")
        for address, answer in answers.items():
            if isinstance(answer, OSError):  # it ended just now
                continue
            if isinstance(answer, Exception):  # of whatever kind where it could not be read
                answer = f"cannot load skelf ({answer}); install it there as it is here"
            if answer:
                raise InputError(f"worker {address} {answer}")

    def _check_scheduler(self, place: Place) -> None:
        """It reads what it hands on, without files and without torch."""
        versions = tuple(pair for pair in place.versions if pair[0] in ("skelf", "Python"))
        try:
            lack = self._client.run_on_scheduler(misfit, Place("", versions, ()))
        except OSError:
            raise self.gone() from None
        except Exception as error:  # of whatever kind where it could not be read
            lack = f"cannot load skelf ({error}); install it there as it is here"
        if lack:
            raise InputError(f"scheduler {self._name} {lack}")

    def look(self) -> None:
        """About once a second: counts the workers.

        Raises:
            InputError: there have been none for too long, or one that does several items at once.
        """
        if time.monotonic() - self._looked >= 1 or not self.workers:
            self.count()
        if self.workers:
            self._seen = time.monotonic()
        elif self._patience is not None and time.monotonic() - self._seen > self._patience:
            raise InputError(
                f"scheduler {self._name}: no workers for {self._patience:.0f} s; {self._remedy}"
            )

    def gone(self) -> InputError:
        """The error where the scheduler does not answer any more."""
        return InputError(
            f"scheduler {self._name}: has gone away; start it and its workers and call the same "
            "command: what is finished is not done again"
        )

    def count(self) -> None:
        """Counts the workers now.

        Raises:
            InputError: as `look`, or the scheduler does not answer.
        """
        try:
            threads = self._client.nthreads()
        except (OSError, TimeoutError, RuntimeError):
            raise self.gone() from None
        self._looked = time.monotonic()
        self.workers = len(threads)
        for address, count in threads.items():
            if count != 1:
                raise InputError(
                    f"worker {address} has {count} threads, and does one item at a time: start it "
                    f"by `dask worker {self._name} --nworkers {count} --nthreads 1`"
                )

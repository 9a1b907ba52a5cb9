"""A process of this machine that does items: how it is started, fed and heard."""

from __future__ import annotations

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import NamedTuple

from .crew import Travels
from .serve import serve
from .tries import Tries


class Given(NamedTuple):
    """An item at a process.

    Args:
        index: its number.
        item: what it is.
        tries: what became of processes that had it.
    """

    index: int  # type: ignore[assignment]  # hides a method that tuples have
    item: Travels
    tries: Tries = Tries()


class Worker:
    """A process; started when it gets its first item, and anew after its death.

    Args:
        threads: that it may use where OMP_NUM_THREADS does not say.
        gpu: the only GPU that it sees; None: all of them.
        log: file for what it prints; None: where this process prints.
    """

    def __init__(self, threads: int, gpu: str | None, log: Path | None) -> None:
        self.items: deque[Given] = deque()  # the first is what it does, the others wait at it
        self.connection: Connection
        self.is_ready = False  # it has begun to take items
        self._log = log
        self._does: Callable[..., Travels] | None = None  # what it was told to do
        self._arguments = (threads, gpu, None if log is None else str(log))
        self._process: SpawnProcess | None = None

    def give(self, given: Given, fn: Callable[..., Travels], hears: bool) -> None:
        """Gives it one item more.

        Args:
            given: the item.
            fn: what does it.
            hears: whether `fn` tells something meanwhile.
        """
        if not self.items and (self._process is None or not self._process.is_alive()):
            self._start()  # it may have died between two items
        self.items.append(given)
        with suppress(BrokenPipeError, ConnectionError):  # it has died, which `hear` will tell
            if self._does is not fn:
                self.connection.send((fn, hears))
                self._does = fn
            self.connection.send((given.index, given.item))

    def hear(self) -> tuple[str, Travels]:
        """What it says: `ready`, `told`, `end` or `error`; or that it died."""
        try:
            kind, value = self.connection.recv()
        except (EOFError, OSError):
            return "died", self._cause()
        self.is_ready = True
        return kind, value

    def end(self) -> None:
        """Ends it, whatever it does."""
        if self._process is not None:
            self._process.terminate()
            self._process.join()
            self._process = None
        self.items.clear()

    def _start(self) -> None:
        self.is_ready, self._does = False, None
        context = get_context("spawn")  # a thread of a progress bar or of torch survives no fork
        self.connection, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other, *self._arguments))
        with _printing_to(self._log):  # what stops it before `serve` as well
            self._process.start()
        other.close()  # so that its death ends the pipe

    def _cause(self) -> str:
        assert self._process is not None
        self._process.join()
        code, self._process = self._process.exitcode or 0, None
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        killed = code == -signal.SIGKILL
        if self._log is None:
            return f"its process ended with {how}{' (out of memory?)' * killed}"
        cause = "out of memory?" if killed else _last_line(self._log)
        return f"its process ended with {how}, see {self._log}: {cause}"


@contextmanager
def _printing_to(log: Path | None) -> Iterator[None]:
    """What processes that start here print goes to a file from their first moment on."""
    if log is None:
        yield
        return
    sys.stdout.flush()
    sys.stderr.flush()
    before = [os.dup(descriptor) for descriptor in (1, 2)]
    try:
        with log.open("a") as file:
            for descriptor in (1, 2):
                os.dup2(file.fileno(), descriptor)
        yield
    finally:
        for descriptor, kept in zip((1, 2), before, strict=True):
            os.dup2(kept, descriptor)
            os.close(kept)


def _last_line(log: Path) -> str:
    """The last line that a worker printed, an error's message where there was one."""
    try:
        lines = log.read_text("utf-8", errors="replace").split("\n")
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    printed = [line.strip() for line in lines if line.strip()]
    if not printed or printed[-1].startswith("# "):
        return "it printed nothing"
    return printed[-1][:300]

"""The life of a process that does items: they come in, what became of them goes out."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection

from ..machine.memory import keep_freed
from ..machine.processes import end_with_parent
from .crew import Travels
from .item import attempt


def serve(connection: Connection, threads: int, gpu: str | None, log: str | None) -> None:
    """Does items until there are no more.

    Args:
        connection: to the process that hands them out: a number and an item each time, and before
            the first the function that does them, and whether it tells something meanwhile.
        threads: threads that it may use where OMP_NUM_THREADS does not say.
        gpu: the only GPU that it sees; None: all of them.
        log: file for what it prints; None: where its parent prints.
    """
    wanted = os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # a user's own counts
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that hands out
    end_with_parent()
    keep_freed()
    if log is not None:
        with open(log, "a", encoding="utf-8") as file:
            for descriptor in (1, 2):
                os.dup2(file.fileno(), descriptor)
    if "torch" in sys.modules:  # by the program that started this
        sys.modules["torch"].set_num_threads(int(wanted) if wanted.isdigit() else threads)
    connection.send(("ready", None))
    fn: Callable[..., Travels]
    hears = False
    while True:
        try:
            first, second = connection.recv()
        except EOFError:
            return
        if callable(first):
            fn, hears = first, second
            continue
        told = (partial(_tell, connection, first),) if hears else ()
        answer: tuple[str, Travels]
        try:
            answer = "end", attempt(fn, second, *told)
        except Exception as error:  # no item's problem
            error.add_note("".join(traceback.format_exception(error)))
            answer = "error", error
        sys.stdout.flush()
        try:
            connection.send(answer)
        except OSError:
            return
        except Exception as error:  # what does not pickle
            connection.send(("error", RuntimeError(f"{answer[1]!r}: {error}")))


def _tell(connection: Connection, index: int, message: Travels) -> None:
    connection.send(("told", (index, message)))

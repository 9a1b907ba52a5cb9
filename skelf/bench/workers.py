"""Runs cells: one after the other in this process, or side by side in worker processes.

A worker that dies takes one cell with it; another takes its place. Workers end with this process,
killed or not: what they had begun resumes from its checkpoint.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Literal

from ..machine.processes import end_with_parent
from .cell import Cell
from .work import do, failed

Tell = Callable[[Literal["start", "progress", "done", "failed", "blocked"], Cell, str, float], None]
"""Called with what happens to a cell, a text on it, and the share of it that is done."""


def run_cells(
    cells: Sequence[Cell], workers: int, tell: Tell, logs: Path, lost: Iterable[str] = ()
) -> dict[str, str]:
    """Runs cells; one that fails is noted, those that need it are left out, the rest goes on.

    Args:
        cells: those that are to be done, each behind the ones that it needs; what they need and is
            not among them is done.
        workers: processes; with 1 this one does it all.
        tell: called with what happens.
        logs: folder for what workers print.
        lost: keys of cells that are not there and will not be: those that need them are left out.

    Returns:
        Key -> message of the cells that failed; "" of those that were left out.
    """
    queue = _Queue(cells, tell, lost)
    if workers == 1:
        while (cell := queue.take()) is not None:
            queue.finish(cell, do(cell, partial(tell, "progress", cell)))
    else:
        _side_by_side(queue, min(workers, max(len(cells), 1)), tell, logs)
    return queue.bad


class _Queue:
    """The cells that wait, and what became of the others."""

    def __init__(self, cells: Sequence[Cell], tell: Tell, lost: Iterable[str]) -> None:
        self.waiting, self.tell = list(cells), tell
        self.undone = {cell.key for cell in cells}
        self.bad = dict.fromkeys(lost, "")

    def take(self) -> Cell | None:
        """The first cell whose needs are done; None: there is none now."""
        for cell in list(self.waiting):
            if any(key in self.bad for key in cell.needs):
                self.waiting.remove(cell)
                self.undone.discard(cell.key)
                self.bad[cell.key] = ""
                self.tell("blocked", cell, "", 0.0)
            elif not self.undone.intersection(cell.needs):
                self.waiting.remove(cell)
                self.tell("start", cell, "", 0.0)
                return cell
        return None

    def finish(self, cell: Cell, message: str | None) -> None:
        self.undone.discard(cell.key)
        if message is not None:
            self.bad[cell.key] = message
        self.tell("done" if message is None else "failed", cell, message or "", 1.0)


def _side_by_side(queue: _Queue, count: int, tell: Tell, logs: Path) -> None:
    logs.mkdir(parents=True, exist_ok=True)
    gpus = _gpus()
    team = [_Worker(number, count, gpus, logs) for number in range(count)]
    try:
        while True:
            for worker in team:
                if worker.cell is None and (cell := queue.take()) is not None:
                    worker.give(cell)
            busy = [(worker, worker.cell) for worker in team if worker.cell is not None]
            if not busy:
                return
            ready = wait([worker.connection for worker, _ in busy])
            for worker, cell in busy:
                if worker.connection not in ready:
                    continue
                kind, text, share = worker.hear()
                if kind == "progress":
                    tell("progress", cell, str(text), share)
                else:
                    worker.cell = None
                    queue.finish(cell, text)
    finally:
        for worker in team:
            worker.end()


class _Worker:
    """A process that does one cell after the other; started when it gets its first."""

    def __init__(self, number: int, count: int, gpus: Sequence[str], logs: Path) -> None:
        self.cell: Cell | None = None
        threads = max(1, (os.cpu_count() or 1) // count)
        gpu = gpus[number % len(gpus)] if gpus else None
        self._arguments = (threads, gpu, str(logs / f"worker{number}.log"))
        self._process: SpawnProcess | None = None
        self.connection: Connection

    def give(self, cell: Cell) -> None:
        if self._process is None or not self._process.is_alive():  # it may die between two cells
            context = get_context("spawn")
            self.connection, other = context.Pipe()
            self._process = context.Process(target=serve, args=(other, *self._arguments))
            with _printing_to(Path(self._arguments[2])):  # what stops it before `serve` as well
                self._process.start()
            other.close()  # so that a worker's death ends the pipe
        self.cell = cell
        with suppress(OSError):  # it died at once, which `hear` will tell
            self.connection.send(cell)

    def hear(self) -> tuple[str, str | None, float]:
        """What it says; a death counts as the failure of its cell."""
        try:
            kind, text, share = self.connection.recv()
            return kind, text, share
        except (EOFError, OSError):
            assert self.cell is not None and self._process is not None
            self._process.join()
            code, log = self._process.exitcode or 0, self._arguments[2]
            self._process = None
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            cause = "out of memory?" if code == -signal.SIGKILL else _last_line(Path(log))
            error = RuntimeError(f"its process ended with {how}, see {log}: {cause}")
            return "end", failed(self.cell, error), 1.0

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.join()


def serve(connection: Connection, threads: int, gpu: str | None, log: str) -> None:
    """A worker's life: cells come in, None or a message goes out.

    Args:
        connection: to the process that hands out cells.
        threads: threads that it may use where OMP_NUM_THREADS does not say.
        gpu: the only GPU that it sees; None: all of them.
        log: file for what it prints.
    """
    wanted = os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # a user's own counts
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that hands out
    end_with_parent()
    with open(log, "a", buffering=1, encoding="utf-8") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
        if "torch" in sys.modules:  # by the program that started this
            sys.modules["torch"].set_num_threads(int(wanted) if wanted.isdigit() else threads)
        while True:
            try:
                cell = connection.recv()
            except EOFError:
                return
            print(f"# {cell.title}", flush=True)
            message = do(cell, lambda text, share: connection.send(("progress", text, share)))
            connection.send(("end", message, 1.0))


@contextmanager
def _printing_to(log: Path) -> Iterator[None]:
    """What processes that start here print goes to a file from their first moment on."""
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


def _gpus() -> list[str]:
    """Where there are several GPUs, each worker gets one of them."""
    import torch

    if torch.cuda.device_count() < 2:
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(i) for i in range(torch.cuda.device_count())]

"""What a cell is: one call of pretrain, evaluate or fuse, in whatever process."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable
from multiprocessing import parent_process
from pathlib import Path

from ..errors import InputError
from ..files import write_text
from ..results.rows import write_rows
from ..training.log import Event
from .cell import Cell

Progress = Callable[[str, float], None]
"""Called with how far a cell is: in words, and the share that is done."""


def do(cell: Cell, tell: Progress = lambda text, share: None) -> str | None:
    """Does a cell and notes that it is done.

    Args:
        cell: what to do; the cells that it needs must be done.
        tell: called about once a second with how far a pretraining is.

    Returns:
        None, or in one line what went wrong: the rest stands in the cell's error file.
    """
    try:
        cell.error.unlink(missing_ok=True)
        cell.mark(done=False)
        _do(cell, tell)
        cell.mark(done=True)
    except Exception as error:  # whatever one cell has, the others go on
        return failed(cell, error)
    return None


def do_anywhere(cell: Cell, told: Callable[[tuple[str, float]], None]) -> str | None:
    """`do` in whatever process of a crew; what a worker that died had finished stays as it is."""
    if parent_process() is not None:
        print(f"# {cell.title}", flush=True)  # in the worker's log
    return None if _is_done(cell) else do(cell, lambda text, share: told((text, share)))


def _is_done(cell: Cell) -> bool:
    if not cell.marker.exists():
        return False
    from .state import state_of  # not above: it loads torch, which a fusion has no use for

    return state_of(cell, retry=True) == "done"


def failed(cell: Cell, error: Exception) -> str:
    """Writes a cell's error file, the message first, and returns the message."""
    text = next(iter(str(error).strip().splitlines()), "")
    if not text or not isinstance(error, InputError | OSError | RuntimeError):
        text = f"{type(error).__name__}: {text}".removesuffix(": ")
    whole = "".join(traceback.format_exception(error))
    try:
        write_text(cell.error, f"{text}\n\n{whole}")
    except OSError as full:
        text += f" (and {cell.error} cannot be written: {full.strerror})"
    return text


def _do(cell: Cell, tell: Progress) -> None:
    if cell.kind == "fuse":
        _fuse(cell)
        return
    from .. import api  # torch takes seconds, and reads at its import how many threads it has

    if cell.kind == "judge":
        api.evaluate(**cell.call, out=cell.results)
        return

    told = 0.0

    def listen(event: Event) -> None:
        nonlocal told
        if event["event"] == "step" and time.monotonic() - told >= 1:
            told, epochs = time.monotonic(), event["epochs"]
            share = (event["epoch"] + event["batch"] / event["batches"]) / epochs
            tell(f"epoch {event['epoch'] + 1}/{epochs}", share)

    resume = (cell.folder / "config.json").exists()
    api.pretrain(**cell.call, resume=resume, listener=listen)


def _fuse(cell: Cell) -> None:
    files = cell.call["files"]
    if not any(Path(file).exists() for file in files):  # a protocol without class scores
        write_rows(cell.results, [])
        return
    from ..results import fusion

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fusion.fuse(files, out=cell.results)

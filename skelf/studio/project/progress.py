"""How far a background process is, as numbers on the disk that any window may read."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Literal, NamedTuple

from ...files import write_text
from ...machine import processes

State = Literal["none", "running", "done", "stopped"]
SILENT = 120.0
"""Seconds without a word after which a process counts as stopped that cannot be asked."""


class Failed(NamedTuple):
    """A file that could not be read, and why."""

    source: str
    reason: str


class Progress(NamedTuple):
    """Where work stands.

    Args:
        state: "none": never begun; "stopped": its process has ended before it was done, by a
            failure that `problem` tells or by a kill; to begin again goes on.
        done: parts done.
        total: parts in all; 0 while that is not known.
        current: what it is about.
        failed: parts that were passed over.
        problem: why it ended early; empty where nothing is known.
        process: whose work it is, see `processes.mark`.
        at: when this was written, in seconds since 1970.
    """

    state: State = "none"
    done: int = 0
    total: int = 0
    current: str = ""
    failed: tuple[Failed, ...] = ()
    problem: str = ""
    process: str = ""
    at: float = 0.0


def read(path: Path) -> Progress:
    """What was written last; a process that is not there any more has stopped."""
    try:
        told = json.loads(path.read_text("utf-8"))
        failed = tuple(Failed(*each) for each in told.pop("failed"))
        progress = Progress(**told, failed=failed)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Progress()
    if progress.state != "running":
        return progress
    alive = processes.is_alive(progress.process)
    if alive is None:
        alive = time.time() - progress.at < SILENT
    return progress if alive else progress._replace(state="stopped")


def write(path: Path, progress: Progress) -> None:
    """Writes it whole, as of this process.

    Raises:
        OSError: it cannot be written.
    """
    own = progress._replace(process=processes.mark(), at=time.time())
    write_text(path, json.dumps(own._asdict()) + "\n")

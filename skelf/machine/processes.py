"""Which process is it: a mark that tells whether its process still lives, and who ends with whom.

A number alone does not say it: numbers come again, and another machine or container that writes
into the same folder counts its own.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from multiprocessing import parent_process
from pathlib import Path

MARK = re.compile(r"([0-9a-f]{8})-([0-9]+)-([0-9]+)")
"""What `mark` gives: where numbers of processes count, the number, and when it began."""


def mark() -> str:
    """This process, as text for names of files."""
    number = os.getpid()
    return f"{_realm()}-{number}-{_began(number) or 0}"


def is_alive(text: str) -> bool | None:
    """Whether the process of a `mark` still lives; None where that cannot be known from here.

    It cannot be known of a process of another machine, of another container, of the time before
    the machine was started anew, and not at all on Windows.
    """
    match = MARK.fullmatch(text)
    if match is None or match[1] != _realm() or os.name == "nt":
        return None
    number, began = int(match[2]), int(match[3])
    try:
        os.kill(number, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # it is there, of another user
    now = _began(number)
    return now is None or not began or now == began  # else the number came again


def end_with_parent() -> None:
    """Ends this process, one that `multiprocessing` started, as soon as its parent has ended.

    Killed or not: the parent's end closes a pipe that this one waits at, on every system.
    """
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@cache
def _realm() -> str:
    """Where a number means one process: this machine since its start, this container."""
    parts = [socket.gethostname()]
    with suppress(OSError):  # not Linux
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text("ascii"))
        parts.append(os.readlink("/proc/self/ns/pid"))
    return blake2b(repr(parts).encode(), digest_size=4).hexdigest()


def _began(number: int) -> int | None:
    """When a process began, in the system's own count; 0 of one that has ended and is not yet
    collected, None where it cannot be read.
    """
    try:
        fields = Path(f"/proc/{number}/stat").read_text("utf-8", "replace").rpartition(")")[2]
        state, threads, began = (fields.split()[at] for at in (0, 17, 19))
    except (OSError, ValueError, IndexError):
        return None
    has_ended = state in "ZX" and int(threads) <= 1  # of several threads the first may be gone
    return 0 if has_ended else int(began)

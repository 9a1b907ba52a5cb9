"""Files at which the process that reads them has died: after two tries the rest goes on without.

A reader that crashes, or for which the memory does not suffice, takes its whole process with it.
What is being read is therefore noted before. An end that somebody asked for is no try.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

FILE = "import.tries.json"
MOST = 2
"""Times that a file may end the process."""


class Tries:
    """What the notes of a project say; those of a process that died are counted at once.

    Args:
        place: the project's folder.
    """

    def __init__(self, place: Path) -> None:
        self._path = place / FILE
        self._ended, at = _read(self._path)
        if at:
            self._ended[at] = self._ended.get(at, 0) + 1
            self._write("")

    def problem(self, source: str, stamp: str) -> str:
        """Why a source is not read again; empty: it may be.

        Args:
            source: its path in the folder.
            stamp: of its content and of what reads it: another one has tries of its own.
        """
        count = self._ended.get(_key(source, stamp), 0)
        if count < MOST:
            return ""
        return (
            f"reading it has ended the whole process {count} times, by a crash or for want of "
            "memory; mend the file or take it out, or look for new recordings to try it again"
        )

    def begin(self, source: str, stamp: str) -> None:
        """A source is about to be read."""
        self._write(_key(source, stamp))

    def end(self) -> None:
        """It was read, or could not be; the process is alive."""
        self._write("")

    def _write(self, at: str) -> None:
        # Neither synced nor replaced: it is for a process that dies, not for a machine that does.
        self._path.write_text(json.dumps({"at": at, "ended": self._ended}), "utf-8")


def died(place: Path) -> bool:
    """Whether a process that is gone was reading a file: another one counts it, and goes on."""
    return bool(_read(place / FILE)[1])


def forget(place: Path) -> None:
    """A person wants all files to be tried again."""
    (place / FILE).unlink(missing_ok=True)


def forgive(place: Path) -> None:
    """What is being read is not to be counted: the process is about to end as it was asked to."""
    path = place / FILE
    with suppress(OSError):
        ended, _ = _read(path)
        path.write_text(json.dumps({"at": "", "ended": ended}), "utf-8")


def _key(source: str, stamp: str) -> str:
    return f"{stamp} {source}"


def _read(path: Path) -> tuple[dict[str, int], str]:
    try:
        told = json.loads(path.read_text("utf-8"))
        return {str(key): int(count) for key, count in told["ended"].items()}, str(told["at"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}, ""

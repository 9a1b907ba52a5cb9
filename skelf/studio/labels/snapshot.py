"""The labels at one entry of a journal, beside it, so that opening need not go through all of them.

It is a shortcut and nothing else: one that is missing, damaged or of another journal is passed
over, and the journal is gone through from its start.
"""

from __future__ import annotations

import json
from array import array
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from ...files import write_text
from .recordings import Packed, Recordings
from .segment import KINDS, ORIGINS, Segment
from .state import Labels

FORMAT, VERSION = "skelf-labels-state", 2


class Head(NamedTuple):
    """Up to where a journal was checked.

    Args:
        entry: the last one that was.
        crc: of the journal's lines up to there.
        end: the byte behind it.
        raw: checksum of the file's bytes up to there: it says in a moment that they are the same.
    """

    entry: int
    crc: int
    end: int
    raw: int


class State(NamedTuple):
    """What the labels were at an entry.

    Args:
        entry: its number.
        labels: by then.
        done: actions that can be undone.
        undone: actions that can be done again.
    """

    entry: int
    labels: Labels
    done: array[int]
    undone: array[int]


def place_of(journal: Path) -> Path:
    """Where that of a journal lies."""
    return journal.with_name(f"{journal.name}.state")


def write(journal: Path, state: State, head: Head) -> None:
    """Writes it; where that fails, opening takes longer.

    Args:
        journal: the journal's file.
        state: the labels at an entry.
        head: the journal up to there.
    """
    labels = state.labels
    numbers = {name: at for at, name in enumerate(labels.classes)}
    told = {
        "done": [*state.done], "undone": [*state.undone], "classes": labels.classes,
        "finished": sorted(labels.finished),
        "recordings": {
            name: _columns(segments, numbers) for name, segments in labels.recordings.items()
        },
    }  # fmt: skip
    body = json.dumps(told, separators=(",", ":"))
    line = json.dumps([FORMAT, VERSION, *head, crc32(body.encode())])
    with suppress(OSError):
        write_text(place_of(journal), f"{crc32(line.encode()):08x} {line}\n{body}\n")


def head_of(journal: Path) -> Head | None:
    """Up to where a journal was checked; None: nobody knows."""
    with suppress(OSError), place_of(journal).open("rb") as file:
        return _head(file.readline())[0]
    return None


def read(journal: Path, checked: Head) -> State | None:
    """The labels of a snapshot; None: there is none of this journal.

    Args:
        journal: the journal's file.
        checked: what was found to be true of it.
    """
    try:
        line, _, body = place_of(journal).read_bytes().partition(b"\n")
        head, mark = _head(line)
        if head != checked or crc32(body.rstrip(b"\n")) != mark:
            return None
        # Any: it is as it was written, and what is wrong in it raises.
        told: Any = json.loads(body)
        classes = tuple(told["classes"])
        parts = {name: Packed(name, classes, *row) for name, row in told["recordings"].items()}
        labels = Labels(Recordings(parts), classes, frozenset(told["finished"]))
        return State(head.entry, labels, array("q", told["done"]), array("q", told["undone"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _head(line: bytes) -> tuple[Head | None, int]:
    """What the first line says, and the checksum of what follows; None: it is none."""
    try:
        told = json.loads(line[9:]) if int(line[:8], 16) == crc32(line[9:].rstrip()) else []
        format_, version, *head, body = told
    except ValueError:
        return None, 0
    known = (format_, version) == (FORMAT, VERSION) and len(head) == len(Head._fields)
    return (Head(*head), body) if known else (None, 0)


def _columns(segments: tuple[Segment, ...], numbers: dict[str, int]) -> list[object]:
    return [
        " ".join([s.id for s in segments]),
        [s.start for s in segments],
        [s.end for s in segments],
        [numbers[s.label] for s in segments],
        [KINDS.index(s.kind) for s in segments],
        [ORIGINS.index(s.origin) for s in segments],
    ]

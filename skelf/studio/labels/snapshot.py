"""The labels at one entry of a journal, beside it, so that opening need not go through all of them.

It is a shortcut and nothing else: one that is missing, damaged or of another journal is passed
over, and the journal is gone through from its start.
"""

from __future__ import annotations

import json
from array import array
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

from ...files import write_text
from .replay import Replay
from .segment import KINDS, ORIGINS, Segment, by_recording

FORMAT, VERSION = "skelf-labels-state", 1


def place_of(journal: Path) -> Path:
    """Where that of a journal lies."""
    return journal.with_name(f"{journal.name}.state")


def write(journal: Path, story: Replay, crc: int) -> None:
    """Writes it; where that fails, opening takes longer.

    Args:
        journal: the journal's file.
        story: where it stands.
        crc: of the journal at that entry.
    """
    numbers = {name: at for at, name in enumerate(story.classes)}
    recordings = {}
    for name, segments in by_recording([*story.segments.values()]).items():
        columns = zip(*(s.row() for s in segments), strict=True)
        ids, _, start, end, labels, kinds, origins = columns
        recordings[name] = [
            " ".join(ids), start, end, [numbers[label] for label in labels],
            [KINDS.index(kind) for kind in kinds], [ORIGINS.index(origin) for origin in origins],
        ]  # fmt: skip
    told = {
        "format": FORMAT, "version": VERSION, "entry": story.version, "crc": crc,
        "done": [*story.done], "undone": [*story.undone], "classes": story.classes,
        "finished": sorted(story.finished), "recordings": recordings,
    }  # fmt: skip
    body = json.dumps(told, separators=(",", ":"))
    with suppress(OSError):
        write_text(place_of(journal), f"{crc32(body.encode()):08x}\n{body}\n")


def read(journal: Path, story: Replay, crcs: array[int]) -> None:
    """Brings a story that is at its start to where the snapshot of its journal is.

    Args:
        journal: the journal's file.
        story: stays at its start where there is no snapshot of this journal.
        crcs: of the journal at each entry.
    """
    try:
        text = place_of(journal).read_text("utf-8")
        mark, _, body = text.rstrip("\n").partition("\n")
        # Any: what is wrong in it raises below, and the journal is read instead.
        told: Any = json.loads(body) if int(mark, 16) == crc32(body.encode()) else {}
        if told.get("format") != FORMAT or told.get("version") != VERSION:
            return
        entry = told["entry"]
        if not 0 < entry < len(crcs) or crcs[entry] != told["crc"]:
            return
    except (OSError, ValueError, KeyError, AttributeError, RecursionError):
        return
    classes = tuple(told["classes"])
    for name, (ids, *columns) in told["recordings"].items():
        for id, start, end, label, kind, origin in zip(ids.split(), *columns, strict=True):
            story.segments[id] = Segment(
                id, name, start, end, classes[label], KINDS[kind], ORIGINS[origin]
            )
    story.classes, story.finished = classes, {*told["finished"]}
    story.done, story.undone = array("q", told["done"]), array("q", told["undone"])
    story.version = entry

"""The table of a project's recordings: one file of JSON, so that hundreds open at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ...errors import InputError
from ...files import read_json, write_text
from .recording import Recording, from_dict


def read(path: Path) -> list[Recording]:
    """The recordings by name; none where the file is not there yet.

    Raises:
        InputError: it is damaged.
    """
    if not path.exists():
        return []
    rows = read_json(path)
    try:
        if not isinstance(rows, list):
            raise TypeError("no list")
        recordings = [from_dict(row) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{path}: damaged ({error}); remove it, and the recordings are imported again"
        ) from None
    return sorted(recordings, key=lambda recording: recording.name)


def write(path: Path, recordings: Iterable[Recording]) -> None:
    """Writes the table whole, a recording a line.

    Raises:
        OSError: it cannot be written.
    """
    lines = ",\n".join(json.dumps(recording.to_dict()) for recording in recordings)
    write_text(path, f"[\n{lines}\n]\n")

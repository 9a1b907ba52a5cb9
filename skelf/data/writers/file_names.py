"""Names of files for clips and recordings, whose own names may hold anything."""

from __future__ import annotations

import re
from collections.abc import Container


def file_name(name: str, taken: Container[str]) -> str:
    """What the file of a recording is called: its name without slashes, numbered where it is taken.

    >>> file_name("monday/walk 1", ["monday_walk 1"])
    'monday_walk 1-2'
    """
    plain = re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", name).strip(". ") or "recording"
    number, chosen = 1, plain[:150]
    while chosen in taken:
        number += 1
        chosen = f"{plain[:150]}-{number}"
    return chosen

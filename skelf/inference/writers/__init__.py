"""Writers of answers and segments; each is a context that gives what adds the result of a file.

To add one: its module and a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from ...tables import Table
from ..result import Add

Writer = Callable[[Path, str], AbstractContextManager[Add]]
"""`writer(path, kind)`, kind "classifier" or "detector"."""

WRITERS: Table[Writer] = Table(
    __name__,
    {
        "csv": "tables.write_csv",
        "json": "tables.write_json",
        "eaf": "single.write_eaf",
        "boris": "boris.write_boris",
        "audacity": "single.write_audacity",
        "store": "store.write_store",
    },
)

"""Hits as a CSV or a JSON file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..files import write_text
from ..outputs import Kind, check_output
from .hits import Hit

COLUMNS = tuple(key for key in Hit._fields if key != "row")
FORMATS = (".csv", ".json")


def _is_hits(path: Path) -> bool:
    head = path.read_bytes()[:200]
    return head.startswith(b"rank,score,source,") or b'"hits"' in head


HITS = Kind("a list of hits", _is_hits, text=True)


def check(out: Path, *, replace: bool = False, inputs: Sequence[str | Path] = ()) -> None:
    """Refuses an output before the work.

    Raises:
        InputError: a name that ends in neither `.csv` nor `.json`, or see `outputs.check_output`.
    """
    if out.suffix.lower() not in FORMATS:
        raise InputError(f"{out}: name a file that ends in {' or '.join(FORMATS)}")
    check_output(out, HITS, inputs=inputs, replace=replace)


def write(out: Path, hits: Sequence[Hit], query: str, index: str) -> None:
    """Writes hits whole or not at all, by the name's ending.

    Args:
        out: the file.
        hits: in their order.
        query: what was searched for, as it was named.
        index: where.

    Raises:
        OSError: it could not be written.
    """
    rows = [
        {"rank": rank} | {key: getattr(hit, key) for key in COLUMNS}
        for rank, hit in enumerate(hits, start=1)
    ]
    if out.suffix.lower() == ".json":
        content = {"hits": rows, "query": query, "index": index}
        write_text(out, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, ["rank", *COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(out, text.getvalue())

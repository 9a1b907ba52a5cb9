"""A folder of results that appears whole: written beside under a hidden name, then renamed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .errors import InputError
from .files import blaming, flush, sweep, temporary


class FolderKind(NamedTuple):
    """What sort of folder a command writes.

    Args:
        mark: the file that says what made a folder; only one that has it may be replaced.
        format: its value of "format".
        made_by: the command, for messages.
    """

    mark: str
    format: str
    made_by: str


DISCOVERED = FolderKind("discover.json", "skelf-discover", "skelf discover")
SHARDED = FolderKind("manifest.json", "skelf-shards", "skelf data shard")
EXPORTED = FolderKind("export.json", "skelf-export", "skelf data export")


def is_named(out: Path) -> bool:
    """Whether an output for clips is a folder of shards: one that is there, or a new name without
    a suffix; one file has a name that ends in .h5.
    """
    return out.is_dir() or not (out.suffix or out.exists())


def check_folder(out: Path, kind: FolderKind, replace: bool) -> None:
    """Refuses a folder that would be lost; called before the work.

    Args:
        out: what will be written.
        kind: of folder.
        replace: whether a folder of this kind that is there may be replaced; an empty one may.

    Raises:
        InputError: a file, a folder of another kind or one that is there, or nothing can be
            written there.
    """
    try:
        if out.exists() and not out.is_dir():
            raise InputError(f"{out}: a file; name a folder")
        if out.is_dir() and any(out.iterdir()):
            if not _is_ours(out, kind):
                raise InputError(
                    f"{out}: exists and was not written by `{kind.made_by}`; choose another --out"
                )
            if not replace:
                raise InputError(
                    f"{out}: exists already; choose another --out, or replace it with --force"
                )
        target = Path(os.path.realpath(out))
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = temporary(target)
        beside.mkdir()
        beside.rmdir()
    except OSError as error:
        raise InputError(f"{out}: cannot write here: {error.strerror}") from None


@contextmanager
def writing_folder(out: Path) -> Iterator[Path]:
    """Names a hidden folder beside `out`, which takes its place at the end; else it is gone.

    What is there stays until then. What writers that were killed left is removed first.

    Args:
        out: passed `check_folder`.

    Raises:
        OSError: it could not be written, the disk being full for one.
    """
    target = Path(os.path.realpath(out))
    sweep(target.parent)
    hidden, old = temporary(target), temporary(target)
    try:
        with blaming(out, hidden):
            hidden.mkdir()
            yield hidden
            for path in (*hidden.rglob("*"), hidden):
                flush(path)
            if target.exists():
                target.rename(old)
            try:
                hidden.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
            flush(target.parent)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _is_ours(folder: Path, kind: FolderKind) -> bool:
    try:
        told = json.loads((folder / kind.mark).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("format") == kind.format

"""Files written whole or not at all, what killed writers left, and JSON read with a clear error.

What is being written lies hidden beside its place, under a name that says which process writes it:
`.NAME.PROCESS.xxxx.tmp`. A lock on the file itself would not do: it is gone where a library
replaces the file by its name, and stays with a forked child that outlives the writer.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

from .errors import InputError
from .machine import processes
from .settings.values import Value

FOREIGN = 24 * 3600
"""Seconds after which what a process wrote goes too that cannot be asked: of another machine."""
_TEMPORARY = re.compile(rf"\..*\.({processes.MARK.pattern})\.[0-9a-f]{{4}}\.tmp", re.DOTALL)
_LONGEST = 200  # bytes of a name; with what is added it stays below the 255 of most systems


def temporary(path: Path) -> Path:
    """A hidden name beside `path`, for what this process writes there before it is renamed.

    Nothing is made. Whatever has such a name, file or folder, `sweep` removes once this process
    has ended.
    """
    name = path.name
    if len(os.fsencode(name)) > _LONGEST:
        name = os.fsencode(name)[:_LONGEST].decode("utf-8", "ignore")
    return path.with_name(f".{name}.{processes.mark()}.{uuid4().hex[:4]}.tmp")


def sweep(folder: Path) -> None:
    """Removes what writers that were killed left in a folder; whoever writes there calls it first.

    What a living process writes stays. Where that cannot be known (another machine, another
    container, before a restart, Windows), it goes when nobody has written to it for a day.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _TEMPORARY.fullmatch(entry.name)
            if match is None:
                continue
            with suppress(OSError):  # another process may have removed it just now
                alive = processes.is_alive(match[1])
                if alive is None:
                    alive = time.time() - entry.stat(follow_symlinks=False).st_mtime < FOREIGN
                if alive:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Names a hidden file beside `path`; at the end it is synced and takes that name.

    After an error it is gone, and what `path` held before is untouched. What writers that were
    killed left in the folder is removed first.
    """
    sweep(path.parent)
    beside = temporary(path)
    try:
        yield beside
        _sync(beside, os.O_RDWR)
        os.replace(beside, path)
        with suppress(OSError):  # some systems cannot sync a folder
            _sync(path.parent, os.O_RDONLY)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text by `replacing`; the folder is made when missing.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with replacing(path) as beside:
            beside.write_text(text, encoding="utf-8")
    except OSError as error:  # a failed write or flush names no file by itself
        raise OSError(error.errno, error.strerror, str(path)) from None


def write_json(path: Path, value: object) -> None:
    """`write_text` of readable JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def refuse_unwritable(path: Path) -> None:
    """Makes the folder of a file that is to be written and tries to write there.

    Raises:
        InputError: `path` is a folder, or nothing can be written beside it.
    """
    if path.is_dir():
        raise InputError(f"{path}: a folder; name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot write here: {error.strerror}") from None


def read_json(path: Path) -> Value:
    """Reads JSON.

    Raises:
        InputError: no such file, or not JSON; the message names the file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); it may be damaged") from None


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

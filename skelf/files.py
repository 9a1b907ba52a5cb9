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
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
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

    After an error it is gone, and what `path` held before is untouched. A link stays: the file that
    it names is replaced. What writers that were killed left in the folder is removed first.

    Raises:
        InputError: `path` is a device or a pipe, which no file replaces.
        OSError: it cannot be written; names `path` and the reason, never the hidden file.
    """
    target = named_file(path)
    if target.exists() and not target.is_file() and not target.is_dir():
        raise InputError(f"{path}: a device or a pipe; name a file")
    sweep(target.parent)
    beside = temporary(target)
    with blaming(path, beside):
        try:
            yield beside
            _sync(beside, os.O_RDWR)
            os.replace(beside, target)
            with suppress(OSError):  # some systems cannot sync a folder
                _sync(target.parent, os.O_RDONLY)
        finally:
            beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text by `replacing`, or into a device or a pipe; the folder is made when missing.

    Half characters, of file names that are no UTF-8, are escaped as JSON does.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    content = text.encode("utf-8", "backslashreplace")
    if is_stream(path):
        with blaming(path, path), _opened(path) as file:
            file.write(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        beside.write_bytes(content)


@contextmanager
def writing(path: Path) -> Iterator[Callable[[str], None]]:
    """`write_text` piece by piece: gives what appends; a device or a pipe has each at once.

    Raises:
        OSError: see `write_text`.
    """
    if is_stream(path):  # opened once: whoever reads a pipe takes its closing for the end
        with blaming(path, path), _opened(path) as file:
            yield lambda text: _append(file, text, at_once=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside, beside.open("wb") as file:
        yield lambda text: _append(file, text)


def _append(file: IO[bytes], text: str, at_once: bool = False) -> None:
    file.write(text.encode("utf-8", "backslashreplace"))
    if at_once:
        file.flush()


def write_json(path: Path, value: object) -> None:
    """`write_text` of readable JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def named_file(path: Path) -> Path:
    """The file that a path names in the end, links followed, there or not yet."""
    return Path(os.path.realpath(path))


def is_stream(path: Path) -> bool:
    """Whether a path is a terminal or another device, a pipe, or where this process prints to."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return (
        stat.S_ISCHR(status.st_mode)
        or stat.S_ISFIFO(status.st_mode)
        or _printed_to(status) is not None
    )


def is_printed(path: Path | None) -> bool:
    """Whether what is written there mingles with what this process prints."""
    with suppress(OSError):
        return path is not None and _printed_to(os.stat(path)) == 1
    return False


def is_text(path: Path) -> bool:
    """Whether a path is UTF-8, as some libraries want it; on Linux any bytes make a path."""
    try:
        return bool(str(path).encode("utf-8"))
    except UnicodeEncodeError:
        return False


def reason(error: Exception) -> tuple[int, str] | None:
    """Number and text of the system's error behind one of a library; None where it has none."""
    number = getattr(error, "errno", None)
    if number is None and (told := re.search(r"(?:errno =?|os error) ?(\d+)", str(error))):
        number = int(told[1])
    return None if number is None else (number, os.strerror(number))


def read_json(path: Path) -> Value:
    """Reads JSON.

    Raises:
        InputError: no such file, not JSON, or nested too deeply; the message names the file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise InputError(f"{path}: damaged, nested too deeply") from None
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); it may be damaged") from None


@contextmanager
def blaming(path: Path, beside: Path) -> Iterator[None]:
    """Errors of writing name `path`, be they of libraries that name none; those of reading stay.

    Args:
        path: what the message names.
        beside: what is written in its place meanwhile.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # h5py has both
        named = getattr(error, "filename", None)
        told = reason(error)
        if told is None or (named is not None and os.fsdecode(named) != str(beside)):
            raise
        raise OSError(*told, str(path)) from error


def _printed_to(status: os.stat_result) -> int | None:
    """1 where a file is standard output, 2 where it is standard error."""
    for number in (1, 2):
        with suppress(OSError):  # closed
            if os.path.samestat(status, os.fstat(number)):
                return number
    return None


def _opened(path: Path) -> IO[bytes]:
    """A device or a pipe, to be written to."""
    number = _printed_to(os.stat(path))
    if number is None:
        return path.open("wb")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # in the order in which it was printed
    return os.fdopen(os.dup(number), "wb")  # opened anew, a file would be cut off


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush(path: Path) -> None:
    """Waits until a file, or a folder's list of names, is on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

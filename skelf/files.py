"""Small files, written whole or not at all, and JSON read with a clear error."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

from .errors import InputError
from .settings.values import Value


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Names a hidden file beside `path`; at the end it is synced and takes that name.

    After an error it is gone, and what `path` held before is untouched.
    """
    beside = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
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

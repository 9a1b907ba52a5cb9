"""Addresses of object stores and servers, and files of theirs, by fsspec."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import InputError
from ..files import replacing
from ..locks import holding

ORIGIN = "origin.json"
"""The file that says which address a folder of this machine stands for."""
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(.+)")  # a path has lost one slash of the two
_WAIT = 24 * 3600.0  # seconds: another process fetches the same file
System = Any  # fsspec has no types


def address(data: str | Path) -> str | None:
    """The address that `data` is, None for a path of this machine.

    Examples:
        >>> address("s3://bucket/set"), address(Path("https://host/set.h5")), address("C:/sets/a")
        ('s3://bucket/set', 'https://host/set.h5', None)
    """
    match = _ADDRESS.fullmatch(str(data))
    if match is None:
        return None
    rest = match[2].rstrip("/")
    return f"file:///{rest.lstrip('/')}" if match[1] == "file" else f"{match[1]}://{rest}"


def bring(folder: Path, path: Path) -> None:
    """Fetches a file of a set that stands for an address, if it is not there yet.

    Args:
        folder: of the set; one that stands for no address is left alone.
        path: of the file.

    Raises:
        InputError: it lies outside the set's folder, or cannot be fetched.
    """
    origin = folder / ORIGIN
    if path.is_file() or not origin.is_file():
        return
    url = str(json.loads(origin.read_text("utf-8"))["address"])
    file = Path(os.path.relpath(path, folder)).as_posix()
    inside(folder, file, url)
    system, there = reach(url)
    path.parent.mkdir(parents=True, exist_ok=True)  # the lock lies there, too
    with holding(path, _WAIT):
        if not path.is_file():
            get(system, f"{there}/{file}", path, url)


def inside(folder: Path, file: str, url: str) -> Path:
    """A file of the set, if it is one: a manifest from elsewhere may name any path.

    Raises:
        InputError: it lies outside.
    """
    if PurePosixPath(file).is_absolute() or ".." in PurePosixPath(file).parts:
        raise InputError(
            f"{url}: {file} lies outside the set's folder, so it is not fetched; make the set anew "
            "where its shards are (skelf data shard)"
        )
    return folder / file


def get(system: System, there: str, path: Path, url: str) -> None:
    """Fetches a file to a path of this machine, whole or not at all.

    Args:
        system: what reads the address, see `reach`.
        there: the file, as the system takes it.
        path: where to.
        url: what to call it in a message.

    Raises:
        InputError: it cannot be fetched.
        OSError: it cannot be written here.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside, asking(f"{url}: {PurePosixPath(there).name}"):
        system.get_file(there, str(beside))


def reach(url: str) -> tuple[System, str]:
    """What reads an address, and the address as it takes it.

    Raises:
        InputError: no such protocol, or its package is missing.
    """
    import fsspec

    try:
        return fsspec.core.url_to_fs(url)
    except ImportError as error:
        raise InputError(f"{url}: {error} (pip install it beside skelf)") from None
    except ValueError as error:
        raise InputError(f"{url}: {error}") from None


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Around what asks the other side: its errors are many libraries'."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each protocol has its own
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{what}: cannot be fetched: {type(error).__name__}: {lines[0]}") from None

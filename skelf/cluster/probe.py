"""Whether a worker is fit: the same versions as here, and it sees the same files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from ..files import temporary

_fit: set[Place] = set()  # for which this process is fit
PACKAGES = ("torch", "numpy", "distributed")


class Place(NamedTuple):
    """Where the work was begun: what a worker is compared with.

    Args:
        folder: the working directory, to which relative paths belong.
        versions: name -> version of what decides results, as pairs.
        seen: path -> what is there, as pairs.
    """

    folder: str
    versions: tuple[tuple[str, str], ...]
    seen: tuple[tuple[str, str], ...]


@contextmanager
def marked(paths: Sequence[Path]) -> Iterator[Place]:
    """This place. Meanwhile a hidden file lies in folders that can be written.

    By that a folder of the same name on a worker's own disk is told from the one that is meant.
    """
    marks = [temporary(path / "worker") for path in paths if path.is_dir()]
    laid = []
    try:
        for mark in marks:
            with suppress(OSError):  # a folder that is only read
                mark.touch()
                laid.append(mark)
        seen = tuple((str(path), _sight(str(path))) for path in [*paths, *laid])
        yield Place(os.getcwd(), versions(), seen)
    finally:
        for mark in laid:
            mark.unlink(missing_ok=True)


def versions() -> tuple[tuple[str, str], ...]:
    """Of skelf, Python and the libraries that decide results."""
    from .. import __version__

    found = [("skelf", __version__), ("Python", ".".join(map(str, sys.version_info[:2])))]
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            found.append((package, "none"))
    return tuple(found)


def misfit(place: Place) -> str:
    """What this process lacks for work that was begun at `place`, in one line; "": it is fit."""
    if place not in _fit:  # what it lacks may come
        if lack := _lack(place):
            return lack
        _fit.add(place)
    return ""


def _lack(place: Place) -> str:
    found = dict(versions())
    for name, wanted in place.versions:
        if wanted != found[name]:
            return f"has {name} {found[name]}, and the command {wanted}; install the same on both"
    with standing_in(place.folder):
        for path, wanted in place.seen:
            here = _sight(path)
            if here == wanted:
                continue
            name = os.path.join(place.folder, path)
            if here != "nothing":
                return f"sees another file at {name} ({here}, here {wanted}); share one disk"
            if path.endswith(".tmp"):
                return f"sees another folder at {os.path.dirname(name)}; share one disk"
            return f"does not see {name}; share the disk, or mount it under the same path"
    return ""


@contextmanager
def standing_in(folder: str) -> Iterator[None]:
    """Changes to a folder, where it is there."""
    before = os.getcwd()
    with suppress(OSError):
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _sight(path: str) -> str:
    if os.path.isdir(path):
        return "a folder"
    try:
        return f"{os.stat(path).st_size} bytes"
    except OSError:
        return "nothing"

"""Files that hold one recording each: ELAN's and Audacity's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...data.writers.file_names import file_name
from ...errors import InputError
from ...files import write_text
from ..result import Add, Result
from .audacity import audacity
from .eaf import eaf
from .recordings import Named, recordings


@contextmanager
def write_eaf(path: Path, kind: str) -> Iterator[Add]:
    """ELAN's files: the one at `path`, or in a folder one for each recording.

    Args:
        path: the file, or a folder.
        kind: detector.

    Raises:
        InputError: answers of a classifier, or a second recording for one file.
        OSError: a file cannot be written.
    """
    yield _adding(path, ".eaf", eaf, kind)


@contextmanager
def write_audacity(path: Path, kind: str) -> Iterator[Add]:
    """Audacity's labels; see `write_eaf`."""
    yield _adding(path, ".txt", audacity, kind)


def _adding(path: Path, suffix: str, text: Callable[[Named], str], kind: str) -> Add:
    if kind != "detector":
        raise InputError(
            f"{path}: a classifier says what a clip is, not when something happens: name a .csv, a "
            ".json or an .h5"
        )
    done: list[str] = []

    def add(result: Result) -> None:
        for named in recordings(result):
            place = path
            if path.is_dir():
                place = path / f"{file_name(named.name, done)}{suffix}"
            elif done:
                raise InputError(
                    f"{path}: such a file is of one recording, and after {done[0]!r} comes "
                    f"{named.name!r}: name a folder, as --out {path.stem}/ --to "
                    f"{'eaf' if suffix == '.eaf' else 'audacity'}"
                )
            done.append(place.stem if path.is_dir() else named.name)
            write_text(place, text(named))

    return add

"""What units gave, a file each in a hidden folder beside the output, until it is put together."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from ... import __version__
from .records import Texts, summary_of
from .units import Unit

AGAIN = "again"
"""In the summary of a part without rows, since they were elsewhere then: may be otherwise now."""
FOLDER_OF = 1000
"""Parts of one folder: systems get slow where there are very many."""


class CannotWrite(Exception):  # noqa: N818
    """A part could not be written: no unit's problem, so that it ends the work."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(number, text)
        self.number, self.text = number, text


class Parts:
    """Where the parts of an output lie.

    Args:
        out: the output.
        folder: of all its parts.
        kept: whether they may be there from a command that was killed.
    """

    def __init__(self, out: Path, folder: Path, kept: bool) -> None:
        self.out, self.folder, self._kept = out, folder, kept

    def path(self, number: int, unit: Unit) -> Path:
        """The file of a unit, by its number and stamp."""
        return self.folder / f"{number // FOLDER_OF:04d}" / f"{number:07d}-{unit.stamp}.part"

    def there(self, number: int, unit: Unit) -> Texts | None:
        """The summary of a part that is there and whole, else None."""
        return finished(self.path(number, unit)) if self._kept else None


def finished(part: Path) -> Texts | None:
    """The summary of a part that need not be made again."""
    found = summary_of(part)
    return None if found is None or AGAIN in found else found


@contextmanager
def parts_beside(out: Path, *identity: object) -> Iterator[Parts]:
    """The parts of an output; they are gone once the block has ended well.

    Args:
        out: the output.
        identity: all that parts depend on but the units: encoder, settings. Those of another one
            go.
    """
    root = out.absolute().parent / f".{out.name}.work"
    digest = blake2b(repr((__version__, *identity)).encode(), digest_size=8).hexdigest()
    folder = root / digest
    try:
        if root.is_dir():
            for entry in os.scandir(root):
                if entry.name != digest:
                    shutil.rmtree(entry.path, ignore_errors=True)
        kept = folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(out)) from error
    try:
        yield Parts(out, folder, kept)
    except BaseException:
        if next(folder.rglob("*.part"), None) is None:  # nothing to go on from
            shutil.rmtree(root, ignore_errors=True)
        raise
    shutil.rmtree(root, ignore_errors=True)

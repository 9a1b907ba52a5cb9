"""Files below a folder and members of the zips in it, read one at a time; nothing is unpacked."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from ...errors import InputError
from ..damage import DAMAGED

STUDIO = "skelf_studio"
"""The folder in which the studio keeps a project: what lies in it are no recordings of a person."""


class Member(NamedTuple):
    """A plain file, or one member of a zip.

    Args:
        file: the file, or the zip.
        inside: the member's name in the zip; empty for a plain file.
    """

    file: Path
    inside: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.inside}" if self.inside else str(self.file)

    @property
    def name(self) -> PurePosixPath:
        """Its own path: below the zip's root, or on the disk."""
        # Some Windows programs write zips with backslashes.
        return PurePosixPath(self.inside.replace("\\", "/") or self.file.as_posix())

    @property
    def base(self) -> str:
        """The last part of `name`, and much faster."""
        return self.inside.replace("\\", "/").rpartition("/")[2] or self.file.name

    @property
    def stem(self) -> str:
        """`base` without its suffix."""
        return os.path.splitext(self.base)[0]

    @property
    def size(self) -> int:
        """Bytes of the content.

        Raises:
            OSError: no such file.
        """
        stat = self.file.stat()
        if not self.inside:
            return stat.st_size
        return _archive(self.file, stat.st_mtime_ns, stat.st_size).getinfo(self.inside).file_size

    def read(self, most: int) -> bytes:
        """The content.

        Args:
            most: bytes that such a file can have at most.

        Raises:
            InputError: it is larger (so is what a zip bomb unpacks to), damaged, or unreadable.
        """
        content = self.head(most + 1)
        if len(content) > most:
            raise InputError(
                f"{self}: larger than {most:,} bytes, which no such file is; it is damaged or "
                "another kind of file, take it out"
            )
        return content

    def head(self, size: int) -> bytes:
        """The first `size` bytes; never more, whatever the zip says of its members."""
        try:
            if not self.inside:
                with self.file.open("rb", buffering=0) as file:
                    status = os.fstat(file.fileno())
                    if S_ISREG(status.st_mode):  # Python sets aside all that it is asked for
                        size = min(size, status.st_size)
                    content = file.read(size) or b""
                    while len(content) < size and (more := file.read(size - len(content))):
                        content += more
                    return content
            stat = self.file.stat()
            archive = _archive(self.file, stat.st_mtime_ns, stat.st_size)
            # Of the others Python unpacks all that it reads: a few bytes would take any memory.
            if archive.getinfo(self.inside).compress_type not in (ZIP_STORED, ZIP_DEFLATED):
                raise InputError(
                    f"{self}: packed otherwise than zips usually are (stored or deflated); unpack "
                    "it, or pack it again"
                )
            with archive.open(self.inside) as file:
                return file.read(size)
        except InputError:
            raise
        except DAMAGED as error:
            raise InputError(f"{self}: cannot read: {_told(error)}; copy the file again") from None


def find(path: Path, suffixes: Collection[str] | None) -> list[Member]:
    """All files with one of the suffixes (None: all files), sorted by file name, then by place.

    Args:
        path: a folder (searched with its sub-folders and the zips in them), a zip, or one file.
        suffixes: in lower case with the dot.

    Raises:
        InputError: no such path, an unreadable zip, or a zip whose members lead out of it.
    """
    if path.is_dir():
        files = _walk(path)
    elif path.is_file():
        files = iter([path])
    else:
        raise InputError(f"{path}: no such file or folder; name the download")
    matching: list[Member] = []
    for file in files:
        if file.suffix.lower() == ".zip":
            matching += _inside(file, suffixes)
        elif file == path or _fits(file.suffix, suffixes):
            matching.append(Member(file))
    visible = (m for m in matching if not m.base.startswith("._"))  # resource forks of macOS
    return sorted(visible, key=lambda m: (m.base, str(m)))


def unique(members: Iterable[Member]) -> tuple[list[Member], list[Member]]:
    """One member for each file name, in order, and those left out; unpacked files go first."""
    chosen: dict[str, Member] = {}
    spare = []
    for member in members:
        other = chosen.get(member.base)
        if other is not None and (member.inside or not other.inside):
            spare.append(member)
            continue
        if other is not None:
            spare.append(other)
        chosen[member.base] = member
    return list(chosen.values()), spare


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder but those of the studio; links are followed, each folder seen once."""
    seen = set()
    folders = [str(folder)]
    while folders:
        place = folders.pop()
        real = os.path.realpath(place)
        if real in seen:
            continue
        seen.add(real)
        below = []
        for entry in _entries(place):
            with suppress(OSError):  # a link that leads to itself
                if entry.is_dir():
                    below.append(entry.path)
                elif entry.is_file():  # it knows, mostly without a look at the disk
                    yield Path(entry.path)
        folders += reversed(below)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if e.name != STUDIO), key=lambda e: e.name)
    except OSError:  # what may not be looked into is passed over
        return []


def _fits(suffix: str, suffixes: Collection[str] | None) -> bool:
    return suffixes is None or suffix.lower() in suffixes


def _inside(file: Path, suffixes: Collection[str] | None) -> list[Member]:
    try:
        stat = file.stat()
        names = _archive(file, stat.st_mtime_ns, stat.st_size).namelist()
    except DAMAGED as error:
        raise InputError(f"{file}: not a readable zip ({_told(error)}); load it again") from None
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if ".." in parts or not parts[0] or ":" in parts[0]:
            raise InputError(
                f"{file}: member {name!r} leads out of the zip; no dataset has such a name, load "
                "it from its official place"
            )
    members = (Member(file, name) for name in names if not name.endswith(("/", "\\")))
    return [member for member in members if _fits(member.name.suffix, suffixes)]


@lru_cache(maxsize=4)
def _archive(file: Path, changed: int, size: int) -> ZipFile:
    """An open zip, kept: its table of 100,000 members takes a second to read."""
    return ZipFile(file)


def _told(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error).strip("'\"")
    return text or type(error).__name__

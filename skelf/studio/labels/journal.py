"""The file that keeps every action: a line each, on the disk before the action counts.

It only ever grows, so that undo has no end. One process writes it at a time.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from zlib import crc32

import numpy as np

from ...errors import InputError
from ...files import blaming, flush, replacing
from ...locks import locked
from ...settings.values import Value
from .edit import Edit, from_dict
from .lines import HEADER, packed, whole
from .snapshot import Head, head_of

Entry = dict[str, Value]
"""`Edit.to_dict`, or `{"undo": N}` or `{"redo": N}` of the action of line N."""
TOGETHER = 1000
"""Entries that are read at a time."""


class Journal:
    """An open journal; it is made when missing.

    A last line that was torn is cut off, and kept beside as `NAME.torn1`, `.torn2`, ...

    Args:
        path: the file, in a folder that is there.

    Raises:
        InputError: another process has it open, it is damaged, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn: Path | None = None
        """Where a torn line lies that was found."""
        self._file: FileIO
        self.checked: Head | None = None
        """Up to where a snapshot vouches for it."""
        self._ends = array("q")  # the bytes behind the header and each entry
        self._crcs = array("L")  # the checksums there, from `_first` on
        self._first = 0
        with ExitStack() as stack:
            busy = f"another process has {path.name} open; end it first, or use its page"
            stack.enter_context(
                locked(path.parent, f".{path.name}.lock", busy=busy, unwritable="cannot write here")
            )
            try:
                self._open()
            except OSError as error:
                raise InputError(f"{path}: cannot open: {error.strerror}") from None
            stack.callback(self._file.close)
            self._held = stack.pop_all()

    def __len__(self) -> int:
        """Its entries, which count from 1."""
        return len(self._ends) - 1

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets others open it; may be called again."""
        self._held.close()

    def append(self, entry: Entry) -> int:
        """Writes an entry, and waits until it is on the disk.

        Returns:
            Its number.

        Raises:
            OSError: it could not be written; nothing of it is left.
            InputError: the file was changed by somebody else.
        """
        end = self._ends[-1]
        self._refuse_changed(end)
        line, crc = packed(entry, self._crcs[-1])
        try:
            with blaming(self.path, self.path):
                self._file.seek(end)
                written = 0
                while written < len(line):
                    written += self._file.write(line[written:]) or 0
                os.fsync(self._file.fileno())
        except BaseException:
            self._file.truncate(end)
            raise
        self._crcs.append(crc)
        self._ends.append(end + len(line))
        return len(self)

    def head(self) -> Head:
        """What a snapshot of now has to say of it."""
        end = self._ends[-1]
        raw = crc32(_contents(self._file, 0, end))
        return Head(len(self), self._crcs[-1], end, raw)

    def crc(self, number: int) -> int:
        """The checksum behind an entry, 0 the header, that was read or written this time."""
        return self._crcs[number - self._first]

    def entry(self, number: int) -> Entry:
        """An entry by its number."""
        return _parsed(_contents(self._file, self._ends[number - 1], self._ends[number]))

    def edit(self, number: int) -> Edit:
        """What an entry did to the labels."""
        entry = self.entry(number)
        if "do" in entry:
            return from_dict(entry)
        undone = "undo" in entry
        of = entry["undo" if undone else "redo"]
        assert isinstance(of, int)
        edit = from_dict(self.entry(of))
        return edit.inverse if undone else edit

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Those after an entry, in order; they were checked when it was opened."""
        for number in range(after, len(self), TOGETHER):
            last = min(number + TOGETHER, len(self))
            lines = _contents(self._file, self._ends[number], self._ends[last])
            # As one array: a parser that is called for each line takes twice as long.
            yield from json.loads(b"[%s]" % lines.rstrip().replace(b"\n", b","))

    def _open(self) -> None:
        if not self.path.exists():
            with replacing(self.path) as beside:
                beside.write_bytes(packed(HEADER, 0)[0])
        self._file = self.path.open("r+b", buffering=0)
        try:
            data = _contents(self._file, 0, os.fstat(self._file.fileno()).st_size)
            end, crc, lines = self._vouched(data)
            for line in whole(data, self.path, end, crc, lines):
                self._crcs.append(line.crc)
                self._ends.append(line.end)
            if not self._ends:
                raise InputError(f"{self.path}: empty; bring a copy of the file back")
            if self._ends[-1] < len(data):
                self._cut(data[self._ends[-1] :])
        except BaseException:
            self._file.close()
            raise

    def _vouched(self, data: bytes) -> tuple[int, int, int]:
        """End, checksum and number of the lines that were checked when a snapshot was written."""
        head = head_of(self.path)
        if head is None or head.end > len(data) or crc32(memoryview(data)[: head.end]) != head.raw:
            return 0, 0, 0
        ends = np.flatnonzero(np.frombuffer(data, np.uint8, head.end) == ord("\n")) + 1
        self._ends.frombytes(ends.astype(np.int64).tobytes())
        self._crcs.append(head.crc)
        self._first, self.checked = head.entry, head
        return head.end, head.crc, len(ends)

    def _cut(self, torn: bytes) -> None:
        number = 1
        while (place := self.path.with_name(f"{self.path.name}.torn{number}")).exists():
            number += 1
        place.write_bytes(torn)
        flush(place)
        self._file.truncate(self._ends[-1])
        os.fsync(self._file.fileno())
        self.torn = place

    def _refuse_changed(self, end: int) -> None:
        """Refuses to write where it would be lost, or spoil what another program wrote."""
        opened = os.fstat(self._file.fileno())
        try:
            same = os.path.samestat(os.stat(self.path), opened)
        except FileNotFoundError:
            same = False
        if not same or opened.st_size != end:
            raise InputError(
                f"{self.path}: another program has changed or replaced it; nothing was written, "
                "start the studio anew"
            )


def _parsed(line: bytes) -> Entry:
    entry: Entry = json.loads(line)
    return entry


def _contents(file: FileIO, at: int, end: int) -> bytes:
    file.seek(at)
    parts = []
    while at < end and (part := file.read(end - at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)

"""The lines of a journal: JSON, each with a checksum that goes on from the line before.

So a line that was cut off, changed, lost or moved is seen. A line ends before its action counts,
hence only the last one can be torn: by a kill or a power cut in the middle of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from ...errors import InputError
from ...settings.values import Value

FORMAT, VERSION = "skelf-labels", 1
HEADER = {"format": FORMAT, "version": VERSION}
_MARK = b'{"crc":"'
_BODY = len(_MARK) + 8 + len(b'",')  # where what the checksum is of begins


class Line(NamedTuple):
    """A whole line.

    Args:
        body: its JSON without the checksum.
        crc: that of the journal up to here.
        end: the byte behind it.
    """

    body: bytes
    crc: int
    end: int


def packed(entry: dict[str, Value], crc: int) -> tuple[bytes, int]:
    """A line of a journal whose checksum so far is `crc`, and the checksum behind it."""
    body = json.dumps(entry, separators=(",", ":")).encode("ascii")
    crc = crc32(body, crc)
    return b'%s%08x",%s\n' % (_MARK, crc, body[1:]), crc


def whole(data: bytes, path: Path, end: int = 0, crc: int = 0, number: int = 0) -> Iterator[Line]:
    """The lines of a journal's file, in order; what is left behind the last one was torn.

    Args:
        data: all of the file.
        path: of it, for messages.
        end: the byte at which to begin.
        crc: of the lines before.
        number: of lines before.

    Raises:
        InputError: not a journal, a newer one, or a damaged line that is not the last.
    """
    while end < len(data):
        stop = data.find(b"\n", end)
        line = data[end : stop if stop >= 0 else len(data)]
        body = b"{" + line[_BODY:]
        after = crc32(body, crc)
        if stop < 0 or line[:_BODY] != b'%s%08x",' % (_MARK, after):
            if number and (stop < 0 or stop == len(data) - 1):
                return
            raise InputError(_damage(path, number))
        crc, end = after, stop + 1
        if not number:
            _refuse_other(body, path)
        yield Line(body, crc, end)
        number += 1


def _refuse_other(body: bytes, path: Path) -> None:
    told = json.loads(body)
    if told.get("format") != FORMAT:
        raise InputError(f"{path}: not a journal of labels; name another folder")
    if told.get("version") != VERSION:
        raise InputError(
            f"{path}: version {told.get('version')} of the journal, this skelf reads {VERSION}; "
            "update skelf"
        )


def _damage(path: Path, number: int) -> str:
    if not number:
        return f"{path}: not a journal of labels, or damaged; bring a copy of the file back"
    return (
        f"{path}: line {number + 1} is damaged, and actions follow it; bring a copy of the file "
        f"back, or keep what was before: head -n {number} {path.name}"
    )

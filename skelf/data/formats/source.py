"""Files of motion capture, found and read: clear errors, and only numbers that can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..motion.resample import LARGEST, RATES
from .members import Member

JOINTS = 1000
"""Joints that a file may have: full rigs with fingers and faces have about 250."""
MOST_BYTES = 1 << 30
"""An hour of a full rig takes half of it."""


def find(path: Path, suffix: str) -> list[Path]:
    """`path` itself, or all files of that suffix (any case) below a folder, sorted.

    Raises:
        InputError: no such path, a file of another suffix, or a folder without such files.
    """
    if path.is_dir():
        files = [f for f in sorted(path.rglob("*")) if f.suffix.lower() == suffix and f.is_file()]
        if not files:
            raise InputError(f"{path}: no {suffix} file in this folder or below; name another")
        return files
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder; give a {suffix} file or a folder")
    if path.suffix.lower() != suffix:
        raise InputError(f"{path}: not a {suffix} file by its name; give one, or a folder of them")
    return [path]


def content(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        InputError: unreadable, larger than `MOST_BYTES`, or empty.
    """
    raw = Member(path).read(MOST_BYTES)
    if not raw or raw.isspace():
        raise InputError(f"{path}: empty; copy or export the file again")
    return raw


def text(path: Path) -> tuple[str, tuple[str, ...]]:
    """The text of a file, and a note where it is neither UTF-8 nor UTF-16.

    Programs write names and comments in the encoding of their country. Numbers and keywords are
    the same in all of these, so such bytes are read as Latin-1, which no byte can stop.

    Raises:
        InputError: unreadable, empty, or not text.
    """
    raw = content(path)
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    notes: tuple[str, ...] = ()
    try:
        decoded = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if b"\0" in raw:
            raise InputError(
                f"{path}: not UTF-8 text (byte {error.start}); is it another kind of file?"
            ) from None
        decoded = raw.decode("latin-1")
        notes = ("not UTF-8: letters beyond ASCII in names are read as Latin-1",)
    if "\0" in decoded:
        raise InputError(f"{path}: holds NUL bytes, so it is no text file; name the right file")
    return decoded, notes


def numbers(
    where: str, words: Sequence[str], count: int | None = None, *, gaps: bool = False
) -> np.ndarray:
    """Words as float64.

    Args:
        where: file and place, which starts the message.
        words: the numbers as written.
        count: how many are needed; None for any.
        gaps: NaN passes.

    Raises:
        InputError: another count, no number, NaN, infinite, or beyond `LARGEST`.
    """
    if count is not None and len(words) != count:
        raise InputError(f"{where}: {len(words)} numbers instead of {count}; the file is damaged")
    values = np.empty(len(words))
    for at, word in enumerate(words):
        try:
            values[at] = float(word)
        except ValueError:
            raise InputError(f"{where}: {word[:40]!r} is no number; mend the file") from None
    believed(where, values[~np.isnan(values)] if gaps else values)
    return values


def believed(where: str, values: np.ndarray) -> np.ndarray:
    """`values` again, all finite and at most `LARGEST`.

    Raises:
        InputError: one that is not; `where` starts the message.
    """
    wrong = ~(np.abs(values) <= LARGEST)  # NaN compares false
    if wrong.any():
        value = values[wrong][0]
        raise InputError(f"{where}: holds {value:g}; numbers must be finite, at most {LARGEST:g}")
    return values


def rate(where: str, fps: float) -> float:
    """`fps` again, within what is believed.

    Raises:
        InputError: outside `RATES`; `where` starts the message.
    """
    if not RATES[0] <= fps <= RATES[1]:
        raise InputError(
            f"{where}: {fps:g} frames a second; a file has {RATES[0]:g} to {RATES[1]:g}"
        )
    return float(fps)

"""What a worker does: reads the files of a chunk, and writes them as one store."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...errors import InputError
from ...machine.memory import keep_freed
from ..clips import ClipSet
from ..listing import Empty, Item, Read, Told
from ..noted import noted
from . import records
from .chunks import Chunk
from .records import Record
from .signs import files_of

MOST_ODD = 8  # items of a chunk that differ from the others: beyond, it is none
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class Unwritable(Exception):  # noqa: N818
    """The disk is full, or the like: no file's problem, and every chunk would have it."""


def import_chunk(
    chunk: Chunk,
    folder: Path,
    format_: str,
    read: Read,
    without: tuple[tuple[str, str], ...] = (),
    own: bool = False,
) -> Record:
    """Makes a shard, or finds it made; what cannot be read of it is left out, and said.

    Args:
        chunk: its items.
        folder: of the set.
        format_: the reader's name.
        read: what reads the items.
        without: files that were left out of it before, and why.
        own: this process is there for such work.

    Raises:
        Unwritable: it could not be written.
    """
    found = records.read(folder, chunk.name, chunk.sign)
    if found is not None:  # a worker died when it had made it
        return found
    if own:  # parsing allocates and frees the same blocks for every file
        keep_freed()
    try:
        nothing: _Part = None, Told(), (), ()
        clips, told, notes, problems = _readable(chunk.items, read) if chunk.items else nothing
        size = 0
        if clips is not None:
            place = folder / chunk.name
            attributes = {**clips.attributes, "format": format_}
            replace(clips, attributes=attributes, path=None).save(place)
            size = place.stat().st_size
        else:
            (folder / chunk.name).unlink(missing_ok=True)
        count = 0 if clips is None else len(clips)
        record = Record(chunk.sign, size, count, told, notes, (*without, *problems))
        records.write(folder, chunk.name, record)
    except OSError as error:
        name = getattr(error, "filename", None) or folder
        raise Unwritable(
            error.errno or errno.EIO, error.strerror or str(error), str(name)
        ) from None
    return record


def check_item(item: Item, read: Read) -> None:
    """Reads one item, for nothing but to see whether that goes well; its problem is the chunk's."""
    _tried([item], read)


_Part = tuple[ClipSet | None, Told, tuple[str, ...], tuple[tuple[str, str], ...]]


def _readable(items: Sequence[Item], read: Read) -> _Part:
    """What can be read of some items: together, else without those that fail alone, too."""
    problem, part = _tried(items, read)
    if not problem:
        return part
    left: list[Item] = []
    problems = []
    for item in items:  # the second try of each
        if alone := _tried([item], read)[0]:
            problems.append((named(item), alone))
        else:
            left.append(item)
    if left:
        problem, part = _tried(left, read)
    odd = 0
    while left and problem:  # each can be alone, but not together: some differ from the others
        odd += 1
        if odd > MOST_ODD:
            problems += [(named(item), problem) for item in left]
            left = []
            break
        at, problem = _culprit(left, read, problem)
        problems.append((named(left.pop(at)), problem))
        problem, part = _tried(left, read)
    clips, told, notes, _ = part if left else (None, Told(), (), ())
    return clips, told, notes, tuple(problems)


def _culprit(items: Sequence[Item], read: Read, problem: str) -> tuple[int, str]:
    """The first item that cannot be read with those before it, and why.

    Args:
        items: that cannot be read together.
        read: what reads them.
        problem: with all.
    """
    fine, wrong = 0, len(items)
    while wrong - fine > 1:
        middle = (fine + wrong) // 2
        here, _ = _tried(items[:middle], read)
        if here:
            wrong, problem = middle, here
        else:
            fine = middle
    return wrong - 1, problem


def _tried(items: Sequence[Item], read: Read) -> tuple[str, _Part]:
    """The problem of reading some items, "" where there is none; and what was read."""
    told = Told()
    with noted() as notes:
        try:
            clips = read(items, told=told)
        except Empty as error:
            warnings.warn(str(error), stacklevel=2)
            clips = None
        except InputError as error:
            return str(error), (None, told, (), ())
        except MemoryError:
            return f"{named(items[0])}: does not fit in memory", (None, told, (), ())
        except OSError as error:
            if error.errno in _FULL:
                raise
            where = error.filename or named(items[0])
            return f"{where}: cannot read: {error.strerror}", (None, told, (), ())
        except Exception as error:  # a fault of the reader stops nobody's archive
            what = f"{type(error).__name__}: {error}".removesuffix(": ")
            return f"{named(items[0])}: {what} (report this, please)", (None, told, (), ())
    return "", (clips, told, tuple(notes), ())


def named(item: Item) -> str:
    """An item by its first file, for messages."""
    files = files_of(item)
    more = f" (and {len(files) - 1} more)" if len(files) > 1 else ""
    return f"{files[0]}{more}" if files else str(item)[:80]

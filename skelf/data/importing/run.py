"""`skelf data import ... --out FOLDER`: files are listed once, and read by a crew, a shard a chunk.

What is cut depends on the files alone, so that any number of workers makes the same set, and a
second call with the same settings does what is left.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from ... import __version__
from ...cluster import Crew, gathered
from ...errors import InputError
from ...locks import locked
from ..annotations.options import Annotations
from ..clips import ClipSet
from ..formats import members
from ..formats.signs import SIGNS
from ..listing import Listing, Read
from ..noted import noted
from ..pool import Progress
from ..shards import FILE, save_table
from . import notes, records, whole
from .chunks import MOST_BYTES, MOST_FILES, Chunk, chunks, stamp
from .made import Made
from .piece import Unwritable, check_item, import_chunk, named
from .records import Record
from .signs import files_of, signature

NONE = Annotations()
LOCK = ".import.lock"
BUSY = "another import writes here; wait for its end, or choose another --out"
LEADS = 100  # files that are asked which joints there are, before each chunk finds them itself


class Imported(NamedTuple):
    """What came of an import.

    Args:
        clips: the set, opened.
        shards: of the set.
        there: of them, those that an earlier call made.
        problems: file and why it could not be read.
        notes: what a person should know.
    """

    clips: ClipSet
    shards: int
    there: int
    problems: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def import_shards(
    listing: Listing,
    folder: str | Path,
    format_: str,
    *,
    settings: Mapping[str, object] | None = None,
    replace: bool = False,
    annotations: Annotations = NONE,
    scheduler: str | None = None,
    workers: int = 1,
    files: int = MOST_FILES,
    size: int = MOST_BYTES,
    progress: Progress = lambda done, total: None,
    say: Callable[[str], None] = lambda text: None,
) -> Imported:
    """Reads the files of a listing into a sharded set; what cannot be read is left out, and listed.

    Calling again does what is left, and what has changed.

    Args:
        listing: of `readers.LISTINGS`.
        folder: of the set.
        format_: the reader's name.
        settings: what is imported and how, in words: others are refused in a folder that has some.
        replace: others begin anew.
        annotations: what is known beside the files.
        scheduler: see `cluster.gathered`.
        workers: see there.
        files: at most in a shard.
        size: their bytes.
        progress: called with files done and in all.
        say: told in a line what people wait for.

    Raises:
        InputError: no file of all can be read, another import writes there, the folder is
            somebody else's, or what is refused of the set as a whole.
        OSError: the folder cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file; name a folder, or one file by a name that ends in .h5")
    with locked(folder, LOCK, busy=BUSY, unwritable="cannot write here"):
        records.begin(folder, settings or {"of": str(listing.path)}, replace=replace)
        read = _led(listing)
        common = signature(__version__, read, format_, _companions(listing.path, format_))
        total = sum(len(files_of(item)) for item in listing.items)
        made = Made(folder, total, progress)
        left = made.left(chunks(listing.items, common, files=files, size=size))
        if (first := next(left, None)) is not None:
            (folder / FILE).unlink(missing_ok=True)  # the set is not what it says any more
            paths = [listing.path, folder]
            with gathered(scheduler, workers, paths=paths, say=say) as crew:
                own = scheduler is not None or workers > 1
                make = partial(import_chunk, folder=folder, format_=format_, read=read, own=own)
                # The next chunks are cut while workers are at the first ones.
                for chunk, record, problem in _done(crew, chain([first], left), make):
                    made.add(chunk, record, problem)
        return _whole(listing, folder, annotations, made)


Make = partial[Record]


def _whole(listing: Listing, folder: Path, annotations: Annotations, made: Made) -> Imported:
    """The set of the shards that were made."""
    in_order = [(chunk, made.records[chunk.name]) for chunk in made.cut]
    of_shards = [record for _, record in in_order if record is not None]
    problems = [p for record in of_shards for p in record.problems] + made.problems
    if refused := sorted(whole.unused(of_shards)):
        option, word = refused[0]
        raise InputError(f"{listing.path}: {option}: no file has the joint {word!r}; mend the name")
    opened = made.shards
    shards, odd = whole.alike([opened[c.name] for c in made.cut if c.name in opened])
    items = {folder / chunk.name: chunk.items for chunk in made.cut}
    problems += [(named(item), text) for file, text in odd for item in items[file]]
    notes.keep(folder, problems)
    if not shards:
        raise InputError(_nothing(listing, folder, problems, of_shards))
    for file in {*folder.glob("shard-*.h5")} - {folder / name for name in opened}:
        file.unlink()  # of files that are gone
    with noted() as told:
        clips = whole.together(folder, shards, of_shards)
        save_table(folder, annotations.applied(listing.finish(clips)))
    lines = (*notes.together(record.notes for record in of_shards), *told)
    old = len({shard.part.path.name for shard in shards} - made.new)
    return Imported(ClipSet.open(folder), len(shards), old, tuple(problems), lines)


def _done(
    crew: Crew, left: Iterable[Chunk], make: Make
) -> Iterator[tuple[Chunk, Record | None, str]]:
    """Chunk, record and problem, as they are done.

    Of a chunk that took its workers with it the items are tried one by one, and the rest is made.

    Raises:
        OSError: the folder cannot be written.
    """
    given: list[Chunk] = []
    lost = []
    try:
        for done in crew.each(make, _noting(left, given)):
            if done.problem:
                lost.append(given[done.index])
            else:
                yield given[done.index], done.value, ""
        for chunk in lost:
            tried = crew.each(partial(check_item, read=make.keywords["read"]), chunk.items)
            odd = {done.index: done.problem for done in tried if done.problem}
            told = tuple((named(chunk.items[at]), odd[at]) for at in sorted(odd))
            rest = tuple(item for at, item in enumerate(chunk.items) if at not in odd)
            again = partial(make, without=told)
            for done in crew.each(again, [chunk._replace(items=rest)]):
                yield chunk, done.value, done.problem
    except Unwritable as error:
        raise OSError(*error.args) from None


def _noting(chunks_: Iterable[Chunk], given: list[Chunk]) -> Iterator[Chunk]:
    for chunk in chunks_:
        given.append(chunk)
        yield chunk


def _led(listing: Listing) -> Read:
    """What reads parts by what the first file says in which there is something."""
    lead = listing.lead
    if lead is None:
        return listing.read
    for item in listing.items[:LEADS]:
        with suppress(InputError, OSError), warnings.catch_warnings(action="ignore"):
            return lead(item)
    return listing.read


def _companions(path: Path, format_: str) -> list[tuple[str, tuple[int, int]]]:
    """Files beside the recordings that say how these are read, as a skeleton."""
    if format_ not in SIGNS or not path.is_dir():
        return []
    ends = {end for end in SIGNS[format_].companions if end not in SIGNS[format_].suffixes}
    return [(str(m), stamp(m)) for m in members.find(path, ends)] if ends else []


def _nothing(
    listing: Listing, folder: Path, problems: Sequence[tuple[str, str]], made: Sequence[Record]
) -> str:
    if not problems:
        return f"{listing.path}: no clip in {len(listing.items)} files: " + "; ".join(
            notes.together(record.notes for record in made)
        )
    first = problems[0][1]
    count = f"none of the {len(listing.items)} files could be read"
    return f"{listing.path}: {count}, as {first}; {folder / notes.PROBLEMS} lists why"

"""The listing of what was recognised; formats that are one file for many clips are one item."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..auto import Found, read_found
from ..clips import ClipSet
from ..formats import members
from ..listing import Listing, Told
from ..pool import Progress
from ..readers import LISTINGS, READERS
from ..reading import reader_arguments


def listing_of(found: Found, layout: str | None, words: Sequence[str]) -> tuple[Listing, str]:
    """What a path's reader reads; and in words why it is one item, where it is.

    Args:
        found: by `recognise`, or a format that was named.
        layout: a layout's name or TOML file; None: the reader's own way.
        words: `key=value`, options of the format.

    Raises:
        InputError: an option that the format does not have, or what its reader refuses.
    """
    if found.format in LISTINGS and len(found.paths) == 1:
        given = {word.partition("=")[0].removeprefix(f"{found.format}.") for word in words}
        usual = [word for word in found.words if word.partition("=")[0] not in given]
        how = reader_arguments(found.format, [*words, *usual])
        return LISTINGS[found.format](found.paths[0], layout, *how), ""
    if found.format in READERS:
        reader_arguments(found.format, words)  # refused before anything is read
    files = tuple(file for path in found.paths for file in members.find(path, None))
    read = partial(_read, found=found, layout=layout, words=tuple(words))
    path = found.paths[0] if len(found.paths) == 1 else found.paths[0].parent
    why = f"a file of {found.format} is a set of clips"
    return Listing(path, [files], read), why


def _read(
    items: Sequence[tuple[Path, ...]],
    /,
    *,
    found: Found,
    layout: str | None,
    words: tuple[str, ...],
    workers: int = 1,
    progress: Progress | None = None,
    scratch: str | Path | None = None,
    told: Told | None = None,
) -> ClipSet:
    return read_found(found, layout, words, progress=progress, scratch=scratch)

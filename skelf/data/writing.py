"""A set written in a format by its name, with options as words: what `data export` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import InputError, unknown
from ..files import write_json
from ..folders import EXPORTED
from ..settings.options import table
from ..settings.settable import filled
from .clips import ClipSet
from .reading import given_words, refuse_words
from .writers import FORMS, WRITERS, writer_options
from .writers.person import persons_in
from .writers.set_folder import warn, write_set


def writer_names(format_: str) -> list[str]:
    """The options of a format's writer."""
    cls = writer_options(format_) if format_ in FORMS else None
    return list(table(cls)) if cls else []


def format_of(out: Path, named: str | None) -> str:
    """The format of an output: as named, else by the suffix of its file.

    Raises:
        InputError: none of that name, or no format has the suffix.
    """
    if named is not None:
        if named not in FORMS:
            raise unknown("format", named, FORMS)
        return named
    by_suffix = {form.suffix: name for name, form in FORMS.items()
                 if form.suffix and not form.named}  # fmt: skip
    if out.suffix.lower() not in by_suffix:
        raise InputError(
            f"{out}: name a file that ends in {', '.join(by_suffix)}; or a folder and its format "
            f"by --to ({', '.join(FORMS)})"
        )
    return by_suffix[out.suffix.lower()]


def is_folder(out: Path, format_: str) -> bool:
    """Whether an output of this format is a folder: where its name has not the file's suffix."""
    suffix = FORMS[format_].suffix
    return not suffix or (FORMS[format_].single and out.suffix.lower() != suffix)


def writer(
    format_: str, words: Sequence[str]
) -> Callable[..., Any]:  # single clips give `Notes`, sets nothing
    """A format's writer with its options set by words `key=value`.

    Raises:
        InputError: an option that it has not, or a value that does not hold.
    """
    cls = writer_options(format_)
    if cls is None:
        refuse_words(format_, words)
        return WRITERS[format_]
    how = filled(cls, given_words(cls, format_, words), section=format_, source="data export")
    return partial(WRITERS[format_], how=how)


def write(
    clips: ClipSet,
    out: Path,
    format_: str,
    words: Sequence[str] = (),
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Writes a set; see `is_folder` for what `out` is, a folder being an empty one that is there.

    Args:
        clips: the set.
        out: the file or folder.
        format_: a name of `FORMS`.
        words: options of the format.
        progress: called with clips done and in all, where each is a file.

    Returns:
        Files written.

    Raises:
        InputError: a file of one clip for a set of several, and what the writer refuses.
    """
    form, write_one = FORMS[format_], writer(format_, words)
    if not form.single:
        write_one(clips, out)
        if not form.suffix:
            write_json(out / EXPORTED.mark, {"format": EXPORTED.format, "clips": len(clips)})
        return 1 if form.suffix else len(list(out.iterdir())) - 1
    if is_folder(out, format_):
        return write_set(clips, out, write_one, form.suffix, apart=form.apart, progress=progress)
    if len(clips) > 1:
        raise InputError(
            f"{out}: such a file is of one clip, {clips} has {len(clips)}: choose one by --clip "
            f"NAME, or write all into a folder by --to {format_}"
        )
    persons = persons_in(clips, 0)
    if form.apart and len(persons) != 1:
        raise InputError(
            f"{out}: such a file is of one person, {clips.names[0]!r} shows {len(persons)}: write "
            f"a file for each into a folder by --to {format_}"
        )
    warn(clips, write_one(clips, 0, out, **({"person": persons[0]} if form.apart else {})))
    return 1

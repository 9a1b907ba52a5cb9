"""A reader by its format's name, with options as words: what every command that reads shares."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import InputError, unknown
from ..settings.given import parse_override
from ..settings.options import table
from ..settings.settable import filled
from ..settings.values import Settings
from .annotations.options import Annotations
from .clips import ClipSet
from .readers import READERS, reader_options

MOST_WORKERS = 8  # beyond, the disk is the limit


def option_names(format_: str) -> list[str]:
    """The options of a format's own."""
    cls = reader_options(format_) if format_ in READERS else None
    return list(table(cls)) if cls else []


def annotations_of(words: Sequence[str]) -> tuple[Annotations, list[str]]:
    """The options that every format has, and the words of the format's own."""
    keys = table(Annotations)
    shared = [word for word in words if word.partition("=")[0] in keys and "=" in word]
    values = {}
    for word in shared:
        key, _, value = word.partition("=")
        values[key] = value  # a name as it stands: not all are TOML
    annotations = filled(Annotations, values, section="import", source="data import")
    return annotations, [word for word in words if word not in shared]


def reader_arguments(format_: str, words: Sequence[str]) -> tuple[object, ...]:
    """Words `key=value` as the reader's options, where it has any.

    Raises:
        InputError: a word that is none, or an option that the format does not have.
    """
    cls = reader_options(format_) if format_ in READERS else None
    if cls is None:
        refuse_words(format_, words)
        return ()
    values = given_words(cls, format_, words)
    if "workers" in table(cls):
        values.setdefault("workers", min(MOST_WORKERS, _processors()))  # this one among them
    return (filled(cls, values, section=format_, source="data import"),)


def given_words(cls: Any, format_: str, words: Sequence[str]) -> Settings:  # Any: as `table` takes
    """Words `key=value` for an options class of a format; those after the format's name too.

    Raises:
        InputError: a word without `=`, or a value that cannot be read.
    """
    keys = table(cls)
    values: Settings = {}
    for word in words:
        if "=" not in word:
            raise InputError(f"{word!r}: write KEY=VALUE; {format_} has {', '.join(keys)}")
        bare, _, text = word.removeprefix(f"{format_}.").partition("=")
        if bare in keys and keys[bare].annotation is str and text[:1] not in ("'", '"'):
            values[bare] = text  # as it stands: {class}_*.bvh is no table of TOML
            continue
        key, value = parse_override(f"{format_}.{word.removeprefix(f'{format_}.')}")
        values[key.removeprefix(f"{format_}.")] = value
    return values


def refuse_words(format_: str, words: Sequence[str]) -> None:
    """Raises InputError where a format without options is given some."""
    if words:
        raise InputError(f"{words[0]!r}: the format {format_} has no options; leave it out")


def read(
    format_: str,
    path: str | Path,
    layout: str | None = None,
    how: tuple[object, ...] = (),
    *,
    progress: Callable[[int, int], None] | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """What a reader makes of a path; the set's attribute "format" names it.

    Args:
        format_: a name in `READERS`.
        path: what it is to read.
        layout: a layout's name or TOML file; None: the reader's own way.
        how: by `reader_arguments`.
        progress: called with what is done and in all, by readers of many files.
        scratch: folder for the frames meanwhile, where the reader needs one.

    Raises:
        InputError: an unknown format, or what the reader refuses.
    """
    if format_ not in READERS:
        raise unknown("format", format_, READERS)
    reader = READERS[format_]
    takes = inspect.signature(reader).parameters
    meanwhile: dict[str, Any] = {}  # Any: keyword arguments that not every reader has
    if "scratch" in takes and scratch is not None:
        meanwhile["scratch"] = scratch
    if "progress" in takes and progress is not None:
        meanwhile["progress"] = progress
    clips = reader(path, layout, *how, **meanwhile)
    return replace(clips, attributes={**clips.attributes, "format": format_})


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

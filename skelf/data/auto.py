"""`skelf data import auto`: what a path is taken for and why, and what is left out of a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from .clips import ClipSet
from .formats.field_arrays import arrays_of
from .formats.guess import recognised
from .formats.members import STUDIO, Member
from .formats.ntu_names import clip_of
from .formats.signs import SIGNS, STORE, by_suffix
from .join import joined
from .reading import read, reader_arguments
from .survey import NO_DATA, Survey, listed, survey


class Found(NamedTuple):
    """What a path is taken for.

    Args:
        format: a name in `READERS`.
        why: in a few words.
        paths: what its reader is given, one after the other.
        left_out: what else lies there, in words; empty where there is nothing.
        words: options that it needs, unless others are given.
    """

    format: str
    why: str
    paths: tuple[Path, ...]
    left_out: str = ""
    words: tuple[str, ...] = ()


def recognise(path: str | Path, passed: Sequence[Path] = ()) -> Found:
    """The one format of a file, a folder or a zip.

    Args:
        path: of the recordings.
        passed: files of a folder that are not looked at, as the store that is written.

    Raises:
        InputError: nothing there, nothing that is read, or several formats: the message asks which.

    Examples:
        >>> Path("walk.csv").write_text("frame,hip_x,hip_y,head_x,head_y\\n0,1,2,3,4\\n")
        42
        >>> recognise("walk.csv").format
        'csv'
    """
    path = Path(path)
    is_zip = path.suffix.lower() == ".zip"
    if path.is_file() and not is_zip:
        format_, why = recognised(path)
        if format_ == STORE:
            raise InputError(
                f"{path}: an HDF5 file of no format that skelf reads; save its joints as CSV. "
                "If it is a store of skelf, there is nothing to import: skelf data info shows it"
            )
        return Found(format_, why, (path,), words=_usual(format_, [Member(path)]))
    found = survey(path, passed)
    if fields := arrays_of(path):
        why = f"{fields[0].name} lies in it, as the field's arrays do"
        others = [f for f in found.formats.pop("arrays", []) if f.file not in fields]
        if others := [f for f in others if not f.name.stem.endswith("num_frame")]:
            found.others[".npy"] = others
        return Found("arrays", why, (path,), found.left_out(["arrays"]))
    format_ = _only(path, found)
    files = found.formats[format_]
    left = found.left_out([format_])
    why = f"{found.whys[format_]} ({files[0].name.name})"
    if not SIGNS[format_].alone:
        return Found(format_, why, (path,), left, _usual(format_, files))
    if any(file.inside for file in files):
        raise InputError(f"{path}: holds {format_}, which is read of no zip; unpack it first")
    return Found(format_, why, tuple(sorted(file.file for file in files)), left)


def read_found(
    found: Found,
    layout: str | None = None,
    words: Sequence[str] = (),
    *,
    progress: Callable[[int, int], None] | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """The recordings of what was recognised; several files of which each is a set are joined.

    Args:
        found: by `recognise`.
        layout: a layout's name or TOML file; None: the reader's own way.
        words: `key=value`, options of its format.
        progress: called with what is done and in all, by readers of many files.
        scratch: folder for the frames meanwhile.

    Raises:
        InputError: an option that the format does not have, or what its reader refuses.
    """
    given = {word.partition("=")[0].removeprefix(f"{found.format}.") for word in words}
    usual = [word for word in found.words if word.partition("=")[0] not in given]
    how = reader_arguments(found.format, [*words, *usual])
    sets = [
        read(found.format, path, layout, how, progress=progress, scratch=scratch)
        for path in found.paths
    ]
    return sets[0] if len(sets) == 1 else joined(sets, scratch=scratch)


def left_out(format_: str, path: Path, passed: Sequence[Path] = ()) -> str:
    """What lies in a folder beside the files that a format's reader takes, by their names.

    Args:
        format_: a name in `READERS`.
        path: the folder.
        passed: files that are known to have another purpose.
    """
    signs = SIGNS.get(format_)
    if signs is None or not path.is_dir():
        return ""
    known = {*signs.suffixes, *signs.companions, ".zip", ".h5"}
    not_these = {os.path.abspath(file) for file in passed}
    kinds: dict[str, list[Member]] = {}
    for folder, below, names in os.walk(path, followlinks=False):
        below[:] = [name for name in below if name != STUDIO]
        for name in sorted(names):
            suffix = os.path.splitext(name)[1].lower()
            if suffix in known or name.startswith(".") or NO_DATA.fullmatch(name):
                continue
            file = os.path.join(folder, name)
            if os.path.abspath(file) not in not_these:
                other = by_suffix(suffix)
                kind = f"of {other}" if other else f"*{suffix}"
                kinds.setdefault(kind, []).append(Member(Path(file)))
    return listed(kinds.items())


def _only(path: Path, found: Survey) -> str:
    """The one format of a survey."""
    if found.questions:
        raise InputError(next(iter(found.questions.values())))
    formats = [name for name in found.formats if name not in ("", STORE)]
    if len(formats) == 1:
        return formats[0]
    if formats:
        counts = listed((f"of {name}", found.formats[name]) for name in formats)
        commands = ", or ".join(f"skelf data import {name} {path} ..." for name in formats)
        raise InputError(
            f"{path}: several formats lie here: {counts}; import each by its name, to a store of "
            f"its own: {commands}"
        )
    there = found.left_out([])
    raise InputError(
        f"{path}: no recording of a known format in it or below; "
        + (f"there are {there}; " if there else "")
        + "say the format in place of auto (skelf list formats has them)"
    )


def _usual(format_: str, files: Sequence[Member]) -> tuple[str, ...]:
    """What files of own names need said."""
    if format_ == "ntu" and not any(clip_of(file.name.stem) for file in files):
        return ("folders=class",)
    return ("form=recordings",) if format_ == "pkummd" and len(files) == 1 else ()

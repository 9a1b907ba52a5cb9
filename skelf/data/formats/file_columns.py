"""What the paths of motion capture files say of their clips: names, classes, subjects, cameras."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from ..motion.mocap import Folders
from .naming import MOST_DIGITS, Columns, NamePattern


def columns(path: Path, files: Sequence[Path], folders: Folders, clip: str) -> Columns:
    """Names, and what the folders that hold the files, and the files' paths, say of them.

    Args:
        path: what the user named.
        files: in it.
        folders: what the name of the folder that holds a file is.
        clip: a pattern, see `NamePattern`; what it says counts before what folders do.

    Raises:
        InputError: a path that does not fit the pattern, or a wrong pattern.
    """
    if path.is_dir():
        name = [_legible(file.relative_to(path).with_suffix("").as_posix()) for file in files]
        odd = [file for file in files if _not_utf8(file.relative_to(path).as_posix())]
    else:
        name, odd = [_legible(path.stem)], [path] if _not_utf8(path.name) else []
    if odd:
        others = f" (and {len(odd) - 1} more files)" if len(odd) > 1 else ""
        warnings.warn(
            f"{_legible(str(odd[0]))}{others}: the name is not UTF-8, its letters beyond ASCII are "
            "read as Latin-1",
            stacklevel=3,
        )
    by_key: Columns = {"name": name}
    named = "{subject}" in clip if folders == "subject" else "{class}" in clip
    if path.is_dir() and folders != "none" and not named:
        by_key |= _folder_columns(path, files, folders)
    if clip:
        paths = [f"{stem}{file.suffix}" for stem, file in zip(name, files, strict=True)]
        by_key |= NamePattern(clip, "clip").columns(paths)
    return by_key


def _folder_columns(path: Path, files: Sequence[Path], folders: Folders) -> Columns:
    folder_of = ["" if file.parent == path else _legible(file.parent.name) for file in files]
    folders_used = sorted(set(folder_of) - {""})
    if not folders_used:
        return {}
    if folders == "class":
        number = {folder: at for at, folder in enumerate(folders_used)} | {"": -1}
        label = [number[folder] for folder in folder_of]
        return {"label": label, "class_names": folders_used}
    number = _subjects(folders_used) | {"": -1}
    return {"subject": [number[folder] for folder in folder_of]}


def _subjects(folders: Sequence[str]) -> dict[str, int]:
    """The number in each folder's name (`S07`); else 0, 1, ... in sorted order, with a note."""
    digits = [re.findall("[0-9]+", folder) for folder in folders]
    if all(len(found) == 1 and len(found[0]) <= MOST_DIGITS for found in digits):
        number = {folder: int(found[0]) for folder, found in zip(folders, digits, strict=True)}
        if len(set(number.values())) == len(folders):
            return number
    number = {folder: at for at, folder in enumerate(folders)}
    shown = ", ".join(f"{folder} = {at}" for folder, at in [*number.items()][:4])
    warnings.warn(
        f"folders=subject: the folders' names have no number each of their own, so subjects are "
        f"counted in their order: {shown}{', ...' if len(folders) > 4 else ''}; where folders are "
        "classes, give folders=class",
        stacklevel=4,
    )
    return number


def _not_utf8(text: str) -> bool:
    """Whether a name has bytes that are no UTF-8; Python keeps them as half characters."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _legible(text: str) -> str:
    """A path as a store can keep it; names that are no UTF-8 as Latin-1, so that none is lost."""
    parts = text.split("/")
    return "/".join(os.fsencode(p).decode("latin-1") if _not_utf8(p) else p for p in parts)

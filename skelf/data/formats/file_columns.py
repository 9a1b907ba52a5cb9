"""What the paths of motion capture files say of their clips: names, classes, subjects, cameras."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..clips import utf8
from ..motion.mocap import Folders
from .naming import Columns, NamePattern


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
        name = [utf8(file.relative_to(path).with_suffix("").as_posix()) for file in files]
    else:
        name = [utf8(path.stem)]
    by_key: Columns = {"name": name}
    if path.is_dir() and folders != "none":
        by_key |= _folder_columns(path, files, folders)
    if clip:
        paths = [f"{stem}{file.suffix}" for stem, file in zip(name, files, strict=True)]
        by_key |= NamePattern(clip, "clip").columns(paths)
    return by_key


def _folder_columns(path: Path, files: Sequence[Path], folders: Folders) -> Columns:
    folder_of = ["" if file.parent == path else utf8(file.parent.name) for file in files]
    folders_used = sorted(set(folder_of) - {""})
    if not folders_used:
        return {}
    number = {folder: at for at, folder in enumerate(folders_used)} | {"": -1}
    if folders == "class":
        label = [number[folder] for folder in folder_of]
        return {"label": label, "class_names": folders_used}
    if all(re.fullmatch("[0-9]{1,18}", folder) for folder in folders_used):
        number = {folder: int(folder) for folder in folders_used} | {"": -1}
    return {"subject": [number[folder] for folder in folder_of]}

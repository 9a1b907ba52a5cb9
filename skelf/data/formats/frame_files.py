"""Files of one frame each, gathered to videos by their names; others hold a video each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError
from . import frame_names, naming
from .frame_names import Images
from .members import Member


class Frames(NamedTuple):
    """The files of one video.

    Args:
        files: in the order of their names.
        images: where each stands in time; a lone file that is a whole video has one.
        whole: the file holds all frames.
    """

    files: list[Member]
    images: Images
    whole: bool = False


def gathered(
    files: Sequence[Member],
    root: Path,
    whole: Callable[[Member], bool],
    *,
    end: str = "",
    inner: str = "",
    sampled: bool = True,
) -> dict[str, Frames]:
    """Name of a clip -> its files.

    Args:
        files: all of them.
        root: what the user named.
        whole: whether a file holds all frames of a video.
        end: what file names end with, apart from the suffix.
        inner: a folder that is no part of a clip's name.
        sampled: every frame has a file, so that a common step means a lower frame rate.

    Raises:
        InputError: names that do not say which frame a file is.
    """
    by_folder: dict[str, dict[str, list[Member]]] = {}
    videos: dict[str, Frames] = {}
    for member in files:
        folder, _, stem = naming.clip_name(member, root).removesuffix(end).rpartition("/")
        if inner:
            folder = "/".join(part for part in folder.split("/") if part != inner)
        by_folder.setdefault(folder, {}).setdefault(stem, []).append(member)
    for folder, by_stem in by_folder.items():
        twice = next((group for group in by_stem.values() if len(group) > 1), None)
        if twice:
            raise InputError(f"{twice[1]}: its frame number stands twice; keep one of the files")
        members = {stem: group[0] for stem, group in by_stem.items()}
        of_videos = [stem for stem, member in members.items() if whole(member)]
        for stem in of_videos:
            name = f"{folder}/{stem}".removeprefix("/")
            videos[name] = Frames([members.pop(stem)], Images(stem, {stem: 0}, 1, 1), True)
        if not members:
            continue
        if of_videos:
            file = by_stem[of_videos[0]][0]
            raise InputError(
                f"{file}: a list of frames among files of one frame each; take one kind out"
            )
        for part in _parts(list(members), str(root / folder), sampled):
            name = f"{folder}/{part.name}".removeprefix("/")
            if not part.name or folder.rpartition("/")[2] == part.name:
                name = folder or part.name or root.stem
            while name in videos:
                name += "-2"
            videos[name] = Frames([members[str(stem)] for stem in part.frames], part)
    return videos


def _parts(stems: Sequence[str], where: str, sampled: bool) -> list[Images]:
    """The videos of one folder."""
    by_video: dict[str, dict[str | int, int]] = {}
    for stem in stems:
        match = re.fullmatch(r"(.*?)_?(\d{12})", stem)  # as OpenPose names them
        if match is None:
            lone = [stem for stem in stems if not re.search(r"\d", stem)]
            numbered = [stem for stem in stems if re.search(r"\d", stem)]
            parts = [Images(stem, {stem: 0}, 1, 1) for stem in lone]
            return parts + frame_names.videos(numbered, where, sampled)
        by_video.setdefault(match[1], {})[stem] = int(match[2])
    parts = []
    for name, frames in by_video.items():
        indices, length, step = naming.timeline(list(frames.values()), where, sampled=sampled)
        parts.append(Images(name, dict(zip(frames, indices, strict=True)), length, step))
    return parts

"""What recordings of a folder are called, and the videos that lie beside them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...data.clips import utf8

VIDEOS = (".mp4", ".webm", ".m4v", ".mov", ".ogv", ".mkv", ".avi")
"""Those that browsers play first."""


def relative(path: Path, folder: Path) -> str:
    """A path below a folder, with `/`; half characters become `?`."""
    return utf8(Path(os.path.relpath(path, folder)).as_posix())


def stems(paths: Sequence[Path], folder: Path) -> list[str]:
    """A name for each source: its path without suffix, with it where two would be called alike.

    The folder itself, where it is one source, has the empty name.

    Examples:
        >>> stems([Path("d/a.csv"), Path("d/b.csv"), Path("d/b.bvh"), Path("d")], Path("d"))
        ['a', 'b.csv', 'b.bvh', '']
    """
    whole = [relative(path, folder) for path in paths]
    bare = [
        "" if name == "." else name if path.is_dir() else str(PurePosixPath(name).with_suffix(""))
        for name, path in zip(whole, paths, strict=True)
    ]
    count = Counter(bare)
    return [name if count[stem] > 1 else stem for name, stem in zip(whole, bare, strict=True)]


def called(stem: str, clips: Sequence[str]) -> list[str]:
    """The recordings of one source; one alone is called like it.

    Examples:
        >>> called("monday", ["a"]), called("monday", ["a", "b"]), called("", ["a"])
        (['monday'], ['monday/a', 'monday/b'], ['a'])
    """
    if stem and len(clips) == 1:
        return [stem]
    names: list[str] = []
    taken: Counter[str] = Counter()
    for clip in clips:
        name = f"{stem}/{clip}" if stem else clip
        taken[name] += 1
        names.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    return names


def video_beside(source: Path, name: str, folder: Path) -> str | None:
    """The video of a recording: of its file's name, or of its own, relative to the folder."""
    for base in (source.with_suffix(""), folder / name):
        for suffix in VIDEOS:
            for end in (suffix, suffix.upper()):
                file = base.with_name(base.name + end)
                if file.is_file() and file != source:
                    return relative(file, folder)
    return None


def stamp(path: Path, without: Path) -> str:
    """A source as the system knows it: another stamp means that it has to be read again.

    Args:
        path: a file, or a folder that is one source.
        without: a folder that does not count.
    """
    if path.is_file():
        status = path.stat()
        return f"{status.st_size}-{status.st_mtime_ns}"
    files = total = newest = 0
    for place, below, names in os.walk(path):
        below[:] = [name for name in below if Path(place, name) != without]
        for name in names:
            status = os.stat(os.path.join(place, name))
            files, total = files + 1, total + status.st_size
            newest = max(newest, status.st_mtime_ns)
    return f"{files}-{total}-{newest}"

"""Names from elsewhere as paths that stay within a folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from ...errors import InputError


def inside(folder: Path, name: str) -> Path:
    """The path of a name below a folder, links followed; it need not exist.

    Args:
        folder: that holds it.
        name: a path relative to it, with `/`.

    Raises:
        InputError: it leaves the folder, by its parts or by a link, or is no path.

    Examples:
        >>> inside(Path("."), "a/b.csv").name
        'b.csv'
        >>> inside(Path("."), "../b.csv")
        Traceback (most recent call last):
        skelf.errors.InputError: '../b.csv': leads out of the project's folder; name a file in it
    """
    parts = PurePosixPath(name).parts
    is_path = bool(parts) and not any(ord(c) < 32 for c in name)
    of_windows = PureWindowsPath(name)
    rooted = name.startswith("/") or bool(of_windows.drive or of_windows.root)
    if is_path and not rooted and ".." not in (*parts, *of_windows.parts):
        try:
            whole = folder.resolve()
            place = (whole / name).resolve()
        except (OSError, ValueError, RuntimeError):  # a circle of links
            pass
        else:
            in_circle = place.is_symlink()
            if place.is_relative_to(whole) and place != whole and not in_circle:
                return place
    raise InputError(f"{name[:80]!r}: leads out of the project's folder; name a file in it")

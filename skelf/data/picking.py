"""One clip of a set, by its name or its number."""

from __future__ import annotations

from difflib import get_close_matches

from ..errors import InputError
from .clips import ClipSet


def pick(clips: ClipSet, wanted: str) -> int:
    """The index of a clip by its name, or by an index written as a number.

    Raises:
        InputError: no such clip; the message has the nearest names.
    """
    names = clips.names
    if wanted in names:
        return names.index(wanted)
    if wanted.isdecimal():
        if int(wanted) < len(clips):
            return int(wanted)
        raise InputError(f"{clips}: clip {wanted} does not exist; there are 0 to {len(clips) - 1}")
    near = get_close_matches(wanted, names, n=3, cutoff=0.5) or names[:3]
    raise InputError(f"{clips}: no clip {wanted!r}; there are {', '.join(near)}, ...")

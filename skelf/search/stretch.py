"""The query: a recording, a clip of a store, or a stretch of either, as a person names it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from ..data.picking import pick
from ..errors import InputError

_SECONDS = r"(\d+(?:\.\d*)?|\.\d+)"
_TIMES = re.compile(rf"(.+)@{_SECONDS}-{_SECONDS}", re.DOTALL)


class Named(NamedTuple):
    """What a query's text names.

    Args:
        path: a file or a folder.
        clip: name or number of a recording in it; None: the only one.
        start: seconds from its first frame; None: from there.
        end: exclusive; None: to its last.
    """

    path: str
    clip: str | None = None
    start: float | None = None
    end: float | None = None

    def within(self, start: float | None, end: float | None) -> Named:
        """The same from `start` to `end`, where these are given."""
        return self._replace(
            start=self.start if start is None else start, end=self.end if end is None else end
        )


def parse(text: str) -> Named:
    """`FILE`, `FILE@12.5-14.0`, `STORE#CLIP`, `STORE#CLIP@12.5-14.0`; a file of that name wins.

    Examples:
        >>> parse("walk.csv@12.5-14")
        Named(path='walk.csv', clip=None, start=12.5, end=14.0)
        >>> parse("nw.h5#a01_s01")
        Named(path='nw.h5', clip='a01_s01', start=None, end=None)
    """
    if Path(text).exists():
        return Named(text)
    start = end = None
    if (match := _TIMES.fullmatch(text)) is not None:
        text, start, end = match[1], float(match[2]), float(match[3])
    if Path(text).exists():
        return Named(text, None, start, end)
    path, hash_, clip = text.partition("#")
    while "#" in clip and not Path(path).exists():  # in the name of a file or folder
        more, _, clip = clip.partition("#")
        path = f"{path}#{more}"
    return Named(path, clip if hash_ else None, start, end)


def recording(clips: ClipSet, named: Named) -> ClipSet:
    """The recording that is meant, as a set of one.

    Raises:
        InputError: several and none is named, or no such one.
    """
    if named.clip is not None:
        return clips.take([pick(clips, named.clip)])
    if len(clips) > 1:
        names = ", ".join(clips.names[:3])
        raise InputError(
            f"{named.path}: holds {len(clips)} recordings; name one as {named.path}#NAME or "
            f"{named.path}#NUMBER ({names}, ...)"
        )
    return clips


def seconds(one: ClipSet, named: Named) -> tuple[float, float]:
    """Start and end of the stretch that is meant.

    Args:
        one: the recording, a set of one.
        named: what is meant of it.

    Raises:
        InputError: an empty stretch, or one that lies beyond the recording's end.
    """
    length = float(one.length[0]) / float(one.fps[0])
    start, end = named.start or 0.0, length if named.end is None else named.end
    text = f"{named.path}#{one.name[0]}" if named.clip is not None else named.path
    if start >= end and start < length:
        raise InputError(
            f"{text}@{start:g}-{end:g}: an empty stretch; give its start, then its end"
        )
    if end > length + 1 / float(one.fps[0]):
        raise InputError(
            f"{text}@{start:g}-{end:g}: the recording ends at {length:.3f} s ({one.length[0]} "
            "frames); give a stretch before that"
        )
    return start, min(end, length)


def cut(clips: ClipSet, start: float, end: float) -> ClipSet:
    """From `start` to `end` seconds of each clip, at least a frame; segments stay behind."""
    fps = clips.fps.astype(np.float64)
    first = np.minimum(np.floor(start * fps + 1e-6).astype(np.int64), clips.length - 1)
    last = np.minimum(np.ceil(end * fps - 1e-6).astype(np.int64), clips.length)
    bare = replace(clips, segments=np.zeros((0, 4), np.int64), splits={})
    return replace(bare, start=bare.start + first, length=np.maximum(last - first, 1))

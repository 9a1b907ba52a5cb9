"""The motion that a hit or a query names: read again from its file, for whoever looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data.clips import ClipSet
from ..errors import InputError
from ..inference.source import Place, each, read_data
from . import stretch
from .hits import Hit
from .index import Index
from .manifest import Source


class Motions:
    """Reads the files of an index, each once.

    Args:
        index: the index.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._files: dict[int, ClipSet] = {}

    def of(self, hit: Hit) -> ClipSet:
        """A hit's frames as a set of one clip, as they are in its file.

        Raises:
            InputError: the file is not there any more, or was changed.
        """
        opened = self._index.opened
        number = opened.window(hit.row).source
        if number not in self._files:
            self._files[number] = _read(self._index.manifest.sources[number])
        recordings, at = opened.recording(hit.row)
        one = self._files[number].take([int(recordings.clip[at])])
        if hit.person >= 0:
            chosen = one.clip(0)[:, hit.person : hit.person + 1]
            one = replace(one, joints=np.ascontiguousarray(chosen), start=np.zeros(1, np.int64))
        bare = replace(one, segments=np.zeros((0, 4), np.int64), splits={})
        length = np.array([hit.end_frame - hit.start_frame])
        return replace(bare, start=bare.start + hit.start_frame, length=length)


def asked(
    query: str,
    format: str | None = None,
    layout: str | None = None,
    options: Sequence[str] = (),
) -> ClipSet:
    """The frames that a query names, as a set of one clip; see `Index.query`.

    Raises:
        InputError: no such recording or stretch.
    """
    named = stretch.parse(query)
    clips = read_data(named.path, format=format, layout=layout, options=options)
    one = stretch.recording(clips, named)
    return stretch.cut(one, *stretch.seconds(one, named))


def _read(source: Source) -> ClipSet:
    path = Path(source.path)
    if not path.exists():
        raise InputError(f"{path}: not there any more, where it was indexed")
    place = Place(path, source.format, Path(source.root or source.path))
    found = next(each([place], layout=source.layout or None, options=source.options))
    if found.clips is None:
        raise InputError(found.problem)
    if found.clips.digest() != source.digest:
        raise InputError(f"{path}: was changed since it was indexed")
    return found.clips

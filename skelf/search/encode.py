"""Clips of one file as rows of an index: where windows lie, what is known of them, vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..inference.adapt import adapted
from ..inference.needs import Needs
from ..inference.persons import PERSON
from ..inference.rate import in_file
from ..protocols.features import extract
from ..protocols.windows import Windows as Laid
from ..protocols.windows import as_clips
from .options import Search
from .part_file import Recordings, Windows
from .places import Places, places, window_labels

AT_ONCE = 512
"""Windows that are encoded between two reports of progress."""
_CLIP = "clip_of_file"


class Ready(NamedTuple):
    """A file as an index takes it.

    Args:
        clips: brought to the encoder.
        places: where windows lie that somebody is in.
        recordings: a row for each of `clips`; classes are numbered as in the file.
        windows: a row for each of `places`, in frames of the file; likewise.
    """

    clips: ClipSet
    places: Places
    recordings: Recordings
    windows: Windows


class Axes(NamedTuple):
    """What is known of a file's coordinates.

    Args:
        unit: see `inference.adapt.adapted`; None: told by the file.
        up: likewise.
    """

    unit: str | None = None
    up: str | None = None


def brought(clips: ClipSet, needs: Needs, say: Callable[[str], None], axes: Axes) -> ClipSet:
    """The clips as the encoder takes them, with a column that says which of the file each is.

    Raises:
        InputError: they do not fit, see `inference.adapt.adapted`.
    """
    numbered = replace(clips, columns={**clips.columns, _CLIP: np.arange(len(clips))})
    return adapted(numbered, needs, unit=axes.unit, up=axes.up, say=say)


def ready(
    clips: ClipSet,
    needs: Needs,
    how: Search,
    source: int,
    say: Callable[[str], None],
    axes: Axes = Axes(),
) -> Ready:
    """Everything of a file's rows but their vectors.

    Args:
        clips: as they were read.
        needs: of the encoder.
        how: the index's settings.
        source: number of the file in the index.
        say: told in a line what is changed for the encoder.
        axes: of the file.

    Raises:
        InputError: they do not fit the encoder.
    """
    fit = brought(clips, needs, say, axes)
    laid = _occupied(fit, places(fit.length, fit.fps, how.scales, how.stride))
    clip = fit.columns[_CLIP].astype(np.int64)
    own = clips.take(clip)
    recordings = Recordings(
        source=np.full(len(fit), source),
        number=np.arange(len(fit)),
        clip=clip,
        name=fit.names,
        fps=own.fps.astype(np.float64),
        frames=own.length.astype(np.int64),
        label=own.label.astype(np.int64),
        subject=own.subject.astype(np.int64),
        camera=own.camera.astype(np.int64),
        setup=own.setup.astype(np.int64),
        person=np.asarray(fit.columns.get(PERSON, np.full(len(fit), -1)), np.int64),
        digest=digests(clips)[clip],
    )
    ends = zip(laid.recording.tolist(), laid.start.tolist(), laid.length.tolist(), strict=True)
    bounds = [(in_file(fit, r, a), in_file(fit, r, a + n)) for r, a, n in ends]
    start, end = np.array(bounds, np.int64).reshape(-1, 2).T
    windows = Windows(
        source=np.full(len(laid.start), source),
        recording=laid.recording,
        start=start,
        end=np.maximum(end, start + 1),
        scale=laid.scale,
        label=window_labels(fit, laid),
    )
    return Ready(fit, laid, recordings, windows)


def _occupied(clips: ClipSet, laid: Places) -> Places:
    """The windows in which somebody is: all others would be alike."""
    seen = np.ones(len(laid.start), bool)
    bounds = np.searchsorted(laid.recording, np.arange(len(clips) + 1))
    for at, (first, last) in enumerate(pairwise(bounds.tolist())):
        there = (clips.clip(at)[..., : clips.coordinates] != 0).any(axis=(1, 2, 3))
        if there.all():
            continue
        until = np.concatenate([[0], np.cumsum(there)])
        start, end = laid.start[first:last], (laid.start + laid.length)[first:last]
        seen[first:last] = until[end] > until[start]
    return laid if seen.all() else laid.take(seen)


def digests(clips: ClipSet) -> np.ndarray:
    """A hash of each clip's frames, `(N,)` int64."""
    hashed = [
        blake2b(np.ascontiguousarray(clips.clip(at)).data, digest_size=8).digest()
        for at in range(len(clips))
    ]
    return np.frombuffer(b"".join(hashed), "<i8").astype(np.int64)


def vectors(
    encoder: Encoder,
    clips: ClipSet,
    laid: Places,
    device: str = "cpu",
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """The encoder's vector of each window, `(W, D)` float32.

    Args:
        encoder: as it was loaded.
        clips: brought to it.
        laid: the windows.
        device: where it runs.
        progress: called with the windows done since the last call.

    Raises:
        InputError: vectors that are not finite.
    """
    found = np.empty((len(laid.start), encoder.dim), np.float32)
    for first in range(0, len(found), AT_ONCE):
        some = laid.take(slice(first, first + AT_ONCE))
        asked = Laid(some.recording, some.start, some.length, some.start, some.length)
        found[first : first + AT_ONCE] = extract(
            encoder, as_clips(clips, asked), device=device, batch_size=AT_ONCE // 2
        ).numpy()
        progress(len(some.start))
    return found

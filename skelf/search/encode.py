"""Clips of one file as rows of an index: where windows lie, what is known of them, vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..data.paging import let_go
from ..inference.adapt import adapted, bodies_of
from ..inference.needs import Needs
from ..inference.persons import PERSON, leave, parted
from ..inference.rate import in_file_all
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


def brought(
    clips: ClipSet,
    needs: Needs,
    say: Callable[[str], None],
    axes: Axes,
    whole: ClipSet | None = None,
    scratch: str | Path | None = None,
) -> ClipSet:
    """The clips as the encoder takes them, with a column that says which of them each is.

    Args:
        clips: as they were read.
        needs: of the encoder.
        say: told in a line what is changed for it.
        axes: of the file.
        whole: the set that they are some clips of; None: they are all of it.
        scratch: folder for frames meanwhile.

    Raises:
        InputError: they do not fit, see `inference.adapt.adapted`.
    """
    numbered = replace(clips, columns={**clips.columns, _CLIP: np.arange(len(clips))})
    bodies = None if whole is None else bodies_of(whole, needs)
    return adapted(
        numbered, needs, unit=axes.unit, up=axes.up, say=say, bodies=bodies, scratch=scratch
    )


def ready(fit: ClipSet, given: ClipSet, how: Search, first: int = 0) -> Ready:
    """Everything of a file's rows but their vectors.

    Args:
        fit: by `brought`.
        given: as they were read.
        how: the index's settings.
        first: which of the file's clips is the first of them.
    """
    laid = _occupied(fit, places(fit.length, fit.fps, how.scales, how.stride))
    clip = fit.columns[_CLIP].astype(np.int64)
    own = given.take(clip)
    numbered = first * given.persons  # a clip may become as many
    recordings = Recordings(
        source=np.zeros(len(fit), np.int64),
        number=numbered + np.arange(len(fit)),
        clip=first + clip,
        name=fit.names,
        fps=own.fps.astype(np.float64),
        frames=own.length.astype(np.int64),
        label=own.label.astype(np.int64),
        subject=own.subject.astype(np.int64),
        camera=own.camera.astype(np.int64),
        setup=own.setup.astype(np.int64),
        person=np.asarray(fit.columns.get(PERSON, np.full(len(fit), -1)), np.int64),
        digest=digests(given)[clip],
    )
    start = in_file_all(fit, laid.recording, laid.start)
    end = in_file_all(fit, laid.recording, laid.start + laid.length)
    windows = Windows(
        source=np.zeros(len(laid.start), np.int64),
        recording=numbered + laid.recording,
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
        clip = clips.clip(at)[..., : clips.coordinates]
        there = np.concatenate([(part != 0).any(axis=(1, 2, 3)) for part in parted(clip)])
        leave(clips, at)
        if there.all():
            continue
        until = np.concatenate([[0], np.cumsum(there)])
        start, end = laid.start[first:last], (laid.start + laid.length)[first:last]
        seen[first:last] = until[end] > until[start]
    return laid if seen.all() else laid.take(seen)


def digests(clips: ClipSet) -> np.ndarray:
    """A hash of each clip's frames, `(N,)` int64."""
    hashed = []
    for at in range(len(clips)):
        hashed.append(blake2b(np.ascontiguousarray(clips.clip(at)).data, digest_size=8).digest())
        leave(clips, at)
    return np.frombuffer(b"".join(hashed), "<i8").astype(np.int64)


def vectors(encoder: Encoder, clips: ClipSet, laid: Places, device: str = "cpu") -> np.ndarray:
    """The encoder's vector of each window, `(W, D)` float32; see `encoded`."""
    parts = [part for _, part in encoded(encoder, clips, laid, device)]
    return np.concatenate(parts) if parts else np.zeros((0, encoder.dim), np.float32)


def encoded(
    encoder: Encoder, clips: ClipSet, laid: Places, device: str = "cpu"
) -> Iterator[tuple[slice, np.ndarray]]:
    """The encoder's vectors, some windows at a time.

    Args:
        encoder: as it was loaded.
        clips: brought to it.
        laid: the windows.
        device: where it runs.

    Yields:
        which windows, and their `(n, D)` float32.

    Raises:
        InputError: vectors that are not finite.
    """
    for first in range(0, len(laid.start), AT_ONCE):
        some = laid.take(slice(first, first + AT_ONCE))
        asked = Laid(some.recording, some.start, some.length, some.start, some.length)
        found = extract(encoder, as_clips(clips, asked), device=device, batch_size=AT_ONCE // 2)
        let_go(clips.joints)
        yield slice(first, first + len(found)), found.numpy()

"""From recordings to what happens in them again and again; no label is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..errors import InputError
from ..machine.guest import no_trace
from .changes import changes, unit
from .clusters import clusters
from .found import Discovery
from .options import Discover, smallest_cluster
from .signals import Signals, signals


@no_trace()
def discover(
    encoder: Encoder,
    clips: ClipSet,
    how: Discover = Discover(),
    *,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> Discovery:
    """Cuts recordings where their motion changes, and puts together what is alike.

    The encoder's dense features are averaged `how.rate` times a second, centred, brought to length
    1 and reduced to principal components. Boundaries are those of PELT. What a boundary must save
    is `how.penalty` seconds of the mean squared distance from the set's mean: so it does not depend
    on the encoder's scale, on the rate or on how much there is. The segments' means, of length 1,
    are clustered by HDBSCAN. The same input gives the same result.

    Time grows with the length of the recordings, and with the square of at most 20,000 segments.

    Args:
        encoder: comes back as it was.
        clips: recordings or clips as the encoder takes them (`inference.adapt.adapted`); a label
            or segments that they have play no part.
        how: the settings.
        device: where the encoder runs.
        progress: called with frames done and in all.

    Raises:
        InputError: clips that the encoder cannot take.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> recordings = generate(clips=0, recordings=3)
        >>> encoder = ENCODERS["gru"](recordings.skeleton, dim=8, layers=1, frames=8, persons=1)
        >>> found = discover(encoder, recordings, Discover(penalty=0.5))
        >>> sum(s.end_frame - s.start_frame for s in found.listed()) == recordings.frames_total
        True
    """
    clips = without_labels(clips)
    made = signals(
        encoder, clips, how.rate, how.dims, window=how.window, device=device, progress=progress
    )
    return assembled(clips, made, how)


def assembled(clips: ClipSet, made: Signals, how: Discover) -> Discovery:
    """Segments and clusters of signals, wherever these come from."""
    penalty = how.penalty * unit(made.values)
    rows, means = [], []
    for at, signal in enumerate(made.values):
        step, fps = int(made.step[at]), float(clips.fps[at])
        shortest = max(1, round(how.shortest * fps / step))
        bounds = [0, *changes(signal, penalty * fps / step, shortest).tolist(), len(signal)]
        for start, end in pairwise(bounds):
            rows.append((at, start * step, min(end * step, int(clips.length[at]))))
            means.append(signal[start:end].mean(axis=0))
    points = np.array(means)
    norm = np.linalg.norm(points, axis=1, keepdims=True)
    points /= np.where(norm > 0, norm, 1)
    bounded = np.array(rows, np.int64)
    seconds = (bounded[:, 2] - bounded[:, 1]) / clips.fps[bounded[:, 0]]
    label, score = clusters(points, smallest_cluster(how, len(rows)), how.min_samples, seconds)
    segments = np.column_stack([bounded, label])
    return Discovery(clips, segments, score, points, made.explained, how)


def without_labels(clips: ClipSet) -> ClipSet:
    """The same recordings without whatever says what happens in them.

    Raises:
        InputError: there are none.
    """
    if not len(clips):
        raise InputError(f"{clips}: there are no recordings")
    return replace(
        clips,
        label=np.full(len(clips), -1, np.int64),
        segments=np.zeros((0, 4), np.int64),
        class_names=(),
    )

"""True lengths of clips that were written into arrays of one length.

ST-GCN's preparation leaves zeros behind a clip. 2s-AGCN's repeats the clip from its start, takes
the first person's centre from each frame, and turns all: every copy is equal to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

CENTRE = 1  # of ntu25: the middle of the spine, which 2s-AGCN puts at zero
CLOSE = 1e-4  # of a bone's length: what single precision leaves of a zero after a turn


class Prepared(NamedTuple):
    """What was done with an array's clips before it was written.

    Args:
        centred: the first person's centre is zero in every frame (2s-AGCN).
        spine: the first frame's spine points along z.
        relative: another joint that is zero in every frame, -1: none.
    """

    centred: bool = False
    spine: bool = False
    relative: int = -1


def length_of(clip: np.ndarray, repeated: bool) -> int:
    """Frames of a clip without its padding, at least 1.

    Args:
        clip: `(T, M, V, C)`.
        repeated: whether the padding may be copies of the first person's frames.

    Examples:
        >>> clip = np.arange(1.0, 7)[:, None, None, None]
        >>> length_of(np.concatenate([clip, 0 * clip]), False)
        6
        >>> length_of(np.concatenate([clip, clip, clip[:2]]), True)
        6
    """
    alive = np.flatnonzero(clip.any(axis=(1, 2, 3)))
    length = int(alive[-1]) + 1 if len(alive) else 1
    if not repeated or length < len(clip):  # zeros: nothing was repeated
        return length
    first = clip[:, 0].reshape(len(clip), -1)
    if not first[0].any():
        return length
    for period in np.flatnonzero((first[1:] == first[0]).all(axis=1)) + 1:
        if np.array_equal(first[period:], first[:-period]):
            return int(period)
    return length


def prepared(clips: Sequence[np.ndarray]) -> Prepared:
    """How some clips of an array of ntu25 were prepared.

    Args:
        clips: `(T, M, 25, 3)` each; those without anybody say nothing.
    """
    alive = [clip[:, 0] for clip in clips if clip[:, 0].any()]
    if not alive:
        return Prepared()
    frames = np.concatenate([person[person.any(axis=(1, 2))] for person in alive])
    zero = np.flatnonzero(~frames.any(axis=(0, 2)))
    if CENTRE not in zero:
        return Prepared(relative=int(zero[0]) if len(zero) == 1 else -1)
    starts = np.stack([person[person.any(axis=(1, 2))][0] for person in alive])
    bones = starts[:, CENTRE] - starts[:, 0]  # up the spine
    size = np.linalg.norm(bones, axis=1)
    along = (np.abs(bones[:, :2]).max(axis=1) <= CLOSE * size) & (bones[:, 2] > 0)
    return Prepared(True, bool(along.all()))

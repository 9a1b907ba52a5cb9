"""True lengths of clips that were written into arrays of one length.

ST-GCN's preparation leaves zeros behind a clip. 2s-AGCN's repeats the clip from its start, takes
the first person's centre from each frame, and turns all: every copy is equal to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..motion.axes import nearest_axis

CENTRE = 1  # of ntu25: the middle of the spine, which 2s-AGCN puts at zero
UPRIGHT = 0.7  # cosine above which a spine counts as pointing along an axis


class Prepared(NamedTuple):
    """What was done with an array's clips before it was written.

    Args:
        centred: the first person's centre is zero in every frame (2s-AGCN).
        up: where the spine of most first frames points, as "z"; empty: they differ.
        relative: another joint that is zero in every frame, -1: none.
    """

    centred: bool = False
    up: str = ""
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


@np.errstate(all="ignore")  # what is infinite is refused elsewhere
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
    bones /= np.linalg.norm(bones, axis=1, keepdims=True) + 1e-9
    along = nearest_axis(bones.mean(axis=0))
    shares = bones[:, "xyz".index(along[-1])] * (-1 if along[0] == "-" else 1)
    return Prepared(True, along if (shares > UPRIGHT).mean() > 0.9 else "")

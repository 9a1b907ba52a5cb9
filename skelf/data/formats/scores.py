"""Whether the third number of joints is a score of 2D poses, which must not be read as depth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...skeleton import Skeleton

PIXELS = 10  # median above which coordinates are pixels: no metres, no shares of an image
FLAT = frozenset(
    (
        "coco17",
        "openpose18",
        "openpose25",
        "body_25b",
        "halpe26",
        "halpe136",
        "wholebody133",
        "mpi15",
    )
)
"""Layouts of estimators that see no depth."""


@np.errstate(all="ignore")  # what is infinite is refused elsewhere
def scored(clips: Sequence[np.ndarray], skeleton: Skeleton) -> bool:
    """Whether joints of three numbers are places in an image with a score.

    All thirds lie in [0, 1], and either the others are pixels, or the layout is of 2D poses and
    joints without a score have no place.

    Args:
        clips: `(T, M, V, C)` each.
        skeleton: the layout.

    Examples:
        >>> from skelf.layouts import COCO17, NTU25
        >>> pixels = np.full((5, 1, 17, 3), [400.0, 300, 0.9])
        >>> scored([pixels], COCO17), scored([pixels / 400], NTU25)
        (True, False)
    """
    if not clips or clips[0].shape[-1] != 3:
        return False
    joints = np.concatenate([clip.reshape(-1, 3) for clip in clips])
    joints = joints[np.isfinite(joints).all(axis=1) & joints.any(axis=1)]
    third = joints[:, 2]
    if not len(joints) or third.min() < 0 or third.max() > 1 or not third.any():
        return False
    if float(np.median(np.abs(joints[:, :2]))) > PIXELS:
        return True
    return skeleton.name in FLAT and not joints[third == 0, :2].any()

"""Faces of 68 points and hands of 21, which follow the body's joints in whole-body layouts.

Sources: the 68 points are those of iBUG's 300-W (Sagonas et al., 2013): jaw 0 to 16 from the
person's right ear to the left one, brows 17 to 26, nose 27 to 35, eyes 36 to 47, lips 48 to 67.
The 21 of a hand are those of OpenPose's hands (Simon et al., 2017): its root at the wrist, then
each finger from the palm to the tip.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

FACE = 68
FINGERS = ("thumb", "forefinger", "middle_finger", "ring_finger", "pinky_finger")
HAND = 1 + 4 * len(FINGERS)

# Chains of the face, the first point of each hangs off the one before the colon; the tip of the
# nose (30) hangs off the body's nose. The right half; the left one mirrors it.
_MIDLINE = ((30, 29, 28, 27), (30, 33, 51, 62, 66, 57, 8))
_RIGHT = (
    (8, 7, 6, 5, 4, 3, 2, 1, 0),  # jaw
    (27, 21, 20, 19, 18, 17),  # brow
    (33, 32, 31),  # nostril
    (27, 39, 38, 37, 36),  # eye, above
    (39, 40, 41),  # and below
    (51, 50, 49, 48),  # outer lips
    (57, 58, 59),
    (62, 61, 60),  # inner lips
    (66, 67),
)
# Points of the right half, and those that mirror them.
_SIDES = (
    (range(8), range(16, 8, -1)),  # jaw
    (range(17, 22), range(26, 21, -1)),  # brows
    ((31, 32), (35, 34)),  # nostrils
    ((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46)),  # eyes
    ((48, 49, 50, 58, 59), (54, 53, 52, 56, 55)),  # outer lips
    ((60, 61, 67), (64, 63, 65)),  # inner lips
)
LEFT_OF = {
    right: left for rights, lefts in _SIDES for right, left in zip(rights, lefts, strict=True)
}
"""Point of the right half -> the one that mirrors it; 10 points lie on the midline."""


def face_parents(nose: int, start: int) -> list[int]:
    """Parents of the points, as joints of the whole layout.

    Args:
        nose: the body's joint that the face hangs off.
        start: the joint that is point 0.
    """
    above = {30: nose - start}
    for chain in (*_MIDLINE, *_RIGHT):
        for parent, child in pairwise(chain):
            above[child] = parent
            above[LEFT_OF.get(child, child)] = LEFT_OF.get(parent, parent)
    return [start + above[point] for point in range(FACE)]


def face_pairs(start: int) -> list[tuple[int, int]]:
    """Left and right points, as joints."""
    return [(start + left, start + right) for right, left in LEFT_OF.items()]


def hand_parents(wrist: int, start: int) -> list[int]:
    """Parents of a hand's points, as joints: its root hangs off the wrist, fingers off its root."""
    fingers = [0 if k % 4 == 0 else k for k in range(HAND - 1)]
    return [wrist, *(start + above for above in fingers)]


def hand_names(side: str, names: Sequence[str] = FINGERS, root: str = "hand_root") -> list[str]:
    """Names of a hand's points, as MMPose has them: `left_thumb1` to `left_thumb4`."""
    return [side + root, *(f"{side}{name}{k}" for name in names for k in range(1, 5))]


def hand_pairs(left: int, right: int) -> list[tuple[int, int]]:
    """Pairs of two hands' points; each starts at a joint."""
    return [(left + k, right + k) for k in range(HAND)]

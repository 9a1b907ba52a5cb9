"""The joints that say how tall a body is, which way is up and where its front is, by their names.

What a layout has no names for stays empty, and what needs it is then not looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...skeleton import Skeleton
from .words import HEADS, HEELS, TOES, UPPER_ARMS, plain


class Body(NamedTuple):
    """What a layout says about a body.

    Args:
        child: `(B,)` joint at the outer end of each bone.
        parent: `(B,)` joint at its inner end.
        head: the highest joint of somebody who stands; -1 unknown.
        feet: the lowest ones, left and right.
        height: for each foot the bones, as indices of `child`, between it and the head.
        shoulders: left and right.
        toes: for each side a heel (or ankle) and the toe before it.
    """

    child: np.ndarray
    parent: np.ndarray
    head: int
    feet: tuple[int, ...]
    height: tuple[tuple[int, ...], ...]
    shoulders: tuple[int, ...]
    toes: tuple[tuple[int, int], ...]


def body(skeleton: Skeleton) -> Body:
    """Finds the joints of `Body` in a layout.

    >>> from skelf.layouts import KINECT20
    >>> body(KINECT20).head, body(KINECT20).feet
    (3, (15, 19))
    """
    names = [plain(name) for name in skeleton.names]
    head = next((names.index(word) for word in (*HEADS, "neck") if word in names), -1)
    edges = skeleton.edges
    bone = {child: at for at, (child, _) in enumerate(edges)}
    heels, toes = _pair(skeleton, names, HEELS), _pair(skeleton, names, TOES)
    feet = toes or heels
    height = tuple(_between(skeleton.parents, bone, head, foot) for foot in feet)
    return Body(
        np.array([child for child, _ in edges], np.int64),
        np.array([parent for _, parent in edges], np.int64),
        head,
        feet,
        height if head >= 0 else (),
        _pair(skeleton, names, UPPER_ARMS),
        tuple(zip(heels, toes, strict=True)) if heels != toes and heels and toes else (),
    )


def _pair(skeleton: Skeleton, names: list[str], words: tuple[str, ...]) -> tuple[int, ...]:
    for word in words:
        for pair in skeleton.pairs:
            if all(word in names[joint] for joint in pair):
                return pair
    return ()


def _between(
    parents: tuple[int, ...], bone: dict[int, int], start: int, end: int
) -> tuple[int, ...]:
    """The bones on the way from one joint to another."""
    up = [set(_upwards(parents, joint)) for joint in (start, end)]
    return tuple(sorted(bone[joint] for joint in up[0] ^ up[1]))


def _upwards(parents: tuple[int, ...], joint: int) -> list[int]:
    """A joint and all above it but the root, each of which has a bone."""
    chain = []
    while joint >= 0 and parents[joint] >= 0:
        chain.append(joint)
        joint = parents[joint]
    return chain

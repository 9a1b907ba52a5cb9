"""The joints that say how tall a body is, which way is up and where its front is, by their names.

What a layout has no names for stays empty, and what needs it is then not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ...joints.aliases import are_markers, places
from ...joints.words import HEADS, HEELS, TOES
from ...skeleton import Skeleton


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
        marked: the joints are markers on the skin: their tree runs to and fro, so that its bones
            do not add up to a height.
    """

    child: np.ndarray
    parent: np.ndarray
    head: int
    feet: tuple[int, ...]
    height: tuple[tuple[int, ...], ...]
    shoulders: tuple[int, ...]
    toes: tuple[tuple[int, int], ...]
    marked: bool = False


def body(skeleton: Skeleton) -> Body:
    """Finds the joints of `Body` in a layout.

    >>> from skelf.layouts import KINECT20
    >>> body(KINECT20).head, body(KINECT20).feet
    (3, (15, 19))
    """
    by_part = places(skeleton.names)
    # Of several markers around the head one is enough to tell where it is.
    head = next((min(by_part["", part]) for part in HEADS if ("", part) in by_part), -1)
    edges = skeleton.edges
    bone = {child: at for at, (child, _) in enumerate(edges)}
    heels, toes = _pair(by_part, HEELS), _pair(by_part, TOES)
    feet = toes or heels
    height = tuple(_between(skeleton.parents, bone, head, foot) for foot in feet)
    return Body(
        np.array([child for child, _ in edges], np.int64),
        np.array([parent for _, parent in edges], np.int64),
        head,
        feet,
        height if head >= 0 else (),
        _pair(by_part, ("shoulder", "clavicle")),
        tuple(zip(heels, toes, strict=True)) if heels != toes and heels and toes else (),
        are_markers(skeleton.names),
    )


def _pair(
    by_part: Mapping[tuple[str, str], Mapping[int, float]], parts: Sequence[str]
) -> tuple[int, ...]:
    """The left and the right joint of the first part that both sides have."""
    for part in parts:
        if ("left", part) in by_part and ("right", part) in by_part:
            return min(by_part["left", part]), min(by_part["right", part])
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

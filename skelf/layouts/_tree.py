"""A layout from a short table: each joint with its parent, and rules for sides and parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..skeleton import Skeleton

LEFT_RIGHT: Mapping[str, str] = {"left": "right", "Left": "Right", "LEFT": "RIGHT"}
L_R: Mapping[str, str] = {r"^L(?=[A-Z])": "R"}


def tree(
    name: str,
    bones: str,
    *,
    sides: Mapping[str, str],
    limbs: Mapping[str, str],
    centre: str,
) -> Skeleton:
    """A layout whose joints are listed as `joint<parent`, the root as `joint`.

    Args:
        name: of the layout.
        bones: the joints in their order, separated by white space.
        sides: what a left joint's name has, as a regular expression, and what stands there in the
            right one's.
        limbs: part of the body -> the joints at which it starts, separated by spaces; a part is
            these and all below them that no other part takes. The rest is the "trunk".
        centre: a joint's name.
    """
    pairs = [bone.partition("<") for bone in bones.split()]
    names = [joint for joint, _, _ in pairs]
    parents = [names.index(parent) if parent else -1 for _, _, parent in pairs]
    return Skeleton(
        name=name,
        names=tuple(names),
        parents=tuple(parents),
        pairs=mirrored(names, sides),
        parts=grown(names, parents, limbs),
        centre=names.index(centre),
    )


def mirrored(names: Sequence[str], sides: Mapping[str, str]) -> tuple[tuple[int, int], ...]:
    """Left and right joints, in the order of the left ones."""
    index = {name: joint for joint, name in enumerate(names)}
    found = []
    for joint, name in enumerate(names):
        others = {re.sub(left, right, name) for left, right in sides.items()} - {name}
        found += [(joint, index[other]) for other in others if other in index]
    return tuple(found)


def grown(
    names: Sequence[str], parents: Sequence[int], limbs: Mapping[str, str]
) -> dict[str, tuple[int, ...]]:
    """The parts of a body: each joint is of the limb that starts nearest above it."""
    start = {joint: limb for limb, joints in limbs.items() for joint in joints.split()}
    part = []
    for joint in range(len(names)):
        at = joint
        while at >= 0 and names[at] not in start:
            at = parents[at]
        part.append(start[names[at]] if at >= 0 else "trunk")
    return {
        limb: tuple(joint for joint, of in enumerate(part) if of == limb)
        for limb in ("trunk", *limbs)
    }

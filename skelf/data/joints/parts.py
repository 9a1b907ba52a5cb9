"""The body parts of a layout that names none, as a layout of one's own may: by names, else by tree.

`Skeleton.parts` is what a layout says; what mixes, masks or hides parts asks here.
"""

from __future__ import annotations

from dataclasses import replace

from ...skeleton import Skeleton
from .names import parts_of, sides_of

PARTS = 5
"""Most parts of a tree without names: a body's trunk, arms and legs."""


def with_parts(skeleton: Skeleton) -> Skeleton:
    """The layout with two body parts or more, if it has two joints: its own, where it names them.

    Else those that the joints' names say, as for BVH and C3D files; else joints that are near each
    other along the body.

    Examples:
        >>> from skelf.skeleton import Skeleton
        >>> chain = Skeleton(("a", "b", "c", "d"), (-1, 0, 1, 2), (), {"body": (0, 1, 2, 3)}, 0)
        >>> dict(with_parts(chain).parts)
        {'part1': (0,), 'part2': (3,), 'part3': (1,), 'part4': (2,)}
    """
    if sum(len(joints) > 0 for joints in skeleton.parts.values()) > 1:
        return skeleton
    sides = skeleton.pairs or sides_of(skeleton.names)
    parts = parts_of(skeleton.names, skeleton.parents, sides)
    return replace(skeleton, parts=parts if len(parts) > 1 else _by_distance(skeleton))


def _by_distance(skeleton: Skeleton) -> dict[str, tuple[int, ...]]:
    """Up to `PARTS` parts: joints by the nearest of some that lie as far apart as can be.

    The first of these is the root, each next one that farthest from those before; of equals the
    earliest joint and part.
    """
    ups = [_upwards(skeleton, joint) for joint in range(skeleton.joints)]
    seeds = [skeleton.root]
    while len(seeds) < min(PARTS, skeleton.joints):
        gaps = [min(_bones(up, ups[seed]) for seed in seeds) for up in ups]
        seeds.append(gaps.index(max(gaps)))
    of = [min(range(len(seeds)), key=lambda at: _bones(up, ups[seeds[at]])) for up in ups]
    return {
        f"part{number + 1}": tuple(j for j, at in enumerate(of) if at == number)
        for number in range(len(seeds))
    }


def _upwards(skeleton: Skeleton, joint: int) -> set[int]:
    """A joint and all above it."""
    chain = {joint}
    while (joint := skeleton.parents[joint]) >= 0:
        chain.add(joint)
    return chain


def _bones(one: set[int], other: set[int]) -> int:
    """Bones between two joints, from what is above each."""
    return len(one ^ other)

"""The layout of a part of the landmarks, as many programs keep only those that they need."""

from __future__ import annotations

from collections.abc import Sequence

from ...skeleton import Skeleton


def subset(skeleton: Skeleton, have: Sequence[int]) -> Skeleton:
    """The layout of some joints: each hangs off the next one above it that is there.

    Args:
        skeleton: of all joints.
        have: those that stay, in their order.

    Examples:
        >>> from skelf.layouts import MEDIAPIPE33
        >>> legs = subset(MEDIAPIPE33, (23, 24, 25, 26))
        >>> legs.parents, legs.parts
        ((-1, 0, 0, 1), {'left_leg': (0, 2), 'right_leg': (1, 3)})
    """
    place = {joint: at for at, joint in enumerate(have)}
    parents = []
    for joint in have:
        above = skeleton.parents[joint]
        while above >= 0 and above not in place:
            above = skeleton.parents[above]
        parents.append(place.get(above, -1))
    root = parents.index(-1)
    parents = [root if up < 0 and at != root else up for at, up in enumerate(parents)]
    parts = {
        part: tuple(place[joint] for joint in joints if joint in place)
        for part, joints in skeleton.parts.items()
    }
    return Skeleton(
        names=tuple(skeleton.names[joint] for joint in have),
        parents=tuple(parents),
        pairs=tuple((place[a], place[b]) for a, b in skeleton.pairs if {a, b} <= {*place}),
        parts={part: joints for part, joints in parts.items() if joints},
        centre=place.get(skeleton.centre, root),
    )

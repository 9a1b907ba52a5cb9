"""One layout for sets of unlike ones: every joint that any of them has, by what its name means.

What a set lacks is missing in its clips, and known to be: a confidence says of each joint whether
it is there, so that nothing is made up and nothing is taken for a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...joints.aliases import Meaning, meanings, places, together
from ...skeleton import Skeleton
from ..clips import ClipSet
from ..frames import Frames
from .mapping import apply, at_origin
from .names import parts_of
from .origins import Origin
from .tree import tree_of

Word = tuple[str, str]
"""Side and part."""
HIPS: Word = ("", "hips")


def union(skeletons: Sequence[Skeleton]) -> Skeleton:
    """The layout of all joints of some layouts; its root and centre is the middle of the hips.

    Joints hang off each other as names say, a joint whose name says nothing off the nearest one
    that is known. Where a layout has one part twice, the usual one of them counts.

    Args:
        skeletons: in any order but that of the joints, which are those of the first one first.

    Raises:
        InputError: a layout without hips, or names that mean something else beside others.

    Examples:
        >>> from skelf.layouts import COCO17, KINECT20
        >>> whole = union([KINECT20, COCO17])
        >>> whole.joints, whole.names[whole.centre], whole.names[-1]
        (25, 'hips', 'right_ear')
    """
    words = list(dict.fromkeys([HIPS, *(word for s in skeletons for word in _joints(s))]))
    names = [_name(word) for word in words]
    for name, word, meant in zip(names, words, meanings(names), strict=True):
        if meant[:2] != word:
            raise InputError(
                f"joint {name!r} would mean {' '.join(filter(None, meant[:2]))!r} among those of "
                "the other sets: bring its set into another layout first, by skelf data map"
            )
    place = {word: joint for joint, word in enumerate(words)}
    parents = _parents(skeletons, words, names)
    pairs = tuple((j, place["right", p]) for (s, p), j in place.items()
                  if s == "left" and ("right", p) in place)  # fmt: skip
    return Skeleton(
        names=tuple(names),
        parents=tuple(parents),
        pairs=pairs,
        parts=parts_of(names, parents, pairs),
        centre=place[HIPS],
        name=f"union{len(names)}",
    )


def spread(clips: ClipSet, skeleton: Skeleton, scratch: str | Path | None = None) -> ClipSet:
    """The clips in a union of layouts, their own among them; they have a confidence afterwards.

    Args:
        clips: the set; read and written in blocks.
        skeleton: by `union`.
        scratch: the folder where the new frames wait; None: the system's.
    """
    joints = _joints(clips.skeleton)
    wanted = [meant[:2] for meant in meanings(skeleton.names)]
    plan = tuple(
        Origin(name, joints.get(word, {}), "same part" if word in joints else "missing")
        for name, word in zip(skeleton.names, wanted, strict=True)
    )
    standing = at_origin(clips)
    held = [j for j, origin in enumerate(plan) if set(origin.weights) & set(standing)]
    channels = clips.coordinates + 1
    with Frames((clips.persons, skeleton.joints, channels), scratch) as frames:
        for _, block in clips.blocks():
            moved = apply(plan, block, clips.confidence, standing)
            if not clips.confidence:
                there = (moved != 0).any(axis=3)
                there[:, :, held] |= there.any(axis=2, keepdims=True)
                moved = np.concatenate([moved, there[..., None].astype(np.float32)], axis=3)
            frames.add(moved)
        spread_joints = frames.array()
    return replace(
        clips,
        joints=spread_joints,
        start=np.cumsum(clips.length) - clips.length,
        skeleton=skeleton,
        attributes={**clips.attributes, "confidence": "true"},
        path=None,
    )


def _joints(skeleton: Skeleton) -> dict[Word, dict[int, float]]:
    """What each joint is, and of which joints it is made: of one, but for the hips.

    Raises:
        InputError: no hips.
    """
    meant = meanings(skeleton.names)
    joints: dict[Word, dict[int, float]] = {}
    for joint in sorted(range(skeleton.joints), key=lambda j: (meant[j].rank, j)):
        joints.setdefault(_word(meant[joint]), {joint: 1.0})
    joints = dict(sorted(joints.items(), key=lambda item: min(item[1])))
    place = places(skeleton.names)  # of markers the middle
    hips = joints.get(HIPS) or place.get(HIPS) or together(place, "", "hip")
    if not hips:
        raise InputError(
            f"layout {skeleton.name!r} has neither a hip centre nor both hips, by which all sets "
            "are centred: leave the set out, or name its joints in a layout file"
        )
    return joints | {HIPS: hips}


def _word(meant: Meaning) -> Word:
    """Side and part, which in a mixed company mean the same: an Acclaim's "thorax" is a bone."""
    alone = meanings([_name(meant[:2])])[0]
    return meant[:2] if alone[:2] == meant[:2] else (meant.side, f"{meant.part}bone")


def _name(word: Word) -> str:
    return "_".join(filter(None, word))


def _parents(
    skeletons: Sequence[Skeleton], words: Sequence[Word], names: Sequence[str]
) -> list[int]:
    known = [joint for joint, name in enumerate(names) if tree_of([name]) is not None]
    by_names = tree_of([names[joint] for joint in known])
    assert by_names is not None  # each of them is a part of a body
    parents = {
        joint: known[up] if up >= 0 else -1 for joint, up in zip(known, by_names, strict=True)
    }
    place = {word: joint for joint, word in enumerate(words)}
    for skeleton in skeletons:
        own = [place[_word(meant)] for meant in meanings(skeleton.names)]
        for joint, at in enumerate(own):
            if at not in parents:
                parents[at] = _nearest(skeleton, joint, own, set(known))
    return [parents[joint] for joint in range(len(names))]


def _nearest(skeleton: Skeleton, joint: int, own: Sequence[int], known: set[int]) -> int:
    """The known joint of the union that is nearest to a joint along its layout's bones."""
    reached = edge = {joint}
    while edge:
        steps = (pair for both in skeleton.edges for pair in (both, both[::-1]))
        edge = {b for a, b in steps if a in edge} - reached
        reached = reached | edge
        if found := [own[at] for at in edge if own[at] in known]:
            return min(found)
    return 0  # the hips

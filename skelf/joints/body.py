"""Where on a body each joint of a layout is, by its name: on which limb, and how far along it.

What learns from joints of one layout and meets those of another needs to know which are alike. Two
names of one joint have one row of a table; a joint that was never met before is still known by its
limb and by its place on it. All is found by names and by the tree, never by the joints' order.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from ..skeleton import Skeleton
from .aliases import Meaning, fold, meanings
from .fingers import ORDER

LIMBS = ("trunk", "head", "left_arm", "right_arm", "left_leg", "right_leg")
KNOWN, SPARE = 128, 128
"""Rows for the words below, with room for more, and rows for all other names."""

# Part -> how far along its limb it is, from 0 at the body to 1.
_TRUNK = {
    "hips": 0.0, "lower_back": 0.2, "spine": 0.3, "spine1": 0.35, "torso": 0.45, "spine_mid": 0.5,
    "chest": 0.7, "upper_back": 0.8, "shoulder_center": 1.0,
}  # fmt: skip
_HEAD = {
    "lower_neck": 0.0, "neck": 0.1, "upper_neck": 0.3, "jaw": 0.4, "nose": 0.6, "head": 0.6,
    "head_top": 1.0,
}  # fmt: skip
_FACE = {"mouth": 0.45, "ear": 0.6, "eye": 0.7}
_ARM = {
    "clavicle": 0.0, "shoulder": 0.1, "elbow": 0.5, "forearm_end": 0.75, "wrist": 0.85,
    "hand": 0.92, "hand_tip": 1.0, **dict.fromkeys(ORDER, 0.96),
    **{f"{finger}{step}": 0.91 + 0.03 * step for step in (1, 2, 3) for finger in ORDER},
}  # fmt: skip
_LEG = {
    "hip": 0.0, "thigh": 0.25, "knee": 0.45, "shin": 0.65, "ankle": 0.85, "heel": 0.9, "foot": 0.95,
    "toe": 1.0, "big_toe": 1.0, "smalltoe": 1.0,
}  # fmt: skip
_PELVIS = {"asi": 0.0, "psi": 0.0}  # markers


class Place(NamedTuple):
    """Where a joint is.

    Args:
        limb: one of `LIMBS`.
        along: how far along it, from 0 at the body to 1.
        row: of its name: below `KNOWN` for a known word, else one of the `SPARE` ones after them.
    """

    limb: str
    along: float
    row: int


def _vocabulary() -> dict[tuple[str, str], Place]:
    """Side and part -> its place. Trained weights go by these rows: new words come last."""
    words = [("", part, "trunk", along) for part, along in _TRUNK.items()]
    words += [("", part, "head", along) for part, along in _HEAD.items()]
    for limb, table in (("head", _FACE), ("arm", _ARM), ("leg", _LEG), ("trunk", _PELVIS)):
        for side in ("left", "right"):
            own = f"{side}_{limb}" if limb in ("arm", "leg") else limb
            words += [(side, part, own, along) for part, along in table.items()]
    assert len(words) <= KNOWN
    return {(s, part): Place(limb, along, row) for row, (s, part, limb, along) in enumerate(words)}


VOCABULARY = _vocabulary()


@cache
def body_places(skeleton: Skeleton) -> tuple[Place, ...]:
    """The place of every joint.

    A joint whose name is no known word lies where the nearest one lies whose name is, along the
    bones; in a layout without any it lies somewhere by its name alone. Its row is found by its name
    too, so that it is the same in other layouts, but for names that would share one.

    Examples:
        >>> from skelf.layouts import COCO17, KINECT20
        >>> body_places(KINECT20)[6] == body_places(COCO17)[9]  # both are the left wrist
        True
        >>> body_places(KINECT20)[6][:2]
        ('left_arm', 0.85)
    """
    meant = meanings(skeleton.names)
    order = sorted(range(skeleton.joints), key=lambda j: (meant[j].rank, skeleton.names[j]))
    by_word: dict[tuple[str, str], int] = {}
    for joint in order:
        word = meant[joint][:2]
        if word in VOCABULARY:
            by_word.setdefault(word, joint)  # of two shoulders the usual one
    known = {joint: VOCABULARY[word] for word, joint in by_word.items()}
    rows = _spare_rows(skeleton.names, set(known))
    places = []
    for joint in range(skeleton.joints):
        if joint in known:
            places.append(known[joint])
        else:
            near = _nearest(skeleton, joint, known, meant) or _anywhere(skeleton.names[joint])
            places.append(near._replace(row=rows[joint]))
    return tuple(places)


def _spare_rows(names: Sequence[str], known: set[int]) -> dict[int, int]:
    """A row for each other joint; where two names ask for one, the later takes the next free."""
    others = [joint for joint in range(len(names)) if joint not in known]
    rows: dict[int, int] = {}
    for joint in sorted(others, key=lambda j: names[j]):
        row = _number(names[joint]) % SPARE
        while row in rows.values() and len(rows) < SPARE:
            row = (row + 1) % SPARE
        rows[joint] = row
    return {joint: KNOWN + row for joint, row in rows.items()}


def _nearest(
    skeleton: Skeleton, joint: int, known: dict[int, Place], meant: Sequence[Meaning]
) -> Place | None:
    """The place of the nearest known joint along the bones, of its own side if there is one."""
    reached, edge = {joint}, {joint}
    while edge:
        edge = {b for pair in skeleton.edges for a, b in (pair, pair[::-1]) if a in edge} - reached
        reached |= edge
        if found := [at for at in edge if at in known]:
            side = meant[joint].side
            return known[min(found, key=lambda at: (meant[at].side != side, known[at].row))]
    return None


def _anywhere(name: str) -> Place:
    number = _number(name)
    return Place(LIMBS[number % len(LIMBS)], number // len(LIMBS) % 101 / 100, 0)


def _number(name: str) -> int:
    """The same in every process."""
    return zlib.crc32((fold(name) or name).encode())

"""What a joint's name means: its side and body part, whatever convention the layout spells it in.

Names of joints mean the same everywhere but in motion capture, whose names are those of bones: a
rig's (BVH) bone starts at its joint, an Acclaim (ASF) bone ends there. So "foot" is the ankle of
a rig, and "femur" the knee of an Acclaim skeleton. Markers lie on the skin, and a joint is the
middle of those around it. A layout's names tell which one it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from . import words
from .fingers import fingers, hands, is_finger

_TELLS_START = {"upleg", "upperleg", "thigh", "lowerleg", "shin", "calf", "forearm", "lowerarm"}
_TELLS_START |= {"upperarm", "uparm", "uarm", "farm"}
_TELLS_MARKS = {"asi", "psi", "ias", "ips", "fwt", "bwt", "fhd", "bhd", "wra", "wrb", "fle", "hle"}
_TELLS_MARKS |= {"waistfront", "waistback", "wristout", "kneeout", "elbowout", "ankleout"}
_TELLS_END = {"femur", "tibia", "humerus"}

# What stands in where a layout lacks the part, in this order. For a joint of the body's middle it
# is the middle of both sides, "a+b" the middle of two.
# A joint stands in for one other only (a head for several), and a middle for the first part that
# may have it, so the order of the parts counts as well.
STAND_INS: dict[str, tuple[str, ...]] = {
    "hips": ("hip",),
    "spine": ("spine_mid", "lower_back", "spine1", "torso", "chest", "upper_back"),
    "spine_mid": ("spine1", "chest", "upper_back", "torso", "spine", "lower_back"),
    "torso": ("spine_mid", "spine1", "chest", "spine", "upper_back", "lower_back"),
    "shoulder_center": ("lower_neck", "neck", "shoulder"),
    "neck": ("upper_neck", "shoulder_center", "lower_neck", "shoulder"),
    "head": ("ear", "eye", "upper_neck+head_top", "nose", "head_top"),
    "head_top": ("head", "ear", "eye", "nose"),
    "nose": ("head", "upper_neck+head_top", "head_top"),
    "wrist": ("forearm_end", "hand"),
    "hand": ("wrist",),
    "hand_tip": ("index",),
    "hip": words.NEAR_HIP,
    "ankle": ("foot",),
    "foot": ("toe", "big_toe", "ankle"),
    "toe": ("big_toe", "foot"),
    "big_toe": ("toe", "foot"),
}
ALONG = {"wrist": 0.78, "ankle": 0.78}
"""Where such a joint lies on the way from the joint before it to the one after it; the median of
five Kinect sets (0.77 to 0.81 and 0.72 to 0.81). Other joints lie half-way."""

_PATTERNS = (
    r"(?i)(left|right)",
    r"(?i)(?:^|(?<=[ _.-]))([lr])(?=$|[ _.-])",
    r"^([LRlr])(?=[A-Z])",
    r"(?<=[a-z])([LR])(?=[A-Z][a-z])",
    r"(?<=[a-z])([LR])$",
    r"^([lr])(?=[a-z])",
)
_CERTAIN = 2  # of the patterns; the others count when the rest of the name is a known part


class Meaning(NamedTuple):
    """What a name says.

    Args:
        side: "left", "right" or "".
        part: a part of the tables; else the name itself without side, case and punctuation.
        rank: of several joints that are the same part, the one with the lowest is meant.
    """

    side: str
    part: str
    rank: int


def meanings(names: Sequence[str]) -> list[Meaning]:
    """What each joint of a layout is.

    >>> [m[:2] for m in meanings(["lfemur", "lowerback", "rclavicle"])]
    [('left', 'knee'), ('', 'lower_back'), ('right', 'shoulder')]
    >>> [m[:2] for m in meanings(["LeftUpLeg", "LeftFoot", "mixamorig:LeftArm"])]
    [('left', 'hip'), ('left', 'ankle'), ('left', 'shoulder')]
    """
    return list(_meanings(tuple(names)))


@lru_cache(maxsize=64)  # all files of an import have the same names, or nearly
def _meanings(names: tuple[str, ...]) -> tuple[Meaning, ...]:
    split = [_split(name) for name in names]
    limbs = {word for side, word in split if side}
    table = words.SIDED
    if limbs & _TELLS_MARKS:
        table = words.MARKS
    elif limbs & _TELLS_END:
        table = words.ENDS
    elif limbs & _TELLS_START:
        table = words.STARTS
    middle, sided = _words(words.MIDDLE), _words(table)
    if table is words.ENDS:
        middle.pop("thorax")  # ends below the shoulders, as its bone does
    if table is words.SIDED and "wrist" in limbs and "ankle" not in limbs:
        sided["foot"] = ("ankle", 0)  # Human3.6M: limbs end in wrists and "feet"
    if table is words.STARTS:
        if "wrist" in limbs:
            sided["hand"] = ("hand", 0)
        if "ankle" in limbs:
            sided["foot"] = ("foot", 0)
        # Beside an upper arm, the shoulder is the bone that leads to it.
        if limbs & {"upperarm", "uparm", "uarm", "arm"}:
            sided["shoulder"] = ("clavicle", 9)
    if table is words.MARKS:
        middle["chest"] = ("breastbone", 0)
    middle |= _middle_of_spine({word for side, word in split if not side})
    meant = [Meaning(s, *(sided if s else middle).get(word, (word, 0))) for s, word in split]
    for joint, at in fingers(names, split).items():
        if at.numbered and split[joint][1] not in sided:
            meant[joint] = Meaning(at.side, f"{at.finger}{at.step}", 0)
    return tuple(meant)


def are_markers(names: Sequence[str]) -> bool:
    """Whether the joints of a layout are markers on the skin."""
    return bool(_limbs(names) & _TELLS_MARKS)


def are_bones(names: Sequence[str]) -> bool:
    """Whether the joints of a layout are called by the bones that start there, as a rig's."""
    limbs = _limbs(names)
    return bool(limbs & _TELLS_START) and not limbs & (_TELLS_MARKS | _TELLS_END)


def _limbs(names: Sequence[str]) -> set[str]:
    """The words of those that have a side."""
    return {word for side, word in map(_split, names) if side}


def places(names: Sequence[str]) -> dict[tuple[str, str], dict[int, float]]:
    """Side and part -> the joints that are it, each with its weight: of markers several.

    >>> places(["LWRA", "LWRB", "LELB"])[("left", "wrist")]
    {0: 0.5, 1: 0.5}
    """
    by_part: dict[tuple[str, str], dict[int, float]] = {}
    have = meanings(names)
    for joint in sorted(range(len(names)), key=lambda joint: have[joint].rank):
        by_part.setdefault(have[joint][:2], {joint: 1.0})
    split = [_split(name) for name in names]
    for key, joint in hands(fingers(names, split)).items():
        by_part.setdefault(key, {joint: 1.0})
    by_word: dict[tuple[str, str], dict[int, float]] = {}
    for joint, word in enumerate(split):
        by_word.setdefault(word, {joint: 1.0})
    marked = words.MARKED if are_markers(names) else words.MARKED | {"head": ""}
    for sides, table in (((""), marked), (("left", "right"), words.MARKED_SIDES)):
        for part, listed in table.items():
            for side in sides or ("",):
                for words_together in listed.split():
                    joints = together(by_word, side, words_together)
                    if joints and ("+" in words_together or (side, part) not in by_part):
                        by_part[side, part] = joints
                        break
    return by_part


def together(
    by_word: Mapping[tuple[str, str], Mapping[int, float]], side: str, expression: str
) -> dict[int, float]:
    """The middle of "a+b"; empty where one of them is not there.

    Args:
        by_word: side and word (or part) -> joints with weights.
        side: of the joint that is wanted; for one of the middle a word of the sides is both.
        expression: words or parts, joined by `+`.
    """
    weights: dict[int, float] = {}
    parts = expression.split("+")
    for word in parts:
        keys = [(side, word)] if (side, word) in by_word else [("", word)]
        if keys[0] not in by_word:
            keys = [("left", word), ("right", word)] if not side else []
        if not keys or not all(key in by_word for key in keys):
            return {}
        for key in keys:
            for joint, weight in by_word[key].items():
                weights[joint] = weights.get(joint, 0.0) + weight / len(keys) / len(parts)
    return weights


def _middle_of_spine(middle_words: set[str]) -> dict[str, tuple[str, int]]:
    """Of spine1 to spineN without a plain name the one in the middle (SMPL, ARKit).

    Or of chest to chestN, as Xsens calls the vertebrae of its BVH files.
    """
    for word, plain in (("spine", {"spine", "spinemid"}), ("chest", {"spine", "spinemid"})):
        numbered = sorted(
            (name for name in middle_words if re.fullmatch(rf"{word}\d{{1,2}}", name)),
            key=lambda name: int(name[5:]),
        )
        numbered = ["chest"] * ("chest" in middle_words and word == "chest") + numbered
        if len(numbered) >= 3 and not middle_words & plain:
            return {numbered[len(numbered) // 2]: ("spine_mid", 0)}
    return {}


def fold(name: str) -> str:
    """A name without case, punctuation, leading zeros and what stands before a colon.

    >>> fold("rig:Spine_01")
    'spine1'
    """
    return re.sub(r"(?<!\d)0+(?=\d)|[^a-z0-9]", "", name.lower().rpartition(":")[2])


@lru_cache(maxsize=4096)
def _split(name: str) -> tuple[str, str]:
    """Side and folded rest of a name."""
    prefix = r"(?i)^(j[ _]bip([ _]c(?=[ _]))?|bip\d*|joint|mixamorig\d*)[ _.-]+"
    bare = re.sub(prefix, "", name.rpartition(":")[2])
    bare = re.sub(r"(?i)(?<=.)[ _.-](joint|jnt)$", "", bare)
    for at, pattern in enumerate(_PATTERNS):
        side = re.search(pattern, bare)
        if side:
            rest = fold(bare[: side.start()] + "_" + bare[side.end() :])
            if rest and (at < _CERTAIN or rest in _LIMBS or is_finger(rest)):
                return ("left" if side[1].lower().startswith("l") else "right"), rest
    return "", fold(bare) or fold(name)


def _words(table: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """Word -> its part, and its place in the part's list; a word of two parts is the later's."""
    return {
        word: (part, rank)
        for part, part_words in table.items()
        for rank, word in enumerate(part_words.split())
    }


_LIMBS = {
    word for table in (words.SIDED, words.STARTS, words.ENDS, words.MARKS) for word in _words(table)
}
_LIMBS |= {"eye", "ear", "thumb", "heel", "smalltoe", "handroot", "handtip"}
for _listed in (*words.MARKED.values(), *words.MARKED_SIDES.values(), *words.NEAR_HIP):
    _LIMBS |= set(re.split(r"[ +]", _listed)) - {"chest", "clav", "c7", "sacr", "t8", "t10", "strn"}

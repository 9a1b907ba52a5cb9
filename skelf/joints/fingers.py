"""The joints of fingers by their names, whatever rig or keypoint set spells them.

Mixamo's LeftHandThumb4, COCO-WholeBody's left_forefinger1, Unreal's middle_03_l, VRM's
leftMiddleDistal, Rokoko's LeftFinger3Tip, Biped's Bip01 L Finger21.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

ORDER = ("thumb", "index", "middle", "ring", "pinky")
_SPELT = {"fore": "index", "mid": "middle", "little": "pinky", "pinkie": "pinky"}
_WORD = re.compile(
    r"(?P<palm>in)?(?:hand|f)?"
    r"(?:(?P<finger>thumb|index|fore|middle|mid|ring|pinky|pinkie|little)(?:finger)?"
    r"|finger(?P<number>[1-5]))"
    r"(?P<step>\d|metacarpal|start|proximal|intermediate|medial|distal|tip|end|nub|\dend|\dnub)?"
)
_BIPED = re.compile(r"(?i)finger([0-4])(\d?)(nub)?$")  # in front of the joint's own number
_STEPS = {"metacarpal": 0, "start": 0, "proximal": 1, "intermediate": 2, "medial": 2, "distal": 3}
_TIP = 9


class Finger(NamedTuple):
    """Where a joint is in a hand.

    Args:
        side: "left" or "right".
        finger: one of `ORDER`.
        step: from the palm: 0 within it, 1 the knuckle, `_TIP` an end.
        numbered: the name counts its joints from 1.
    """

    side: str
    finger: str
    step: int
    numbered: bool


def fingers(names: Sequence[str], split: Sequence[tuple[str, str]]) -> dict[int, Finger]:
    """Joint -> its finger; a finger that is one joint alone is none of these.

    Args:
        names: of the joints.
        split: side of each and the rest of its name, folded.
    """
    biped = [_BIPED.search(name) for name in names]
    if any(found and found[1] == "0" for found in biped):  # counts fingers from 0
        return {
            joint: Finger(split[joint][0], ORDER[int(found[1])], _biped_step(found), False)
            for joint, found in enumerate(biped)
            if found and split[joint][0]
        }
    found_at = {}
    for joint, (side, word) in enumerate(split):
        found = is_finger(word) if side else None
        if found:
            found_at[joint] = found._replace(side=side)
    return found_at


def is_finger(word: str) -> Finger | None:
    """What the folded rest of a name says, without its side.

    >>> is_finger("handthumb4")[1:3], is_finger("middledistal")[1:3], is_finger("thumb")
    (('thumb', 4), ('middle', 3), None)
    """
    match = _WORD.fullmatch(word)
    step = match["step"] if match else None
    if not match or not (step or match["palm"]):
        return None
    number, word = match["number"], match["finger"]
    finger = ORDER[int(number) - 1] if number else _SPELT.get(word, word)
    if match["palm"] or not step:
        return Finger("", finger, 0, False)
    if step.isdigit():
        return Finger("", finger, int(step), not number)
    return Finger("", finger, _STEPS.get(step, _TIP), False)


def hands(found: dict[int, Finger]) -> dict[tuple[str, str], int]:
    """Side and part -> its joint: the thumb and the hand's tip are ends, the hand a knuckle."""
    parts: dict[tuple[str, str], int] = {}
    for side in ("left", "right"):
        by_finger = {
            finger: sorted(
                (at.step, joint)
                for joint, at in found.items()
                if (at.side, at.finger) == (side, finger)
            )
            for finger in ORDER
        }
        if by_finger["thumb"]:
            parts[side, "thumb"] = by_finger["thumb"][-1][1]
        longest = by_finger["middle"] or by_finger["index"]
        if longest:
            parts[side, "hand_tip"] = longest[-1][1]
            parts[side, "hand"] = next((j for step, j in longest if step > 0), longest[0][1])
    return parts


def _biped_step(found: re.Match[str]) -> int:
    return _TIP if found[3] else int(found[2] or 0) + 1

"""The bones of joints that come without any: which joint hangs off which, by what names mean."""

from __future__ import annotations

from collections.abc import Sequence

from ...joints.aliases import meanings

_TRUNK = ["hips", "spine", "lower_back", "spine1", "spine_mid", "torso", "upper_back", "chest"]
_MIDDLE = [*_TRUNK, "shoulder_center", "lower_neck", "neck", "upper_neck"]
_ARM = [*_MIDDLE, "head", "nose", "clavicle", "shoulder", "elbow", "forearm_end", "wrist", "hand"]
_LEG = [*_MIDDLE[::-1], "nose", "head", "shoulder", *_TRUNK[::-1], "hip", "knee", "ankle", "foot"]


def _before(chain: Sequence[str], part: str) -> list[str]:
    """What stands before a part in a chain, the nearest first."""
    return list(dict.fromkeys(reversed(chain[: chain.index(part)])))


# Part -> the parts that it may hang off, the first that there is counts: of the middle or of its
# own side. A part hangs off those that lead to it only, so there is no circle.
_ABOVE = {
    **{part: _before(_MIDDLE, part) for part in _MIDDLE},
    **{part: _before(_ARM, part) for part in _ARM[len(_MIDDLE) :]},
    **{part: _before(_LEG, part) for part in ("hip", "knee", "ankle", "foot")},
    **{"clavicle": _MIDDLE[::-1], "heel": _before(_LEG, "foot")},
    **{"eye": ["head", "nose", *_MIDDLE[::-1]], "ear": ["head", "eye", "nose", *_MIDDLE[::-1]]},
    **dict.fromkeys(("thumb", "index", "pinky", "hand_tip"), _ARM[::-1]),
    **{key: ["foot", *_before(_LEG, "foot")] for key in ("toe", "big_toe", "small_toe")},
}


def tree_of(names: Sequence[str]) -> list[int] | None:
    """Parents of joints, -1 for the root; None where a name is no part of a body.

    Examples:
        >>> tree_of(["LHip", "LKnee", "Pelvis", "Neck", "RHip"])
        [2, 0, -1, 2, 2]
        >>> tree_of(["left_hip", "somewhere"])
    """
    meant = meanings(names)
    if any(m.part not in _ABOVE for m in meant):
        return None
    place: dict[tuple[str, str], int] = {}
    for joint in sorted(range(len(names)), key=lambda joint: meant[joint].rank):
        place.setdefault(meant[joint][:2], joint)
    parents = []
    for joint, (side, part, _) in enumerate(meant):
        first = place[side, part]
        above = [
            place[of, word] for word in _ABOVE[part] for of in ("", side) if (of, word) in place
        ]
        parents.append(first if first != joint else above[0] if above else -1)
    roots = [joint for joint, parent in enumerate(parents) if parent < 0]
    return [roots[0] if parent < 0 and joint != roots[0] else parent
            for joint, parent in enumerate(parents)]  # fmt: skip

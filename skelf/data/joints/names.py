"""What the names of joints say: which are left and right, and the layout that follows from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from ...joints.words import LIMBS
from ...skeleton import Skeleton


def pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Left/right pairs of joint names: "left" and "right", else an `l` and an `r` at one end.

    A name pairs only when its mirror image is a joint too, so that "lowerback" stays alone.

    >>> pairs(["root", "LeftHand", "RightHand", "lfemur", "rfemur", "hip_l", "hip_r"])
    ((1, 2), (3, 4), (5, 6))
    """
    index = {name.lower(): joint for joint, name in enumerate(names)}
    inner = re.compile(r"(?<=[a-z])L(?=[A-Z]|$)")  # WaistLFront, ElbowL
    swaps = ((r"left", "right"), (r"^l", "r"), (r"(?<=[_. -])l$", "r"))
    candidates = []
    for name, joint in index.items():
        mirrored = {re.sub(left, right, name) for left, right in swaps}
        mirrored = (mirrored | {inner.sub("R", names[joint]).lower()}) - {name}
        others = [index[other] for other in mirrored if other in index]
        if len(others) == 1:
            candidates.append((joint, others[0]))
    members = [joint for pair in candidates for joint in pair]
    return tuple(pair for pair in candidates if all(members.count(joint) == 1 for joint in pair))


def skeleton(file: Path, names: tuple[str, ...], parents: tuple[int, ...]) -> Skeleton:
    """The layout of a file's joints: pairs, parts and centre by their names.

    Args:
        file: for messages.
        names: of the joints.
        parents: index of each joint's parent, -1 for the root.

    Raises:
        InputError: joints that make no skeleton.
    """
    sides = sides_of(names)
    single = set(range(len(names))) - {joint for pair in sides for joint in pair}
    hips = [j for j in sorted(single) if re.search(r"hips?$|hip_?cent|pelvis", names[j].lower())]
    try:
        return Skeleton(
            names=names,
            parents=parents,
            pairs=sides,
            parts=parts_of(names, parents, sides),
            centre=hips[0] if hips else parents.index(-1),
        )
    except InputError as error:
        raise InputError(f"{file}: {error}; drop or rename joints, or mend the file") from None


def sides_of(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """As `pairs`, also of "Bip01 L Thigh", whose side is in the middle."""
    spelt = [re.sub(r"(?i)(?<=[ _.-])l(?=[ _.-])", "left", name) for name in names]
    spelt = [re.sub(r"(?i)(?<=[ _.-])r(?=[ _.-])", "right", name) for name in spelt]
    return pairs(spelt)


def parts_of(
    names: Sequence[str], parents: Sequence[int], sides: Sequence[tuple[int, int]]
) -> dict[str, tuple[int, ...]]:
    """Trunk, arms and legs by the names of joints; those of them that there are."""
    side = {pair[at]: ("left", "right")[at] for pair in sides for at in (0, 1)}

    def part(joint: int) -> str:
        at = joint
        while at in side and side[at] == side[joint]:
            for limb, pattern in LIMBS.items():
                if re.search(pattern, names[at].lower()):
                    return limb if limb == "trunk" else f"{side[joint]}_{limb}"
            at = parents[at]
        return "trunk"

    of = [part(joint) for joint in range(len(names))]
    order = ("trunk", "left_arm", "right_arm", "left_leg", "right_leg")
    return {name: tuple(j for j, p in enumerate(of) if p == name) for name in order if name in of}

"""The joints that say how a body stands, for normalisation; `words.py` has their names."""

from __future__ import annotations

from functools import cache

from ...errors import InputError
from ...joints.aliases import places, together
from ...joints.words import SPINES
from ...skeleton import Skeleton

Joints = tuple[int, ...]


@cache  # a normalisation asks for every batch
def spine(skeleton: Skeleton, step: str) -> tuple[Joints, Joints]:
    """Joints at the lower and at the upper end of the axis that points up.

    The hip centre (else both hips, whose middle it is) and the next joint of the spine: 2s-AGCN's
    choice on NTU's 25 joints.

    Args:
        skeleton: the layout.
        step: the normalisation that asks, for the message.

    Raises:
        InputError: no joint has such a name.
    """
    by_part = places(skeleton.names)
    lower = tuple(by_part.get(("", "hips"), ()))
    if not lower or any(skeleton.names[joint].lower() == "root" for joint in lower):
        lower = tuple(together(by_part, "", "hip"))  # a root may be the scene's
    upper: Joints = next((tuple(by_part["", part]) for part in SPINES if ("", part) in by_part), ())
    if not lower or not upper:
        raise _missing(skeleton, step, "spine", ("hips", *SPINES))
    return lower, upper


@cache
def shoulders(skeleton: Skeleton, step: str) -> tuple[Joints, Joints]:
    """The left and the right shoulder: joints that are one in the layout's convention.

    A bone of an Acclaim skeleton ends at its joint, so there the clavicles are meant, and a rig's
    "shoulder" may be the bone that leads to it. Where a layout has only collars, it is those.

    Raises:
        InputError: no joint of either side is one.
    """
    by_part = places(skeleton.names)
    for part in ("shoulder", "clavicle"):
        if ("left", part) in by_part and ("right", part) in by_part:
            return tuple(by_part["left", part]), tuple(by_part["right", part])
    raise _missing(skeleton, step, "shoulders", ("left and right shoulder",))


def _missing(skeleton: Skeleton, step: str, what: str, wanted: tuple[str, ...]) -> InputError:
    return InputError(
        f"normalisation {step!r}: layout {skeleton.name!r} has no joints named as the {what} "
        f"({', '.join(wanted)}): name them in a layout file, or use another normalisation"
    )

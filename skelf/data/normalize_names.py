"""The names of normalisations: steps, known sequences of steps, and several of both joined by `+`.

They are applied from left to right: "centre", "agcn", "centre+facing". `normalize_steps.py` has the
steps, `normalize.py` applies them; nothing here needs torch. To add one: a function there and its
line in `STEPS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import InputError, unknown
from ..layouts import BUILT_IN
from ..skeleton import Skeleton
from ..tables import Table
from .joints.body_axes import shoulders, spine

if TYPE_CHECKING:
    from .normalize_steps import Batch

STEPS: Table[Callable[[Batch], Batch]] = Table(
    "skelf.data",
    {
        "none": "normalize_steps.none",
        "centre": "normalize_steps.centre",
        "centre-frames": "normalize_steps.centre_frames",
        "root": "normalize_steps.root",
        "scale": "normalize_steps.scale",
        "fill": "normalize_steps.fill",
        "upright": "normalize_steps.upright",
        "facing": "normalize_steps.facing",
        "facing-frames": "normalize_steps.facing_frames",
        "trim": "normalize_steps.trim",
        "resize50": "normalize_steps.resize50",
    },
)
# What earlier work prepared its data with, as steps; sources D1, D2.
SEQUENCES = {
    "agcn": "fill+centre-frames+upright+facing",
    "agcn-noz": "fill+centre-frames+facing",
    "aimclr": "trim+root+resize50+facing-frames",
}
USED_BY = {
    "agcn": "2s-AGCN, ISC, CMD, PCM3, HiCo",
    "agcn-noz": "UmURL, USDRL",
    "aimclr": "SkeletonCLR, CrosSCLR, AimCLR, HiCLR",
}
NORMALISERS = (*STEPS, *SEQUENCES)
RETIMES = ("trim", "resize50")
"""Steps after which a clip has another number of frames."""
MOVES = ("fill", *RETIMES)
"""Steps after which frame `t` of a clip may be another one than that of the stored clip."""
_NEEDS = {"upright": (spine,), "facing": (shoulders,), "facing-frames": (shoulders,)}


def expand(name: str) -> list[str]:
    """The steps that `name` stands for, in order.

    >>> expand("agcn-noz+resize50")
    ['fill', 'centre-frames', 'facing', 'resize50']

    Raises:
        InputError: a name that is neither a step nor a sequence.
    """
    order: list[str] = []
    for part in name.split("+"):
        if part.strip() not in NORMALISERS:
            raise unknown("normalisation", part.strip(), NORMALISERS)
        order += SEQUENCES.get(part.strip(), part.strip()).split("+")
    return order


def check(name: str, skeleton: Skeleton, coordinates: int) -> list[str]:
    """The steps that `name` stands for, once they are known to suit such clips.

    Raises:
        InputError: an unknown name, a step that needs three coordinates on flat clips, or joints
            that the layout lacks.
    """
    order = expand(name)
    for step in order:
        if step in _NEEDS and coordinates != 3:
            raise InputError(
                f"normalisation {step!r} turns bodies in space and needs three coordinates; these "
                f"clips have {coordinates}: use centre, centre-frames or root"
            )
        for axis in _NEEDS.get(step, ()):
            axis(skeleton, step)
    return order


def same(one: str, other: str) -> bool:
    """Whether two names stand for the same steps.

    >>> same("agcn-noz", "fill+centre-frames+facing"), same("none", "centre")
    (True, False)

    Raises:
        InputError: see `expand`.
    """
    first, second = ([s for s in expand(name) if s != "none"] for name in (one, other))
    return first == second


def keeps_time(name: str) -> bool:
    """Whether frame `t` of a normalised clip is frame `t` of the stored one.

    Raises:
        InputError: see `expand`.
    """
    return not set(MOVES) & set(expand(name))


def keeping_time(name: str) -> str:
    """The name without the steps that drop or move frames, as recordings with segments need it.

    >>> keeping_time("agcn-noz"), keeping_time("centre"), keeping_time("trim")
    ('centre-frames+facing', 'centre', 'none')

    Raises:
        InputError: see `expand`.
    """
    if keeps_time(name):
        return name
    return "+".join(step for step in expand(name) if step not in MOVES) or "none"


def described() -> list[tuple[str, str]]:
    """Every name, with what it does and on which built-in layouts it does so, in a line."""
    lines = []
    for name in NORMALISERS:
        what = STEPS.first_line(name) if name in STEPS else _sequence(name)
        lines.append((name, f"{what} Layouts: {_layouts(name)}."))
    return lines


def _sequence(name: str) -> str:
    return f"{SEQUENCES[name]}, as {USED_BY[name]} prepare NTU RGB+D and PKU-MMD."


def _layouts(name: str) -> str:
    """Those that have the joints that `name` needs."""
    suitable = []
    for skeleton in BUILT_IN:
        try:
            check(name, skeleton, 3)
        except InputError:
            continue
        suitable.append(skeleton.name)
    if not any(step in _NEEDS for step in expand(name)):
        return "all"
    return ", ".join(suitable) + ", with three coordinates"

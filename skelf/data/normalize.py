"""Named normalisations of raw joints: stored data stays raw, batches apply the ClipSet's own.

A name is a step, a known sequence of steps, or several of both joined by `+`, applied from left to
right: "centre", "agcn", "centre+facing". `normalize_steps.py` has the steps. To add one: a function
there and its line in `STEPS`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from ..errors import InputError, unknown
from ..skeleton import Skeleton
from . import normalize_steps as steps
from .joints.body_axes import shoulders, spine
from .normalize_steps import Batch

STEPS: dict[str, Callable[[Batch], Batch]] = {
    "none": steps.none,
    "centre": steps.centre,
    "centre-frames": steps.centre_frames,
    "root": steps.root,
    "scale": steps.scale,
    "fill": steps.fill,
    "upright": steps.upright,
    "facing": steps.facing,
    "facing-frames": steps.facing_frames,
    "trim": steps.trim,
    "resize50": steps.resize50,
}
# What earlier work prepared its data with, as steps; sources D1, D2.
SEQUENCES = {
    "agcn": "fill+centre-frames+upright+facing",
    "agcn-noz": "fill+centre-frames+facing",
    "aimclr": "trim+root+resize50+facing-frames",
}
NORMALISERS = (*STEPS, *SEQUENCES)
RETIMES = ("trim", "resize50")
"""Steps after which a clip has another number of frames."""
_NEEDS = {"upright": (spine,), "facing": (shoulders,), "facing-frames": (shoulders,)}


def normalize(
    x: Tensor, lengths: Tensor, name: str, skeleton: Skeleton, coordinates: int | None = None
) -> tuple[Tensor, Tensor]:
    """Applies the normalisation `name` to padded clips.

    Args:
        x: `(N, C, T, V, M)`, zero beyond each clip's length.
        lengths: true lengths `(N,)`.
        name: steps and sequences, joined by `+`.
        skeleton: the joint layout.
        coordinates: channels that are coordinates, the first ones; None: all. A confidence after
            them moves with its frame and stays as it is otherwise.

    Returns:
        The clips and their lengths, both new where a step changes the number of frames.

    Raises:
        InputError: see `check`.
    """
    count = coordinates or x.shape[1]
    order = check(name, skeleton, count)
    if all(step == "none" for step in order):
        return x, lengths
    batch = Batch(x, lengths, steps.present(x[:, :count]), skeleton, count)
    for step in order:
        batch = STEPS[step](batch)
    return batch.x, batch.lengths


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


def keeps_time(name: str) -> bool:
    """Whether frame `t` of a normalised clip is frame `t` of the stored one.

    Raises:
        InputError: see `expand`.
    """
    return not {"fill", *RETIMES} & set(expand(name))

"""Normalises raw joints: stored data stays raw, batches apply the ClipSet's own normalisation.

`normalize_names.py` says what the names stand for, `normalize_default.py` which one a run has where
none is named.
"""

from __future__ import annotations

from torch import Tensor

from ..skeleton import Skeleton
from .normalize_names import STEPS, check
from .normalize_steps import Batch, present


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
        InputError: see `normalize_names.check`.
    """
    count = coordinates or x.shape[1]
    order = check(name, skeleton, count)
    if all(step == "none" for step in order):
        return x, lengths
    batch = Batch(x, lengths, present(x[:, :count]), skeleton, count)
    for step in order:
        batch = STEPS[step](batch)
    return batch.x, batch.lengths

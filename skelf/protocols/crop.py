"""Which part of a clip a protocol reads: all of it, its middle, or a random part.

USDRL's released evaluation reads whole clips; that of ISC, CMD and PCM3 the central 95 % of a clip
that is judged, and, where a classifier trains, a random half to all of a clip, anew in each epoch
(sources P15).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ..augment.basic import central_crop, crop_resize, draw_crops, resize

Crop = Literal["whole", "central-95"]

RANDOM = (0.5, 1.0)
"""Smallest and largest share of a clip that a random crop covers."""


class Cut(NamedTuple):
    """A part of each clip.

    Args:
        name: says exactly which, draws included; part of the key of cached features.
        place: true lengths `(n,)` and frames after resizing -> `start` and `span`, each `(n,)`.
    """

    name: str
    place: Callable[[Tensor, int], tuple[Tensor, Tensor]]


CUTS = {"central-95": Cut("central-95", lambda lengths, frames: central_crop(lengths, 0.95))}
"""Those that have a name; "whole" has none, since nothing is cut."""


def random_cut(seed: int, number: int) -> Cut:
    """A random part of each clip, `RANDOM` of it; of another `number` another one."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + number) % 2**63)

    def place(lengths: Tensor, frames: int) -> tuple[Tensor, Tensor]:
        start, span = draw_crops(lengths.cpu(), frames, RANDOM, 1, generator)
        return start[0].to(lengths.device), span[0].to(lengths.device)

    return Cut(f"random {RANDOM}, seed {seed}, number {number}", place)


def read(x: Tensor, lengths: Tensor, frames: int, cut: Cut | None = None) -> Tensor:
    """Clips `(n, C, T, V, M)` of `lengths` `(n,)`, or what is cut of them, resized to `frames`."""
    if cut is None:
        return resize(x, lengths, frames)
    return crop_resize(x, *cut.place(lengths, frames), frames)


def of_clips(crop: Crop) -> str:
    """What a definition says was read."""
    return "whole clips" if crop == "whole" else "the central 95 % of clips"

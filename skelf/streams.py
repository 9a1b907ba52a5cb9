"""Joint, motion and bone streams of a clip, derived from the joints and the skeleton alone.

Streams are derived after augmentation and resizing, on whatever the encoder is given, so an encoder
derives its own stream (`encoder.stream`) and no training or evaluation path can forget to. Source:
USDRL's released model; the same definitions serve AimCLR and PCM3.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import unknown
from .skeleton import Skeleton

STREAMS = ("joint", "motion", "bone")


def derive(x: Tensor, stream: str, skeleton: Skeleton) -> Tensor:
    """The named stream of joints `x` `(N, C, T, V, M)`; same shape and unit.

    Raises:
        InputError: a stream that is not in `STREAMS`.
    """
    if stream == "joint":
        return x
    if stream == "motion":
        return motion(x)
    if stream == "bone":
        return bone(x, skeleton)
    raise unknown("stream", stream, STREAMS)


def motion(x: Tensor) -> Tensor:
    """Frame-to-frame displacement `x[t + 1] - x[t]` of `(N, C, T, V, M)`; the last frame is 0."""
    return torch.nn.functional.pad(x[:, :, 1:] - x[:, :, :-1], (0, 0, 0, 0, 0, 1))


def bone(x: Tensor, skeleton: Skeleton) -> Tensor:
    """Vector from each joint's parent to it, of `(N, C, T, V, M)`; 0 at the root."""
    parents = torch.as_tensor(skeleton.bones, device=x.device)
    return x - x.index_select(3, parents)

"""Joint, motion and bone streams of a clip, derived from the joints and the skeleton alone.

Streams are derived after augmentation and resizing, on whatever the encoder is given, so an encoder
derives its own stream (`encoder.stream`) and no training or evaluation path can forget to. Source:
USDRL's released model (sources U2); the same definitions serve AimCLR and PCM3.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import unknown
from .skeleton import Skeleton

STREAMS = ("joint", "motion", "bone")


def derive(x: Tensor, stream: str, skeleton: Skeleton, coordinates: int | None = None) -> Tensor:
    """The named stream of joints `x` `(N, C, T, V, M)`; same shape and unit.

    Args:
        x: joints.
        stream: joint, motion or bone.
        skeleton: the joint layout.
        coordinates: channels that are coordinates, the first ones; None: all. One after them is a
            confidence: each joint keeps its own in every stream, and a difference to or from a
            missing joint (confidence 0) is 0, not a jump to the origin.

    Raises:
        InputError: a stream that is not in `STREAMS`.

    Examples:
        >>> import torch
        >>> from skelf.layouts import KINECT20
        >>> x = torch.ones(1, 3, 2, 20, 1)  # nobody moves, and all joints are in one place
        >>> [float(derive(x, s, KINECT20).abs().max()) for s in ("joint", "motion", "bone")]
        [1.0, 0.0, 0.0]
    """
    if stream not in STREAMS:
        raise unknown("stream", stream, STREAMS)
    if stream == "joint":
        return x
    moved, rest = x.tensor_split([coordinates or x.shape[1]], dim=1)
    out = motion(moved) if stream == "motion" else bone(moved, skeleton)
    if not rest.shape[1]:
        return out
    known = rest > 0
    if stream == "motion":
        other = torch.nn.functional.pad(known[:, :, 1:], (0, 0, 0, 0, 0, 1))
    else:
        other = known.index_select(3, torch.as_tensor(skeleton.bones, device=x.device))
    return torch.cat([out * (known & other), rest], dim=1)


def motion(x: Tensor) -> Tensor:
    """Frame-to-frame displacement `x[t + 1] - x[t]` of `(N, C, T, V, M)`; the last frame is 0."""
    return torch.nn.functional.pad(x[:, :, 1:] - x[:, :, :-1], (0, 0, 0, 0, 0, 1))


def bone(x: Tensor, skeleton: Skeleton) -> Tensor:
    """Vector from each joint's parent to it, of `(N, C, T, V, M)`; 0 at the root."""
    parents = torch.as_tensor(skeleton.bones, device=x.device)
    return x - x.index_select(3, parents)

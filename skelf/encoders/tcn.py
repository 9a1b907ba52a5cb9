"""TCN: dilated temporal convolutions over poses and how they change.

A frame's row holds the pose and, for a few spans of time, its change to the frame so long before
and after; a norm puts all of them on one scale, so that a small motion counts as much as a large
pose. Its statistics are those of the training clips, not of their views, and stay as they are. A
first layer makes features of that row alone (the stem); residual layers of ever wider dilation (the
trunk) add what happens around. Frames keep both, since what a trunk was trained to ignore may be
what a head needs. A joint whose coordinates are all 0 is absent, and so is a frame without joints:
neither counts in what is pooled.

The residual dilated layer is that of MS-TCN (Abu Farha and Gall, CVPR 2019), without its dropout,
with a norm before it; rows of differences are what motion streams of the field are made of.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..settings.ranges import Depth, NotEmpty, Size
from ..skeleton import Skeleton
from ..streams import derive
from ._norms import InputNorm
from ._products import Linear
from ._tokens import check_arguments, check_clip

Spans = Annotated[tuple[Size, ...], NotEmpty()]


class TCN(nn.Module):
    """Temporal convolutional encoder.

    Args:
        skeleton: the joint layout.
        in_channels: numbers a joint, C: its coordinates, and its confidence where there is one.
        persons: persons M.
        stream: what is derived from the joints: joint, motion or bone.
        confidence: the last channel is a confidence, see `streams.derive`.
        dim: width H of stem and trunk; vectors have 3H numbers.
        layers: residual layers; layer i has dilation `2 ** i`.
        frames: frames T of every input.
        spans: frames between a pose and those that it is compared with, before and after it.

    Raises:
        ValueError: an unknown stream.

    Examples:
        >>> from skelf.layouts import KINECT20
        >>> encoder = TCN(KINECT20, persons=1, dim=8, frames=16)
        >>> encoder.frames(torch.zeros(2, 3, 16, 20, 1)).shape
        torch.Size([2, 16, 24])
    """

    any_length = False

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        persons: int = 2,
        stream: str = "joint",
        confidence: bool = False,
        *,
        dim: Size = 512,
        layers: Depth = 3,
        frames: Size = 64,
        spans: Spans = (2, 4, 8),
    ) -> None:
        super().__init__()
        check_arguments(stream, dim, heads=1)
        self.skeleton, self.stream, self.persons = skeleton, stream, persons
        self.confidence, self.coordinates = confidence, in_channels - confidence
        self.in_channels, self.num_frames, self.dim = in_channels, frames, 3 * dim
        self.shifts = [sign * span for span in sorted(spans) for sign in (-1, 1)]
        features = in_channels * skeleton.joints * persons * (1 + len(self.shifts))
        self.norm = InputNorm(features)
        self.stem = Linear(features, dim)
        self.layers = nn.ModuleList(TCNLayer(dim, 2**depth) for depth in range(layers))
        self.last = nn.LayerNorm(dim)
        # Rows of deviation 1 give features of deviation 1.5, of which half are cut off: a random
        # stem then tells poses and motions apart by themselves.
        nn.init.normal_(self.stem.weight, std=1.5 * features**-0.5)
        nn.init.normal_(self.stem.bias, std=0.5)

    def rows(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of `(N, C, T, V, M)`, and which frames anybody is in.

        Returns:
            `(N, T, F)`: pose, then its changes, normalised; 0, which is their mean, where a joint
            is absent. `(N, T)` bool.
        """
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        x = derive(x, self.stream, self.skeleton, self.coordinates)
        pose = x.permute(0, 2, 4, 3, 1)  # (N, T, M, V, C)
        there = (pose != 0).any(dim=-1, keepdim=True)
        N, T = pose.shape[:2]
        frame = torch.arange(T, device=x.device)
        parts, known = [pose], [there]
        for shift in self.shifts:
            other = (frame + shift).clamp(0, T - 1)
            parts.append(pose[:, other] - pose)
            known.append(there[:, other] & there)
        rows = self.norm(torch.stack(parts, dim=2).view(N * T, -1)).view(N, T, len(parts), -1)
        mask = torch.stack(known, dim=2).expand(-1, -1, -1, -1, -1, pose.shape[-1])
        return (rows * mask.flatten(3)).flatten(2), there.flatten(2).any(dim=2)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Stem and trunk of every frame of `(N, C, T, V, M)`, each `(N, T, H)`.

        Returns:
            Both, and each frame's share of a mean over those that anybody is in, `(N, T, 1)`.
        """
        rows, there = self.rows(x)
        stem = self.stem(rows).relu()
        trunk = stem
        for layer in self.layers:
            trunk = layer(trunk)
        there = there | ~there.any(dim=1, keepdim=True)  # of an empty clip all are as good
        share = there.to(stem.dtype) / there.sum(dim=1, keepdim=True)
        return stem, self.last(trunk), share[..., None]

    def forward(self, x: Tensor) -> Tensor:
        """Clip vector `(N, 3H)`: the trunk's maximum and mean, the stem's mean."""
        return _clip(*self.encode(x))

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, 3H)`: the frame's trunk and stem, and the trunk's mean."""
        return _dense(*self.encode(x))

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` and `frames` give, in one pass."""
        encoded = self.encode(x)
        return _clip(*encoded), _dense(*encoded)


class TCNLayer(nn.Module):
    """Norm, a dilated convolution 3 wide, GELU and a linear layer, added to what came in."""

    def __init__(self, dim: int, dilation: int) -> None:
        super().__init__()
        self.norm, self.dilation = nn.LayerNorm(dim), dilation
        self.before, self.here, self.after = (Linear(dim, dim, bias=k == 1) for k in range(3))
        self.out = Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, T, dim)` to `(N, T, dim)`; beyond an end its last frame stands."""
        y, frame = self.norm(x), torch.arange(x.shape[1], device=x.device)
        earlier = (frame - self.dilation).clamp_min(0)
        later = (frame + self.dilation).clamp_max(x.shape[1] - 1)
        # As three products, not nn.Conv1d: rows stay where they are, and Muon takes matrices.
        h = self.here(y) + self.before(y)[:, earlier] + self.after(y)[:, later]
        return x + self.out(F.gelu(h))


def _clip(stem: Tensor, trunk: Tensor, share: Tensor) -> Tensor:
    lowest = torch.finfo(trunk.dtype).min
    largest = trunk.masked_fill(share == 0, lowest).amax(dim=1)
    return torch.cat([largest, (trunk * share).sum(dim=1), (stem * share).sum(dim=1)], dim=1)


def _dense(stem: Tensor, trunk: Tensor, share: Tensor) -> Tensor:
    mean = (trunk * share).sum(dim=1, keepdim=True).expand_as(trunk)
    return torch.cat([trunk, stem, mean], dim=2)

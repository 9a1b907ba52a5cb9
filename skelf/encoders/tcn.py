"""TCN: dilated temporal convolutions over poses and how they change.

A frame's row holds the pose and, for a few spans of time, its change to the frame so long before
and after; the input BatchNorm gives all of them one scale, so that a small motion counts as much as
a large pose. A first layer makes features of that row alone (the stem); residual layers of ever
wider dilation (the trunk) add what happens around. Frames keep both, since what a trunk was trained
to ignore may be what a head needs. Causal and recurrent parts there are none.

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
from ._norms import RowNorm
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
        self.norm = RowNorm(features)
        self.stem = Linear(features, dim)
        self.layers = nn.ModuleList(TCNLayer(dim, 2**depth) for depth in range(layers))
        self.last = nn.LayerNorm(dim)
        # Rows of deviation 1 give features of deviation 1.5, of which half are cut off: a random
        # stem then tells poses and motions apart by themselves.
        nn.init.normal_(self.stem.weight, std=1.5 * features**-0.5)
        nn.init.normal_(self.stem.bias, std=0.5)

    def rows(self, x: Tensor) -> Tensor:
        """Normalised rows `(N, T, F)` of `(N, C, T, V, M)`: pose, then its changes."""
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        x = derive(x, self.stream, self.skeleton, self.coordinates)
        pose = x.permute(0, 2, 4, 3, 1).flatten(2)  # (N, T, M*V*C)
        N, T, _ = pose.shape
        frame = torch.arange(T, device=x.device)
        changes = [pose[:, (frame + shift).clamp(0, T - 1)] - pose for shift in self.shifts]
        rows = torch.cat([pose, *changes], dim=2)
        return self.norm(rows.flatten(0, 1)).view(N, T, -1)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Stem and trunk of every frame of `(N, C, T, V, M)`, each `(N, T, H)`."""
        stem = self.stem(self.rows(x)).relu()
        trunk = stem
        for layer in self.layers:
            trunk = layer(trunk)
        return stem, self.last(trunk)

    def forward(self, x: Tensor) -> Tensor:
        """Clip vector `(N, 3H)`: the trunk's maximum and mean, the stem's mean."""
        return _clip(*self.encode(x))

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, 3H)`: the frame's trunk and stem, and the trunk's mean."""
        return _dense(*self.encode(x))

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` and `frames` give, in one pass."""
        stem, trunk = self.encode(x)
        return _clip(stem, trunk), _dense(stem, trunk)


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


def _clip(stem: Tensor, trunk: Tensor) -> Tensor:
    return torch.cat([trunk.amax(dim=1), trunk.mean(dim=1), stem.mean(dim=1)], dim=1)


def _dense(stem: Tensor, trunk: Tensor) -> Tensor:
    mean = trunk.mean(dim=1, keepdim=True).expand_as(trunk)
    return torch.cat([trunk, stem, mean], dim=2)

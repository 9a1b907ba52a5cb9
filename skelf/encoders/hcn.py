"""HCN: a skeleton as a picture, whose convolutions see all joints at once; ISC's image encoder.

Papers: Li et al., Co-occurrence Feature Learning from Skeleton Data for Action Recognition and
Detection with Hierarchical Aggregation, IJCAI 2018; Thoker et al., ISC, ACM MM 2021. Code:
github.com/fmthoker/skeleton-contrast (no licence file), `moco/HCN.py`; sources L6.

Two branches, of the joints and of their motion, look at each joint by itself over time; then joints
become channels, so that every later convolution mixes all of them. Differs: the clip vector is the
mean over the last map's rows in time (released: these rows side by side, four of 64 frames), so
that clips and frames have vectors of one kind; motion is `streams.derive`'s; an odd number of rows
keeps its last one when it is halved.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..settings.ranges import Rate, Size
from ..skeleton import Skeleton
from ..streams import derive
from ._tokens import check_arguments, check_clip

HALVINGS = 4  # of time, and of the columns


class HCN(nn.Module):
    """Hierarchical co-occurrence network.

    Args:
        skeleton: the joint layout.
        in_channels: numbers a joint, C: its coordinates, and its confidence where there is one.
        persons: persons M; each feature is the largest of any person's (released).
        stream: what is derived from the joints: joint, motion or bone.
        confidence: the last channel is a confidence, see `streams.derive`.
        dim: channels of a branch, and columns once joints are channels (released: 64, and 64); the
            clip vector has `4 * dim * ceil(dim / 16)` numbers.
        frames: frames T of every input (released: 64).
        dropout: probability of zeroing a channel (released: 0.5).

    Raises:
        ValueError: a value outside the range given above, or an unknown stream.

    Source: ISC's released encoder (sources L6).
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
        dim: Size = 64,
        frames: Size = 64,
        dropout: Rate = 0.5,
    ) -> None:
        super().__init__()
        check_arguments(stream, dim, heads=1)
        self.skeleton, self.stream, self.persons = skeleton, stream, persons
        self.confidence, self.coordinates = confidence, in_channels - confidence
        self.in_channels, self.num_frames = in_channels, frames
        self.dim = 4 * dim * -(-dim // 2**HALVINGS)
        sizes = in_channels, skeleton.joints, dim, dropout
        self.branches = nn.ModuleDict({"joint": Branch(*sizes), "motion": Branch(*sizes)})
        self.layers = nn.Sequential(
            _conv3(2 * dim, 2 * dim), nn.ReLU(), nn.Dropout2d(dropout), _halve(),
            _conv3(2 * dim, 4 * dim), nn.ReLU(), nn.Dropout2d(dropout), _halve(),
        )  # fmt: skip
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def rows(self, x: Tensor) -> Tensor:
        """Vectors `(N, ceil(T / 16), dim)` of clips `(N, C, T, V, M)`, one for 16 frames each."""
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        x = derive(x, self.stream, self.skeleton, self.coordinates)
        moved = derive(x, "motion", self.skeleton, self.coordinates)
        halves = [
            branch(view.permute(0, 4, 1, 2, 3).flatten(0, 1))
            for branch, view in zip(self.branches.values(), (x, moved), strict=True)
        ]
        maps = self.layers(torch.cat(halves, dim=1))  # (N * M, 4 dim, T', columns)
        largest = maps.view(-1, self.persons, *maps.shape[1:]).amax(dim=1)
        return largest.transpose(1, 2).flatten(2)

    def forward(self, x: Tensor) -> Tensor:
        """Clip vector `(N, dim)` of `(N, C, T, V, M)`."""
        return self.rows(x).mean(dim=1)

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, dim)`, one for each input frame, linearly between rows.

        Row `i` stands for frames `16 i` to `16 i + 15`; frames before the middle of the first and
        after that of the last take these.
        """
        rows, cell = self.rows(x), 2**HALVINGS
        position = (torch.arange(self.num_frames, device=x.device) - (cell - 1) / 2) / cell
        position = position.clamp(0, rows.shape[1] - 1)
        lower = position.long()
        upper = (lower + 1).clamp_max(rows.shape[1] - 1)
        weight = (position - lower)[:, None].to(rows.dtype)
        return torch.lerp(rows[:, lower], rows[:, upper], weight)


class Branch(nn.Module):
    """Each joint by itself, then joints as channels: `(B, C, T, V)` to `(B, dim, T / 4, dim / 4)`.

    No activation stands where joints become channels, nor after (released).
    """

    def __init__(self, ins: int, joints: int, dim: int, dropout: float) -> None:
        super().__init__()
        half = max(dim // 2, 1)
        self.point = nn.Conv2d(ins, dim, 1)
        self.time = nn.Conv2d(dim, dim, (3, 1), padding=(1, 0))
        self.joints = nn.Sequential(
            _conv3(joints, half), _halve(), _conv3(half, dim), nn.Dropout2d(dropout), _halve()
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, T, V)` to `(B, dim, ceil(T / 4), ceil(dim / 4))`."""
        y = self.time(F.relu(self.point(x)))  # (B, dim, T, V)
        return self.joints(y.transpose(1, 3))


def _conv3(ins: int, outs: int) -> nn.Conv2d:
    return nn.Conv2d(ins, outs, 3, padding=1)


def _halve() -> nn.MaxPool2d:
    return nn.MaxPool2d(2, ceil_mode=True)

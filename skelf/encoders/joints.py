"""No encoder: the joints themselves, and how fast they move.

A plain rival without weights, that whoever reads a table of encoders needs beside them: what lies
below it would have been better left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..settings.ranges import Size
from ..skeleton import Skeleton
from ..streams import derive
from ._tokens import check_arguments

NAME = "joints"
"""What stands for a run where there is no encoder."""


class Joints(nn.Module):
    """Joints and their velocities as the features of a frame; it has an encoder's contract.

    A velocity is the change a frame of the input: of windows of so many seconds, which are resized
    to `frames`, that is proportional to the change a second whatever the recording's rate.

    Args:
        skeleton: the joint layout.
        in_channels: numbers a joint, C: its coordinates, and its confidence where there is one.
        persons: persons M.
        stream: what is derived from the joints: joint, motion or bone.
        confidence: the last channel is a confidence; a joint that is missing in a frame or beside
            it has the velocity 0.
        frames: frames T of every input.

    Raises:
        ValueError: an unknown stream.

    Examples:
        >>> from skelf.layouts import KINECT20
        >>> encoder = Joints(KINECT20, persons=1, frames=8)
        >>> encoder.frames(torch.zeros(2, 3, 8, 20, 1)).shape, encoder.dim == 2 * 3 * 20
        (torch.Size([2, 8, 120]), True)
    """

    any_length = True

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        persons: int = 2,
        stream: str = "joint",
        confidence: bool = False,
        *,
        frames: Size = 64,
    ) -> None:
        super().__init__()
        check_arguments(stream, 1, 1)
        self.skeleton, self.stream, self.persons = skeleton, stream, persons
        self.confidence, self.coordinates = confidence, in_channels - confidence
        self.in_channels, self.num_frames = in_channels, frames
        self.dim = (in_channels + self.coordinates) * skeleton.joints * persons

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, dim)`: what each joint is, and then its change."""
        x = derive(x, self.stream, self.skeleton, self.coordinates)
        rows = torch.cat([x, self._velocity(x)], dim=1)  # (N, C + D, T, V, M)
        return rows.permute(0, 2, 1, 4, 3).flatten(2)

    def forward(self, x: Tensor) -> Tensor:
        """Clip vector `(N, dim)`: the mean of each joint over the frames, and its deviation."""
        x = derive(x, self.stream, self.skeleton, self.coordinates)
        deviation = x[:, : self.coordinates].std(dim=2, correction=0)
        return torch.cat([x.mean(dim=2), deviation], dim=1).flatten(1)

    def _velocity(self, x: Tensor) -> Tensor:
        """Central differences of the coordinates, `(N, D, T, V, M)`; at the ends one-sided."""
        place, confidence = x.tensor_split([self.coordinates], dim=1)
        if x.shape[2] < 2:
            return torch.zeros_like(place)
        change = torch.gradient(place, dim=2)[0]
        if not self.confidence:
            return change
        before = torch.cat([confidence[:, :, :1], confidence[:, :, :-1]], dim=2)
        after = torch.cat([confidence[:, :, 1:], confidence[:, :, -1:]], dim=2)
        return change * ((before > 0) & (confidence > 0) & (after > 0))

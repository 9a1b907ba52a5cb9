"""GRU: the recurrent encoder of PCM3 (and of ISC and CMD before it).

Paper: Zhang et al., Prompted Contrast with Masked Motion Modeling, ACM MM 2023; the survey of 2024
keeps it. Code: github.com/JHang2020/PCM3 (no licence file), `moco/GRU.py`. Called bidirectional
there, but the released code steps it one frame at a time, so that both "directions" run forward in
time: each layer is two causal GRUs on the same input, side by side (sources P1, exact). Here both
run over the whole sequence at once, see `_recurrence`.

Frames stand first within: `(T, N, F)`, so that a step of the recurrence reads one block of memory.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..settings.ranges import Depth, Size
from ..skeleton import Skeleton
from ..streams import derive
from ._norms import RowNorm
from ._recurrence import recur
from ._steps import Steps
from ._tokens import check_arguments, check_clip


class GRU(nn.Module):
    """Recurrent encoder: input BatchNorm, then layers of two GRUs each.

    Args:
        skeleton: the joint layout.
        in_channels: numbers a joint, C: its coordinates, and its confidence where there is one.
        persons: persons M.
        stream: what is derived from the joints: joint, motion or bone.
        confidence: the last channel is a confidence, see `streams.derive`.
        dim: hidden width H of each direction (paper: 1024); the clip vector has 2H numbers.
        layers: layers (paper: 3).
        frames: frames T of every input (paper: 64).
        causal: both directions run forward in time, so that frame t sees the frames up to t only
            (released). False: the second one runs backward, a true bidirectional GRU.

    Raises:
        ValueError: an unknown stream.

    Source: PCM3's released encoder (sources P1).
    """

    any_length = True
    layers: Any  # torch does not type what a list holds: ModuleLists of two nn.GRU

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        persons: int = 2,
        stream: str = "joint",
        confidence: bool = False,
        *,
        dim: Size = 1024,
        layers: Depth = 3,
        frames: Size = 64,
        causal: bool = True,
    ) -> None:
        super().__init__()
        check_arguments(stream, dim, heads=1)
        self.skeleton, self.stream, self.persons = skeleton, stream, persons
        self.confidence, self.coordinates = confidence, in_channels - confidence
        self.in_channels, self.num_frames, self.dim = in_channels, frames, 2 * dim
        self.causal = causal
        self.features = skeleton.joints * in_channels * persons
        self.norm = RowNorm(self.features)
        self.layers = nn.ModuleList(
            nn.ModuleList(nn.GRU(2 * dim if depth else self.features, dim) for _ in range(2))
            for depth in range(layers)
        )
        self._xavier()

    def draw(self) -> None:
        """All weights anew, as when it was made."""
        self.norm.reset_parameters()
        for recurrence in self.layers.modules():
            if isinstance(recurrence, nn.GRU):
                recurrence.reset_parameters()
        self._xavier()

    def _xavier(self) -> None:
        for parameter in self.layers.parameters():
            if parameter.dim() == 2:  # biases keep torch's draw
                nn.init.xavier_uniform_(parameter)

    def rows(self, x: Tensor) -> Tensor:
        """One row a frame, `(T, N, V*C*M)`, of a stream `(N, C, T, V, M)` that is derived."""
        return x.permute(2, 0, 3, 1, 4).flatten(2)

    def normalise(self, rows: Tensor) -> Tensor:
        """The input BatchNorm of rows `(T, N, V*C*M)`, over clips and frames."""
        return self.norm(rows.flatten(0, 1)).view_as(rows)

    def recur(self, rows: Tensor) -> Tensor:
        """States `(T, N, 2H)` of normalised rows `(T, N, V*C*M)`."""
        for ahead, other in self.layers:
            if self.causal:
                rows = recur(rows, ahead, other)
            else:
                states = [recur(rows, ahead), recur(rows.flip(0), other).flip(0)]
                rows = torch.cat(states, dim=2)
        return rows

    def last(self, states: Tensor) -> Tensor:
        """Clip vectors `(N, 2H)` of states `(T, N, 2H)`: of each direction what it ended on."""
        if self.causal:
            return states[-1]
        half = self.dim // 2
        return torch.cat([states[-1, :, :half], states[0, :, half:]], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Clip vector `(N, 2H)` of `(N, C, T, V, M)`."""
        return self.last(self._states(x))

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, 2H)`, one for each input frame."""
        return self._states(x).transpose(0, 1)

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` and `frames` give, in one pass."""
        states = self._states(x)
        return self.last(states), states.transpose(0, 1)

    def steps(self) -> Steps:
        """The same one frame at a time, in evaluation, with the weights as they are now.

        Raises:
            ValueError: the second direction runs backward, from frames that are still to come.
        """
        if not self.causal:
            raise ValueError("causal: False; only a causal GRU can go frame by frame")
        return Steps(self.skeleton, self.stream, self.coordinates, self.norm, self.layers)

    def _states(self, x: Tensor) -> Tensor:
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        x = derive(x, self.stream, self.skeleton, self.coordinates)
        return self.recur(self.normalise(self.rows(x)))

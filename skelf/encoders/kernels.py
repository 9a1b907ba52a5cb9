"""No training: fixed convolutions of the joints' paths, and how often each is above a threshold.

The transform of MiniRocket, on all coordinates of all joints. Only its thresholds come from clips:
they are quantiles of what the convolutions give for some of them, without labels
(`protocols.settling.settle_kernels`). So it is a rival without pretraining that knows how poses
change, which means and deviations of joints do not.

Paper: Dempster, Schmidt and Webb, "MiniRocket: A Very Fast (Almost) Deterministic Transform for
Time Series Classification", KDD 2021. Their code is GPL-3.0; nothing but facts was taken from it
(sources B1). Differs: the mean over the clips of the thresholds is subtracted, so that cosines of
features say something.
"""

from __future__ import annotations

from itertools import combinations
from math import log2, sqrt

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..settings.ranges import Size
from ..skeleton import Skeleton
from ..streams import derive
from ._tokens import check_arguments

NAME = "kernels"
"""What stands for a run where joints are judged through fixed kernels."""

TAPS, HEAVY = 9, 3
"""Weights of a kernel, and how many of them are 2; the others are -1."""

MOST_DILATIONS, MOST_CHANNELS = 32, 9
"""Of one kernel, and of one kernel at one dilation."""

_CLIPS = 32  # at a time: their thresholded convolutions are what takes memory


class Kernels(nn.Module):
    """The 84 kernels of nine weights at several dilations, each on a few coordinates of its own.

    Args:
        skeleton: the joint layout.
        in_channels: numbers a joint, C: its coordinates, and its confidence where there is one,
            which is not looked at.
        persons: persons M.
        stream: what is derived from the joints: joint, motion or bone.
        confidence: the last channel is a confidence.
        frames: frames T of every input, at least 9.
        features: numbers a clip, at most; a multiple of 84 of them (paper: 10,000, so 9,996).
        seed: of which coordinates a kernel sees, and of which clip its thresholds are quantiles.

    Raises:
        ValueError: an unknown stream, or too few frames or features.

    Examples:
        >>> from skelf.layouts import KINECT20
        >>> encoder = Kernels(KINECT20, persons=1, frames=16, features=500)
        >>> encoder(torch.zeros(2, 3, 16, 20, 1)).shape, encoder.dim == 5 * 84
        (torch.Size([2, 420]), True)
    """

    any_length = False
    weights: Tensor
    biases: Tensor
    mean: Tensor
    chosen: Tensor

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        persons: int = 2,
        stream: str = "joint",
        confidence: bool = False,
        *,
        frames: Size = 64,
        features: Size = 10_000,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_arguments(stream, 1, 1)
        heavy = list(combinations(range(TAPS), HEAVY))
        if frames < TAPS or features < len(heavy):
            raise ValueError(
                f"kernels: {frames} frames and {features} features; at least {TAPS} and "
                f"{len(heavy)}"
            )
        self.skeleton, self.stream, self.persons = skeleton, stream, persons
        self.confidence, self.coordinates = confidence, in_channels - confidence
        self.in_channels, self.num_frames, self.seed = in_channels, frames, seed
        self.dilations, self.counts = dilations(frames, features // len(heavy))
        self.dim = len(heavy) * sum(self.counts)
        weights = torch.full((len(heavy), 1, TAPS), -1.0)
        for kernel, places in enumerate(heavy):
            weights[kernel, 0, list(places)] = 2.0
        self.register_buffer("weights", weights, persistent=False)
        channels = self.coordinates * skeleton.joints * persons
        self.register_buffer("chosen", self._choose(len(heavy), channels))  # (dilations, 84, D)
        self.register_buffer("biases", torch.zeros(self.dim))
        self.register_buffer("mean", torch.zeros(self.dim))

    def forward(self, x: Tensor) -> Tensor:
        """Clip vector `(N, dim)`: the share of frames above each threshold, minus its mean."""
        return torch.cat([self._shares(part) for part in torch.split(x, _CLIPS)]) - self.mean

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, dim)`: 1 where a convolution is above its threshold, less the mean.

        Over the frames that `forward` counts, their mean is the clip's vector.
        """
        rows = [above.flatten(1, 2).mT.float() for above, _ in self._above(x)]  # (N, T, 84 B)
        return torch.cat(rows, dim=2) - self.mean

    def fit(self, x: Tensor) -> None:
        """Takes the thresholds from clips `(n, C, T, V, M)`, each kernel's from one of them."""
        generator = torch.Generator().manual_seed(self.seed)
        quantiles = _low_discrepancy(self.dim)
        parts = []
        for number, values in enumerate(self._convolved(x)):  # (n, 84, T)
            clip = torch.randint(len(x), (values.shape[1],), generator=generator)
            mine = values[clip.to(values.device), torch.arange(values.shape[1])].double()
            wanted = quantiles[self._place(number)].view(values.shape[1], -1).to(values.device)
            ordered = mine.sort(dim=1).values  # torch.quantile takes one set of shares for all
            at = wanted * (mine.shape[1] - 1)
            low = at.floor().long()
            high = (low + 1).clamp(max=mine.shape[1] - 1)
            below, above = ordered.gather(1, low), ordered.gather(1, high)
            parts.append((below + (above - below) * (at - low)).flatten())
        self.biases.copy_(torch.cat(parts))
        self.mean.zero_()
        self.mean.copy_(self(x).mean(dim=0))

    def _choose(self, kernels: int, channels: int) -> Tensor:
        """Which coordinates each kernel sees at each dilation, 0 or 1; they are added up."""
        draw = np.random.default_rng(self.seed)
        most = log2(min(channels, MOST_CHANNELS) + 1)
        chosen = torch.zeros(len(self.dilations), kernels, channels)
        for row in chosen.flatten(0, 1):
            count = int(2 ** draw.uniform(0, most))
            row[torch.from_numpy(draw.choice(channels, count, replace=False))] = 1.0
        return chosen

    def _convolved(self, x: Tensor) -> list[Tensor]:
        """For each dilation the convolutions `(N, 84, T)`, padded by zeros."""
        x = derive(x, self.stream, self.skeleton, self.coordinates)[:, : self.coordinates]
        series = x.permute(0, 1, 3, 4, 2).flatten(1, 3)  # (N, D, T)
        made = []
        for chosen, dilation in zip(self.chosen, self.dilations, strict=True):
            mixed = torch.einsum("kd,ndt->nkt", chosen.to(series.dtype), series)
            padding = dilation * (TAPS // 2)
            weights = self.weights.to(series.dtype)
            made.append(
                F.conv1d(mixed, weights, padding=padding, dilation=dilation, groups=mixed.shape[1])
            )
        return made

    def _above(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        """For each dilation where it is above, `(N, 84, B, T)`, and which frames count, `(84, T)`.

        Every second kernel looks at whole kernels alone, not at the padding.
        """
        made = []
        for number, values in enumerate(self._convolved(x)):
            biases = self.biases[self._place(number)].view(values.shape[1], -1, 1)
            frame = torch.arange(x.shape[2], device=x.device)
            edge = self.dilations[number] * (TAPS // 2)
            inner = (frame >= edge) & (frame < x.shape[2] - edge)
            kernels = torch.arange(values.shape[1], device=x.device)[:, None]
            counted = inner | ((kernels + number) % 2 == 0)
            made.append((values[:, :, None] > biases, counted))
        return made

    def _shares(self, x: Tensor) -> Tensor:
        rows = []
        for above, counted in self._above(x):
            among = (above & counted[:, None]).sum(dim=3)  # (N, 84, B)
            rows.append((among / counted.sum(dim=1)[:, None]).flatten(1))
        return torch.cat(rows, dim=1)

    def _place(self, number: int) -> slice:
        """Where the features of a dilation stand."""
        kernels = self.weights.shape[0]
        begin = kernels * sum(self.counts[:number])
        return slice(begin, begin + kernels * self.counts[number])


def dilations(frames: int, features: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Dilations of a kernel, up to what spans all frames, and how many features each gets.

    Args:
        frames: of a clip.
        features: of one kernel.

    Examples:
        >>> dilations(64, 119)
        ((1, 2, 3, 4, 5, 6, 7), (41, 23, 15, 15, 7, 11, 7))
    """
    count = min(features, MOST_DILATIONS)
    most = log2((frames - 1) / (TAPS - 1))
    each, times = np.unique(
        np.logspace(0, most, count, base=2).astype(np.int64), return_counts=True
    )
    shares = (times * features / count).astype(np.int64)
    for one in range(features - int(shares.sum())):
        shares[one % len(shares)] += 1
    return tuple(each.tolist()), tuple(shares.tolist())


def _low_discrepancy(count: int) -> Tensor:
    """Shares in [0, 1) that fill it evenly however many: multiples of the golden ratio."""
    steps = torch.arange(1, count + 1, dtype=torch.float64)
    return (steps * ((sqrt(5) + 1) / 2)) % 1

"""PCM3's prompts, and what it asks of its encoder (sources P8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn

from ..contracts import Encoder

USES = ("intra", "mix", "mask", "predict", "clip", "key", "reconstruct")
"""Where a task prompt is added; each use has an offset of its own in every step."""

TASKS = ("contrast", "reconstruct")


class StateEncoder(Encoder, Protocol):
    """A recurrent encoder whose states can be decoded (GRU)."""

    features: int
    """Numbers a frame, V*C*M."""

    def rows(self, x: Tensor) -> Tensor:
        """Rows `(T, N, V*C*M)` of a stream `(N, C, T, V, M)`."""

    def normalise(self, rows: Tensor) -> Tensor:
        """The input BatchNorm of rows."""

    def recur(self, rows: Tensor) -> Tensor:
        """States `(T, N, 2H)` of normalised rows."""

    def last(self, states: Tensor) -> Tensor:
        """Vectors `(N, 2H)` of states."""


class Prompts(nn.ParameterDict):
    """Domain prompts `(1, 1, V*C*M)`; those of `TASKS` `(1, H/4)`, in halves.

    Args:
        names: of the prompts; without any, none is ever added.
        encoder: says the sizes.
    """

    def __init__(self, names: Iterable[str], encoder: StateEncoder) -> None:
        super().__init__()
        self.hidden = encoder.dim // 2
        half = max(encoder.dim // 16, 1)  # released: 128 of 1024
        for name in names:
            shape = (1, 2 * half) if name in TASKS else (1, 1, encoder.features)
            self[name] = nn.Parameter(nn.init.xavier_uniform_(torch.empty(shape)))

    def task(self, task: str, use: str, offsets: Tensor) -> Tensor:
        """A task prompt where this use has it: `(2H,)`, a half in each direction's features."""
        if not len(self):
            return offsets.new_zeros((), dtype=torch.float32)
        halves = self[task].view(2, -1)
        place = offsets[USES.index(use)] + torch.arange(halves.shape[1], device=offsets.device)
        return halves.new_zeros(2, self.hidden).index_copy(1, place, halves).flatten()

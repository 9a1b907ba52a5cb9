"""Predict & Cluster's decoder, too weak to help itself: a GRU that starts from the clip vector."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class WeakDecoder(nn.Module):
    """One layer of GRU and a linear layer, from a clip vector to a sequence.

    Args:
        dim: numbers of a clip vector, which are those of its state, too.
        features: numbers a frame.
        weak: "weights": neither layer is trained, and nothing is fed but the clip vector as the
            first state. "states": both are trained, but the state is the clip vector at every step;
            what is fed is the frame before, the first one given and then its own, to which the
            linear layer adds. "none": both are trained, states go on, nothing is fed.

    Source: sources Q1, Q2; weights are drawn as there. differs: the reset gate acts after the
    product with the state, as in torch's cell and in the later of the two released codes.
    """

    def __init__(self, dim: int, features: int, weak: str) -> None:
        super().__init__()
        self.of_state = nn.Linear(dim, 3 * dim)  # r, z and n
        self.of_frame = nn.Linear(features, 3 * dim, bias=False) if weak == "states" else None
        self.out = nn.Linear(dim, features)
        cell = [self.of_state] if self.of_frame is None else [self.of_state, self.of_frame]
        _draw_cell(cell, dim, features)
        if weak == "states":
            for parameter in self.out.parameters():
                nn.init.uniform_(parameter, -0.04, 0.04)
        else:
            nn.init.xavier_uniform_(self.out.weight)
            nn.init.zeros_(self.out.bias)
        if weak == "weights":
            self.requires_grad_(False)

    def forward(self, vectors: Tensor, frames: int, first: Tensor) -> Tensor:
        """A sequence of each clip vector, float32 at least: rounding would add up over it.

        Args:
            vectors: `(N, dim)`.
            frames: how many frames, T.
            first: the frame that is given `(N, features)`, before those that it predicts; read
                where the states are fixed, alone.

        Returns:
            `(T, N, features)`.
        """
        with torch.autocast(vectors.device.type, enabled=False):
            vectors = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
            if self.of_frame is None:
                return self.out(self._states(vectors, frames))
            sums, frame, made = self.of_state(vectors), first.to(vectors.dtype), []
            for _ in range(frames):
                frame = frame + self.out(_step(sums, vectors, self.of_frame(frame)))
                made.append(frame)
            return torch.stack(made)

    def _states(self, state: Tensor, frames: int) -> Tensor:
        states = []
        for _ in range(frames):
            state = _step(self.of_state(state), state)
            states.append(state)
        return torch.stack(states)


def _step(sums: Tensor, state: Tensor, fed: Tensor | None = None) -> Tensor:
    """The next state `(N, H)`, of what the state and what is fed add to the gates `(N, 3H)`."""
    r, z, n = sums.chunk(3, dim=1)
    if fed is None:
        return torch.lerp((r.sigmoid() * n).tanh(), state, z.sigmoid())
    fed_r, fed_z, fed_n = fed.chunk(3, dim=1)
    r, z = (r + fed_r).sigmoid(), (z + fed_z).sigmoid()
    return torch.lerp((fed_n + r * n).tanh(), state, z)


def _draw_cell(layers: Iterable[nn.Linear], dim: int, features: int) -> None:
    """Glorot's uniform draw over input and state together, the gates as one matrix; biases of the
    gates 1, so that at first the state mostly stays, and 0 beside them.
    """
    gates, candidate = sqrt(6 / (features + 3 * dim)), sqrt(6 / (features + 2 * dim))
    with torch.no_grad():
        for layer in layers:
            layer.weight[: 2 * dim].uniform_(-gates, gates)
            layer.weight[2 * dim :].uniform_(-candidate, candidate)
            if layer.bias is not None:
                layer.bias.copy_(F.pad(layer.bias.new_ones(2 * dim), (0, dim)))

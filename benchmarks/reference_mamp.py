"""The plain path of MAMP, twice: as its code was released, and with all tokens in the encoder.

Written from the facts of the release (sources G1 to G7) and kept small: attention with its weights,
patches by a convolution, views clip by clip in NumPy. The released encoder sees visible tokens
alone already; the plainer way, of masked models whose encoder is any network, is `whole`: hidden
tokens are replaced by one learned vector, and the whole sequence passes the encoder.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skelf.methods.mamp import MAMP

from . import reference_views


class Block(nn.Module):
    """A pre-norm layer whose attention is written out."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj, self.heads = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim), heads
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        N, L, D = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(N, L, 3, self.heads, D // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (D // self.heads) ** -0.5).softmax(dim=-1)
        x = x + self.proj((weights @ v).transpose(1, 2).reshape(N, L, D))
        return x + self.mlp(self.norm2(x))


class Reference(nn.Module):
    """MAMP with the weights of skelf's.

    Args:
        method: whose weights are copied.
        whole: all tokens pass the encoder, hidden ones as one vector; else the visible ones alone.
    """

    def __init__(self, method: MAMP, whole: bool) -> None:
        super().__init__()
        made, predictor = method.encoder, method.predictor
        self.whole, self.patch, self.grid = whole, made.patch, made.grid
        dim, width = made.dim, predictor.mask.shape[0]
        self.embed = nn.Conv2d(made.in_channels, dim, (self.patch, 1), (self.patch, 1))
        self.time, self.joint = _zeros(1, made.grid[0], 1, dim), _zeros(1, 1, made.grid[1], dim)
        self.hidden = _zeros(dim) if whole else None
        self.blocks = _blocks(method.encoder, dim, made.heads)
        self.norm = nn.LayerNorm(dim)
        self.decoder_embed, self.mask = nn.Linear(dim, width), _zeros(width)
        self.decoder_time = _zeros(1, made.grid[0], 1, width)
        self.decoder_joint = _zeros(1, 1, made.grid[1], width)
        self.decoder = _blocks(predictor, width, made.heads)
        self.decoder_norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, predictor.out.out_features)
        self.take(method)

    @torch.no_grad()
    def take(self, method: MAMP) -> None:
        """Copies the weights; each is a plain tensor here, so that none is shared."""
        made: Any = method.encoder
        predictor: Any = method.predictor
        kernel = made.embed.weight.view(made.dim, self.patch, made.in_channels)
        self.embed.weight.copy_(kernel.transpose(1, 2)[..., None])
        self.embed.bias.copy_(made.embed.bias)  # type: ignore[union-attr]  # there is one
        for own, given in (
            (self.time, made.places.time[None]), (self.joint, made.places.joint[None, None]),
            (self.decoder_time, predictor.places.time[None]),
            (self.decoder_joint, predictor.places.joint[None, None]),
            (self.mask, predictor.mask),
        ):  # fmt: skip
            own.copy_(given)
        for own, given in (
            (self.norm, made.last), (self.decoder_norm, predictor.last),
            (self.decoder_embed, predictor.embed), (self.out, predictor.out),
        ):  # fmt: skip
            own.load_state_dict(given.state_dict())
        for ours, theirs in ((self.blocks, made.blocks), (self.decoder, predictor.blocks)):
            for own, given in zip(ours, theirs, strict=True):
                own.load_state_dict({name(key): value for key, value in given.state_dict().items()})

    def loss(self, clips: Tensor, kept: Tensor, hidden: Tensor) -> Tensor:
        """The error of the hidden patches of persons `(N, M, ...)`, one after the other in rows."""
        N, C, T, V, M = clips.shape
        goal = self.goal(clips.permute(0, 4, 1, 2, 3).reshape(N * M, C, T, V))
        h = self.decoder_embed(self.tokens(clips, kept, hidden))
        kept, hidden = kept.reshape(N * M, -1), hidden.reshape(N * M, -1)
        if self.hidden is None:
            masks = self.mask.expand(N * M, hidden.shape[1], -1)
            back = torch.cat([kept, hidden], dim=1).argsort(dim=1)
            h = torch.cat([h, masks], dim=1)
            h = h.gather(1, wide(back, h))
        h = h.view(N * M, *self.grid, -1) + self.decoder_time + self.decoder_joint
        h = h.reshape(N * M, -1, h.shape[-1])
        for block in self.decoder:
            h = block(h)
        said = self.out(self.decoder_norm(h))
        error = ((said - goal) ** 2).mean(dim=2)
        chosen = torch.zeros_like(error).scatter(1, hidden, 1.0)
        return (error * chosen).sum() / chosen.sum()

    def tokens(self, clips: Tensor, kept: Tensor, hidden: Tensor) -> Tensor:
        """What the encoder makes of what it sees, `(N * M, K or L, D)`."""
        N, C, T, V, M = clips.shape
        x = clips.permute(0, 4, 1, 2, 3).reshape(N * M, C, T, V)
        kept, hidden = kept.reshape(N * M, -1), hidden.reshape(N * M, -1)
        h = self.embed(x).permute(0, 2, 3, 1) + self.time + self.joint
        h = h.reshape(N * M, -1, h.shape[-1])
        if self.hidden is None:
            h = h.gather(1, wide(kept, h))
        else:
            place = (self.time + self.joint).reshape(1, -1, h.shape[-1]).expand_as(h)
            at = torch.zeros_like(h[..., 0], dtype=torch.bool).scatter(1, hidden, True)
            h = torch.where(at[..., None], self.hidden + place, h)
        for block in self.blocks:
            h = block(h)
        return self.norm(h)

    def goal(self, x: Tensor) -> Tensor:
        """Standardised motion of each patch of `(B, C, T, V)`: `(B, L, patch * C)`."""
        motion = torch.zeros_like(x)
        motion[:, :, :-1] = x[:, :, 1:] - x[:, :, :-1]
        B, C, _, V = x.shape
        rows = motion.view(B, C, self.grid[0], self.patch, V).permute(0, 2, 4, 3, 1)
        rows = rows.reshape(B, self.grid[0] * V, self.patch * C)
        mean, variance = rows.mean(dim=2, keepdim=True), rows.var(dim=2, keepdim=True)
        return (rows - mean) / (variance + 1e-6) ** 0.5

    def views(self, clips: np.ndarray, lengths: Tensor, frames: int) -> list[Tensor]:
        """Views of padded clips: each cut, resized and turned by itself; then what is hidden."""
        made = [draw(clip[:, : int(n)], frames) for clip, n in zip(clips, lengths, strict=True)]
        x = reference_views.collate(made)
        N, C, T, V, M = x.shape
        rows = x.permute(0, 4, 2, 3, 1).reshape(N * M, T // self.patch, self.patch, V, C)
        rows = rows.transpose(2, 3).reshape(N * M, T // self.patch, V, -1)
        motion = torch.zeros(N * M, T // self.patch, V)
        motion[:, 1:] = (rows[:, 1:] - rows[:, :-1]).abs().mean(dim=3)
        motion[:, 0] = motion[:, 1]
        motion = motion.reshape(N, M, -1)
        odds = (motion / (motion.amax(dim=-1, keepdim=True) * 0.8 + 1e-10)).softmax(dim=-1)
        noise = -torch.log(-torch.log(torch.rand_like(odds) + 1e-10) + 1e-10)
        order = (odds.log() + noise).argsort(dim=-1)
        seen = int(order.shape[-1] * (1 - 0.9))
        return [x, order[..., :seen], order[..., seen:]]


def draw(x: np.ndarray, frames: int) -> np.ndarray:
    """A clip's stretch, resized to `frames` and turned by up to 0.3 about each axis."""
    length = x.shape[1]
    span = min(max(int(length * np.random.uniform(0.5, 1)), 64), length)
    start = np.random.randint(length - span + 1)
    x = reference_views.resize(x[:, start : start + span], frames)
    matrix = np.eye(3)
    for axis, angle in enumerate(np.random.uniform(-0.3, 0.3, 3)):
        one, other = (axis + 1) % 3, (axis + 2) % 3
        about = np.eye(3)
        about[one, one] = about[other, other] = np.cos(angle)
        about[one, other], about[other, one] = np.sin(angle), -np.sin(angle)
        matrix = about @ matrix
    return reference_views.turn(x, matrix)


def name(key: str) -> str:
    """The name here of a layer's tensor in skelf."""
    for theirs, ours in (
        ("attention.in_proj_", "qkv."), ("attention.out_proj.", "proj."),
        ("fc1.", "mlp.0."), ("fc2.", "mlp.2."),
    ):  # fmt: skip
        key = key.replace(theirs, ours)
    return key


def wide(index: Tensor, like: Tensor) -> Tensor:
    """Indices `(B, K)` for `gather` of rows `(B, L, D)`."""
    return index[..., None].expand(-1, -1, like.shape[2])


def _zeros(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(shape))


def _blocks(module: Any, dim: int, heads: int) -> nn.ModuleList:
    return nn.ModuleList(Block(dim, heads) for _ in module.blocks)

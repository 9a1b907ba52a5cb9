"""Patches: a plain transformer over joints for a few frames each, the encoder of masked modelling.

Paper: Mao et al., Masked Motion Predictors are Strong 3D Action Representation Learners (MAMP),
ICCV 2023; S-JEPA has the same. Code: github.com/maoyunyao/MAMP (no licence file), sources G1 to G3.

A token is one joint of one person for a few frames: its coordinates pass one linear layer, and a
learned vector of the joint and one of the time are added. All tokens of a person see each other, in
pre-norm layers; persons are encoded each by itself and averaged. A method that hides tokens encodes
those that it leaves (`encode` with `kept`), at the cost of those alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..augment.masked import cut
from ..settings.ranges import Depth, Size
from ..skeleton import Skeleton
from ..streams import derive
from ._products import Linear
from ._tokens import Attention, check_arguments, check_clip
from .chunks import in_chunks


class Patches(nn.Module):
    """Transformer over patches of joints and frames.

    Args:
        skeleton: the joint layout.
        in_channels: numbers a joint, C: its coordinates, and its confidence where there is one.
        persons: persons M; an absent one counts as any other in the mean (released).
        stream: what is derived from the joints: joint, motion or bone.
        confidence: the last channel is a confidence, see `streams.derive`.
        dim: width D of tokens and vectors (paper: 256).
        layers: transformer layers (paper: 8).
        frames: frames T of every input (paper: 120).
        heads: attention heads (paper: 8).
        patch: frames of a patch (paper: 4); where it does not divide `frames` the last patch
            repeats the last frame.

    Raises:
        ValueError: an unknown stream, or a `dim` that the heads do not divide.

    Examples:
        >>> from skelf.layouts import KINECT20
        >>> encoder = Patches(KINECT20, persons=1, dim=8, layers=1, frames=16)
        >>> encoder.grid, encoder(torch.zeros(2, 3, 16, 20, 1)).shape
        ((4, 20), torch.Size([2, 8]))
    """

    any_length = False
    chunk: int | None = None  # persons that `encode` takes at a time, see `chunks`

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        persons: int = 2,
        stream: str = "joint",
        confidence: bool = False,
        *,
        dim: Size = 256,
        layers: Depth = 8,
        frames: Size = 120,
        heads: Size = 8,
        patch: Size = 4,
    ) -> None:
        super().__init__()
        check_arguments(stream, dim, heads)
        self.skeleton, self.stream, self.persons = skeleton, stream, persons
        self.confidence, self.coordinates = confidence, in_channels - confidence
        self.in_channels, self.num_frames, self.dim = in_channels, frames, dim
        self.heads, self.patch = heads, patch
        self.grid = -(-frames // patch), skeleton.joints
        self.embed = Linear(patch * in_channels, dim)  # torch's first weights, as released
        self.places = Places(*self.grid, dim)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(layers))
        self.last = nn.LayerNorm(dim)

    def streamed(self, x: Tensor) -> Tensor:
        """The encoder's stream of joints `(N, C, T, V, M)`, the same shape."""
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        return derive(x, self.stream, self.skeleton, self.coordinates)

    def cut(self, streamed: Tensor) -> Tensor:
        """What `encode` takes of a stream `(N, C, T, V, M)`: `(N*M, L, F)`, frame by frame."""
        return cut(streamed, self.patch).flatten(1, 2)

    def encode(self, patches: Tensor, kept: Tensor | None = None) -> Tensor:
        """Tokens of patches `(B, L, F)`: `(B, L, D)`, or `(B, K, D)` of the kept ones.

        Args:
            patches: by `cut`.
            kept: which patches there are, `(B, K)`; the others are not seen. None: all.
        """
        place = self.places()
        if kept is None:
            h = self.embed(patches) + place
        else:
            h = self.embed(take(patches, kept)) + F.embedding(kept, place)
        return in_chunks(self._blocks, h, self.chunk)

    def _blocks(self, h: Tensor) -> Tensor:
        for block in self.blocks:
            h = block(h)
        return self.last(h)

    def _times(self, x: Tensor) -> Tensor:
        """Means over joints and persons, `(N, P, D)`.

        Absent persons are all alike, and are computed once.
        """
        patches, rows = self.cut(self.streamed(x)), None
        traced = torch.compiler.is_compiling() or torch.onnx.is_in_onnx_export() or x.is_meta
        if self.persons > 1 and not traced:
            present = (patches != 0).flatten(1).any(dim=1)
            # Those present in their order, then one that stands for all the others.
            rows = torch.where(present, present.cumsum(0) - 1, present.sum())
            patches = torch.cat([patches[present], patches[~present][:1]])
        tokens = self.encode(patches)
        means = tokens.view(-1, *self.grid, tokens.shape[-1]).mean(dim=2)
        means = means if rows is None else means[rows]
        return means.view(-1, self.persons, *means.shape[1:]).mean(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Clip vector `(N, D)` of `(N, C, T, V, M)`: the mean over all tokens."""
        return self._times(x).mean(dim=1)

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, D)`: of each frame the mean over the tokens of its patch."""
        return self._spread(self._times(x))

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` and `frames` give, in one pass."""
        times = self._times(x)
        return times.mean(dim=1), self._spread(times)

    def _spread(self, times: Tensor) -> Tensor:
        wide = times[:, :, None].expand(-1, -1, self.patch, -1).flatten(1, 2)
        return wide[:, : self.num_frames]


class Places(nn.Module):
    """What tokens know of where they stand: a learned vector a time and one a joint, added up."""

    def __init__(self, times: int, joints: int, dim: int) -> None:
        super().__init__()
        self.time = nn.Parameter(torch.empty(times, 1, dim))
        self.joint = nn.Parameter(torch.empty(joints, dim))
        for vectors in (self.time, self.joint):
            nn.init.trunc_normal_(vectors, std=0.02)

    def forward(self) -> Tensor:
        """`(times * joints, dim)`, time by time."""
        return (self.time + self.joint).flatten(0, 1)


class Block(nn.Module):
    """A pre-norm transformer layer: attention, then GELU four times as wide, each added.

    Linear layers start from Xavier's uniform draw, with biases 0 (sources G3).
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(dim), Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim)
        self.fc1, self.fc2 = Linear(dim, 4 * dim), Linear(4 * dim, dim)
        self.apply(init_xavier)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, L, dim)` to `(N, L, dim)`."""
        x = x + self.attention(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


def init_xavier(module: nn.Module) -> None:
    """Draws a Linear layer as released (sources G3); others stay."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


def take(x: Tensor, index: Tensor) -> Tensor:
    """Of rows `(B, L, F)` those named by `(B, K)`: `(B, K, F)`."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))

"""ByName: an encoder that knows joints by their names, and so takes any layout, in 2D and 3D.

No weight depends on the number of joints or on their order. A joint's coordinates pass a matrix
that is the sum of its limb's, at its place along it, and its name's (`joints/body.py`): a table's
rows instead of a layer's columns. A frame's token is the sum over limbs of the mean over their
joints that are there. A spatial token is one joint's motion, with its name's vector. Time has no
table of positions either: attention turns queries and keys by the frame (sources N1), so that clips
may have any number of frames. The layers are STTR's.

A joint that is absent takes part in nothing: neither in means, nor as a key, nor in the pooling.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Self

import torch
from torch import Tensor, nn

from ..settings.ranges import Depth, Rate, Size
from ..skeleton import Skeleton
from ._joint_features import FEATURES, JointFeatures, in_bins
from ._joint_names import NameTable
from ._products import Linear, linear
from ._tokens import TokenEmbedding, check_arguments, check_clip, init_linear, turns
from .chunks import in_chunks
from .sttr import STTRLayer


class ByName(nn.Module):
    """Transformer on joints by their names, of any layout.

    Args:
        skeleton: the joint layout; `on` gives the same encoder on another one.
        in_channels: numbers a joint, C: two or three coordinates, and its confidence where there is
            one.
        persons: persons M; absent ones change nothing.
        stream: what is derived from the joints: joint, motion or bone.
        confidence: the last channel is a confidence, 0 for joints that are absent. Without one,
            joints are absent whose coordinates are all 0.
        dim: hidden width H; the clip vector has 2H numbers.
        layers: transformer layers a stream.
        frames: frames T of every input.
        heads: attention heads.
        bins: parts of a clip whose means are a spatial token's motion.
        drop: probability with which a clip loses a joint in training, so that nothing hangs on
            which joints a layout has.

    Raises:
        ValueError: an unknown stream, coordinates that are not two or three, or a `dim` that the
            heads do not divide.
    """

    any_length = True
    any_layout = True
    chunk: int | None = None  # clips that `forward` takes at a time, see `chunks`

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        persons: int = 2,
        stream: str = "joint",
        confidence: bool = False,
        *,
        dim: Size = 1024,
        layers: Depth = 2,
        frames: Size = 64,
        heads: Size = 1,
        bins: Size = 16,
        drop: Rate = 0.25,
    ) -> None:
        super().__init__()
        check_arguments(stream, dim, heads)
        self.stream, self.persons, self.num_frames, self.dim = stream, persons, frames, 2 * dim
        self.heads, self.bins, self.drop = heads, bins, drop
        self.matrices = NameTable(FEATURES, dim)
        self.of_place = Linear(FEATURES, dim)
        self.norm, self.embed_t = nn.LayerNorm(dim), Linear(dim, dim)
        self.embed_s = TokenEmbedding(bins * FEATURES, dim)
        self.vectors = NameTable(1, dim)
        self.roles = nn.Parameter(torch.empty(2, 2, dim))  # of each stream: first person, others
        self.layers_t = nn.ModuleList(STTRLayer(dim, heads) for _ in range(layers))
        self.layers_s = nn.ModuleList(STTRLayer(dim, heads) for _ in range(layers))
        nn.init.trunc_normal_(self.roles, std=0.02)
        self.apply(init_linear)
        self._settle(skeleton, in_channels, confidence)

    def on(self, skeleton: Skeleton, in_channels: int = 3, confidence: bool = False) -> Self:
        """The same encoder, its weights shared, for clips of another layout or other channels."""
        made = deepcopy(self, {id(weight): weight for weight in self.parameters()})
        made._settle(skeleton, in_channels, confidence)
        return made

    def _settle(self, skeleton: Skeleton, in_channels: int, confidence: bool) -> None:
        coordinates = in_channels - confidence
        if coordinates not in (2, 3):
            raise ValueError(f"{coordinates} coordinates a joint; byname takes 2 or 3")
        self.skeleton, self.in_channels = skeleton, in_channels
        self.confidence, self.coordinates = confidence, coordinates
        features = JointFeatures(skeleton, self.stream, coordinates, confidence)
        self.features = features.to(self.roles.device)
        self.matrices.settle(skeleton)
        self.vectors.settle(skeleton)

    def tokens(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Dense tokens of `(N, C, T, V, M)`: temporal `(N, T, H)` and spatial `(N, M*V, H)`.

        Those of joints that are absent from the whole clip are zero.
        """
        temporal, spatial, _ = self._encode(x)
        return temporal, spatial

    def forward(self, x: Tensor) -> Tensor:
        """Clip vector `(N, 2H)` of `(N, C, T, V, M)`."""
        return in_chunks(lambda piece: _clip(*self._encode(piece)), x, self.chunk)

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, 2H)`: the frame's token, and the mean of its joints' tokens."""
        return _dense(*self._encode(x))

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` and `frames` give, in one pass."""
        encoded = self._encode(x)
        return _clip(*encoded), _dense(*encoded)

    def _encode(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens of both streams, and which joints are there, `(N, T, M, V)`."""
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        rows, place, seen, score = self.features(x)
        if self.training and self.drop:
            kept = torch.rand(len(x), 1, 1, x.shape[3], device=x.device) >= self.drop
            seen, score, rows = seen & kept, score * kept, rows * kept[..., None]
        temporal, spatial = self._temporal(rows, place, score), self._spatial(rows, score)
        turn = turns(x.shape[2], temporal.shape[2] // self.heads, x.device)
        for layer in self.layers_t:
            temporal = layer(temporal, turn=turn)
        present = seen.any(dim=1).flatten(1)  # (N, M*V)
        mask = torch.zeros_like(present, dtype=spatial.dtype).masked_fill(~present, -1e4)
        mask = mask[:, None, None].expand(-1, -1, spatial.shape[1], -1)
        for layer in self.layers_s:
            spatial = layer(spatial, mask=mask)
        return temporal, spatial * present[..., None], seen

    def _temporal(self, rows: Tensor, place: Tensor, score: Tensor) -> Tensor:
        """A token for each frame `(N, T, H)`, of features `(N, T, M, V, F)`."""
        share = score / self.features.in_limb(score)  # of its limb's mean
        matrix = self.matrices()  # (V, F, H)
        h = linear((rows * share[..., None]).flatten(3), matrix.flatten(0, 1).T)
        h = h + self.of_place(place) + self._roles(0, rows.shape[2])
        person = (score > 0).any(dim=3, keepdim=True)  # (N, T, M, 1)
        return (self.embed_t(self.norm(h).relu()) * person).sum(dim=2)

    def _spatial(self, rows: Tensor, score: Tensor) -> Tensor:
        """A token for each person's joint `(N, M*V, H)`."""
        motion = in_bins(rows, score, self.bins)  # (N, M, V, K*F)
        tokens = self.embed_s(motion) + self.vectors()[:, 0]
        return (tokens + self._roles(1, rows.shape[2])[:, None]).flatten(1, 2)

    def _roles(self, stream: int, persons: int) -> Tensor:
        """Of each person `(M, H)`: the first one is told from the others."""
        first, others = self.roles[stream].unbind()
        return torch.stack([first] + [others] * (persons - 1))


def _clip(temporal: Tensor, spatial: Tensor, seen: Tensor) -> Tensor:
    absent = ~seen.any(dim=1).flatten(1)[..., None]  # (N, M*V, 1)
    largest = spatial.masked_fill(absent, torch.finfo(spatial.dtype).min).amax(dim=1)
    largest = largest.masked_fill(absent.all(dim=1), 0.0)
    return torch.cat([temporal.amax(dim=1), largest], dim=1)


def _dense(temporal: Tensor, spatial: Tensor, seen: Tensor) -> Tensor:
    weights = seen.flatten(2).to(spatial.dtype)  # (N, T, M*V)
    weights = weights / weights.sum(dim=2, keepdim=True).clamp_min(1)
    return torch.cat([temporal, weights @ spatial], dim=2)

"""ST-GCN: spatial graph and temporal convolutions, as AimCLR, SkeletonCLR and CrosSCLR use it.

Papers: Yan et al., Spatial Temporal Graph Convolutional Networks, AAAI 2018; Guo et al., AimCLR,
AAAI 2022. Code: github.com/Levigty/AimCLR (MIT). The released AimCLR encoder is ST-GCN at a quarter
of the width (16 base channels) with a 256-dimensional output and no dropout or residual in the
first block (sources C1 to C4).

Within a block the tensor is `(B, C, T, V)` and lies in memory as `(T, V, B, C)`: to a convolution
and to BatchNorm one image of T rows and V * B columns, to the graph T matrices of V rows, to the
Fourier transform of wide blocks one matrix of T rows. So nothing is ever moved. The neighbours are
summed before the 1x1 convolution, not after it as released: the same sum, and less to compute where
a block widens.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..contracts import Module
from ..settings.ranges import Rate, Size
from ..skeleton import Skeleton
from ..streams import derive
from ._dropout import Dropout
from ._graph import PARTITIONS, partitions
from ._images import TemporalConv, mix, turn
from ._norms import MapNorm, RowNorm
from ._tokens import check_arguments, check_clip

STRIDES = (1, 1, 1, 1, 2, 1, 1, 2, 1, 1)

# (our name, name in a released checkpoint below its encoder prefix); {} stands for one word, as in
# `methods/usdrl_official.py`. A released checkpoint also holds `A`, our buffer `adjacency`, which
# is built from the skeleton and not stored.
OFFICIAL_NAMES = (
    ("data_bn.{}", "data_bn.{}"),
    ("blocks.{}.graph.{}", "st_gcn_networks.{}.gcn.conv.{}"),
    ("blocks.{}.norm1.{}", "st_gcn_networks.{}.tcn.0.{}"),
    ("blocks.{}.temporal.{}", "st_gcn_networks.{}.tcn.2.{}"),
    ("blocks.{}.norm2.{}", "st_gcn_networks.{}.tcn.3.{}"),
    ("blocks.{}.residual.{}.{}", "st_gcn_networks.{}.residual.{}.{}"),
    ("edge_importance.{}", "edge_importance.{}"),
)


class STGCN(nn.Module):
    """Spatial-temporal graph convolutional network.

    Args:
        skeleton: the joint layout; graph distances start at its root.
        in_channels: numbers a joint, C: its coordinates, and its confidence where there is one.
        persons: persons M; an absent one counts as any other in every mean (released).
        stream: what is derived from the joints: joint, motion or bone.
        confidence: the last channel is a confidence, see `streams.derive`.
        dim: length of the clip vector: channels of the last block (released: 256).
        width: base channels h (released: 16; the original ST-GCN: 64); the blocks have h, h, h, h,
            2h, 2h, 2h, 4h, 4h, dim.
        frames: frames T of every input (released: 50).
        dropout: probability of zeroing an element in each block but the first (released: 0.5).
        partition: "official" or "textbook", see `partitions`.
        edge_importance: learn a weight for each edge in each block (released: yes).

    Raises:
        ValueError: a value outside the range given above, or an unknown partition or stream.

    Source: AimCLR's released encoder (sources C1 to C4).
    """

    any_length = False
    adjacency: Tensor

    def __init__(
        self,
        skeleton: Skeleton,
        in_channels: int = 3,
        persons: int = 2,
        stream: str = "joint",
        confidence: bool = False,
        *,
        dim: Size = 256,
        width: Size = 16,
        frames: Size = 50,
        dropout: Rate = 0.5,
        partition: Literal["official", "textbook"] = "official",
        edge_importance: bool = True,
    ) -> None:
        super().__init__()
        check_arguments(stream, dim, heads=1)
        if min(dim, width, frames, in_channels, persons) < 1 or not 0 <= dropout < 1:
            raise ValueError(
                f"dim={dim}, width={width}, frames={frames}, in_channels={in_channels}, "
                f"persons={persons}, dropout={dropout}: sizes from 1 on, dropout in [0, 1)"
            )
        self.skeleton, self.stream, self.persons = skeleton, stream, persons
        self.confidence, self.coordinates = confidence, in_channels - confidence
        self.in_channels, self.num_frames, self.dim = in_channels, frames, dim
        self.register_buffer("adjacency", partitions(skeleton, partition), persistent=False)
        self.data_bn = RowNorm(skeleton.joints * in_channels)
        outs = [width] * 4 + [2 * width] * 3 + [4 * width] * 2 + [dim]
        ins = [in_channels, *outs[:-1]]
        self.blocks = nn.ModuleList(
            Block(a, b, stride, dropout if depth else 0.0, residual=depth > 0)
            for depth, (a, b, stride) in enumerate(zip(ins, outs, STRIDES, strict=True))
        )
        self.edge_importance = nn.ParameterList(
            [torch.ones_like(self.adjacency) for _ in self.blocks] if edge_importance else []
        )
        initialize(self)

    def maps(self, x: Tensor) -> Tensor:
        """Feature map of each body of `(N, C, T, V, M)`: `(N*M, dim, ceil(T / 4), V)`.

        Body `m` of clip `n` is row `n * M + m`.
        """
        maps, rows = self._distinct_maps(x)
        return maps if rows is None else maps[rows]

    def _distinct_maps(
        self, x: Tensor, adjacency: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Maps of bodies that differ, and which of them each body has; None: each its own.

        In evaluation every absent body has the same map, that of zeros, so that it is computed
        once. In training BatchNorm counts each body, and dropout tells them apart.
        """
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        N, C, T, V, M = x.shape
        x = derive(x, self.stream, self.skeleton, self.coordinates)
        x = x.permute(2, 0, 4, 3, 1)  # (T, N, M, V, C)
        x, rows = x.reshape(T, N * M, V, C), None
        traced = torch.compiler.is_compiling() or torch.onnx.is_in_onnx_export() or x.is_meta
        if M > 1 and not (self.training or torch.is_grad_enabled() or traced):
            present = (x != 0).any(dim=3).any(dim=2).any(dim=0)
            # Those present in their order, then one that stands for all the others.
            rows = torch.where(present, present.cumsum(0) - 1, present.sum())
            x = torch.cat([x[:, present], x[:, ~present][:, :1]], dim=1)
        B = x.shape[1]
        x = self.data_bn(x.reshape(T * B, V * C))
        x = turn(x.view(T, B, V, C).transpose(1, 2).contiguous())  # (B, C, T, V)
        for depth, block in enumerate(self.blocks):
            graph = self.adjacency if adjacency is None else adjacency[depth]
            if self.edge_importance:
                graph = graph * self.edge_importance[depth]
            x = block(x, graph)
        return x, rows

    def pool(self, maps: Tensor) -> Tensor:
        """Clip vectors `(N, dim)` of maps `(N*M, dim, T', V)`: mean over T', V, then persons."""
        return _mean(maps).reshape(-1, self.persons, self.dim).mean(dim=1)

    def forward(self, x: Tensor, adjacency: Tensor | None = None) -> Tensor:
        """Clip vector `(N, dim)` of `(N, C, T, V, M)`.

        Args:
            x: clips.
            adjacency: the graph of each block, `(blocks, 3, V, V)`, before its edges' importance;
                None: the skeleton's in all.
        """
        maps, rows = self._distinct_maps(x, adjacency)
        if rows is None:
            return self.pool(maps)
        bodies = _mean(maps)[rows]
        return bodies.view(-1, self.persons, self.dim).mean(dim=1)

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, dim)`, one for each input frame.

        Row `i` of the map is centred on input frame `4 i`, so frame `t` reads position `t / 4`,
        linearly between rows; frames after the last row's take that row.
        """
        maps, bodies = self._distinct_maps(x)
        rows = maps.mean(dim=3).transpose(1, 2)  # (N*M, T', dim)
        rows = rows if bodies is None else rows[bodies]
        rows = rows.reshape(x.shape[0], self.persons, -1, self.dim).mean(dim=1)
        position = torch.arange(self.num_frames, device=x.device) / 4
        position = position.clamp_max(rows.shape[1] - 1)
        lower = position.long()
        upper = (lower + 1).clamp_max(rows.shape[1] - 1)
        weight = (position - lower)[:, None].to(rows.dtype)
        return torch.lerp(rows[:, lower], rows[:, upper], weight)


class Block(nn.Module):
    """Graph convolution, BN, ReLU, temporal convolution 9 wide, BN, dropout; residual; ReLU."""

    def __init__(self, ins: int, outs: int, stride: int, dropout: float, residual: bool) -> None:
        super().__init__()
        self.skip = residual
        self.graph = GraphConv(ins, outs)
        self.norm1, self.norm2 = MapNorm(outs), MapNorm(outs)
        self.temporal = TemporalConv(outs, 9, stride)
        self.dropout = Dropout(dropout)
        # Empty is the identity: only where the shape changes is there something to learn.
        self.residual = nn.Sequential()
        if residual and (ins != outs or stride != 1):
            # The stride is taken in forward: torch 2.13 writes past its memory on the CPU, backward
            # through a 1x1 convolution with a stride and fewer than 8 channels, channels last.
            self.residual.extend([nn.Conv2d(ins, outs, 1), MapNorm(outs)])

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """`(B, ins, T, V)` to `(B, outs, ceil(T / stride), V)`."""
        y = self.graph(x, adjacency)
        rows = self._rows(self.norm1, y)
        # A view is not changed in place: autograd copies whole tensors then.
        y = self.norm1(y).relu() if rows is None else _unrolled(rows.relu_(), y)
        y = self.temporal(y)
        rows = self._rows(self.norm2, y)
        if rows is None:
            y = self.dropout(self.norm2(y))
            return (y + self._skipped(x)).relu_() if self.skip else y.relu()
        mask = self.dropout.mask(rows)
        rows = self.dropout(rows) if mask is None else rows.mul_(mask.view(rows.shape))
        if self.skip:
            rows = rows.add_(turn(self._skipped(x)).reshape(rows.shape))
        return _unrolled(rows.relu_(), y)

    def _rows(self, norm: nn.Module, x: Tensor) -> Tensor | None:
        """Normalised rows that may be changed in place; a norm across processes has none."""
        return norm.rows(x) if self.training and isinstance(norm, MapNorm) else None

    def _skipped(self, x: Tensor) -> Tensor:
        if not len(self.residual):
            return x
        x = x[:, :, :: self.temporal.stride[0]]
        conv: Any  # torch types the parts of a Sequential as modules alone
        conv, norm = self.residual
        y = F.linear(turn(x), conv.weight.flatten(1), conv.bias)
        return norm(turn(y))


class GraphConv(nn.Conv2d):
    """One 1x1 convolution for each partition, summed over the neighbours within it.

    Weight `(3 * outs, ins, 1, 1)` and bias `(3 * outs,)` are those of the released 1x1 convolution;
    channel `k * outs + c` belongs to partition `k`.
    """

    bias: Tensor  # there always is one

    def __init__(self, ins: int, outs: int) -> None:
        super().__init__(ins, PARTITIONS * outs, 1)

    # torch's own takes one argument.
    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:  # type: ignore[override]
        """`(B, ins, T, V)`, adjacency `(3, V, W)` source by destination: `(B, outs, T, W)`."""
        B, C, T, V = x.shape
        K, outs = len(adjacency), self.out_channels // len(adjacency)
        if torch.compiler.is_exporting():
            return self._exported(x, adjacency)
        gather = adjacency.transpose(1, 2).reshape(1, K * V, V)  # row k * W + w
        rows = torch.bmm(gather.expand(T, -1, -1), turn(x).reshape(T, V, B * C))
        rows = rows.view(T, K, V * B, C)
        y = mix(rows, self.weight.view(K, outs, C)).reshape(T, V, B, outs)
        # Released: each neighbour adds the bias, so it counts with the weights of its edges.
        bias = adjacency.sum(dim=1).T @ self.bias.view(K, outs)
        # Expanded by itself: its gradient is then summed over the outermost dimension first.
        return turn(y + bias.unsqueeze(1).expand(-1, B, -1))

    def _exported(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """The same as one product and one convolution of planes, which other runtimes do best."""
        K, outs = len(adjacency), self.out_channels // len(adjacency)
        rows = (x.unsqueeze(1) @ adjacency.unsqueeze(1)).flatten(1, 2)  # (B, K * C, T, W)
        weight = self.weight.view(K, outs, -1).transpose(0, 1).reshape(outs, -1, 1, 1)
        bias = adjacency.sum(dim=1).T @ self.bias.view(K, outs)
        return F.conv2d(rows, weight) + bias.T.unsqueeze(1)


def _unrolled(rows: Tensor, like: Tensor) -> Tensor:
    """Rows `(T * V * B, C)` as a map `(B, C, T, V)`."""
    B, C, T, V = like.shape
    return turn(rows.view(T, V, B, C))


def _mean(maps: Tensor) -> Tensor:
    """`(B, C)` of maps `(B, C, T, V)`; its gradient lies in memory as the maps do."""
    return turn(maps).mean(dim=(0, 1))


def initialize(module: Module) -> None:
    """Draws all of a module's layers anew: weights N(0, 0.02), those of BatchNorm N(1, 0.02).

    Biases become 0; edge importance and everything else stays. The released AimCLR calls this on
    the whole model, after the key encoder was copied from the query encoder, so that the two start
    from different draws.

    Source: released code, sources C4.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)

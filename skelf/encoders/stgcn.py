"""ST-GCN: spatial graph and temporal convolutions, as AimCLR, SkeletonCLR and CrosSCLR use it.

Papers: Yan et al., Spatial Temporal Graph Convolutional Networks, AAAI 2018; Guo et al., AimCLR,
AAAI 2022. The released AimCLR encoder is ST-GCN at a quarter of the width (16 base channels) with a
256-dimensional output and no dropout or residual in the first block (facts 1.1 to 1.4).

Within a block the tensor is `(B, C, T, V)` with channels innermost in memory, so that the graph
convolution is two matrix products. The neighbours are summed before the 1x1 convolution, not after
it as released: the same sum, and less to compute where a block widens.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..ranges import Rate, Size
from ..skeleton import Skeleton
from ..streams import derive
from ._tokens import check_arguments, check_clip

PARTITIONS = 3  # a joint itself; neighbours farther from the root; neighbours closer to it
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
        dim: length of the clip vector: channels of the last block (released: 256).
        width: base channels h (released: 16; the original ST-GCN: 64); the blocks have h, h, h, h,
            2h, 2h, 2h, 4h, 4h, dim.
        frames: frames T of every input (released: 50).
        in_channels: coordinates a joint, C.
        persons: persons M; an absent one counts as any other in every mean (released).
        stream: what is derived from the joints: joint, motion or bone.
        dropout: probability of zeroing an element in each block but the first (released: 0.5).
        partition: "official" or "textbook", see `partitions`.
        edge_importance: learn a weight for each edge in each block (released: yes).

    Raises:
        ValueError: a value outside the range given above, or an unknown partition or stream.

    Source: AimCLR's released encoder (facts 1).
    """

    adjacency: Tensor

    def __init__(
        self,
        skeleton: Skeleton,
        dim: Size = 256,
        width: Size = 16,
        frames: Size = 50,
        in_channels: int = 3,
        persons: int = 2,
        stream: str = "joint",
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
        self.in_channels, self.num_frames, self.dim = in_channels, frames, dim
        self.register_buffer("adjacency", partitions(skeleton, partition), persistent=False)
        self.data_bn = nn.BatchNorm1d(skeleton.joints * in_channels)
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
        check_clip(x, self.skeleton, self.in_channels, self.num_frames, self.persons)
        N, C, T, V, M = x.shape
        x = derive(x, self.stream, self.skeleton).permute(0, 4, 3, 1, 2)  # (N, M, V, C, T)
        x = self.data_bn(x.reshape(N * M, V * C, T))
        x = x.view(N * M, V, C, T).permute(0, 2, 3, 1)  # (N*M, C, T, V)
        for depth, block in enumerate(self.blocks):
            adjacency = self.adjacency
            if self.edge_importance:
                adjacency = adjacency * self.edge_importance[depth]
            x = block(x, adjacency)
        return x

    def pool(self, maps: Tensor) -> Tensor:
        """Clip vectors `(N, dim)` of maps `(N*M, dim, T', V)`: mean over T', V, then persons."""
        return maps.mean(dim=(2, 3)).view(-1, self.persons, self.dim).mean(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Clip vector `(N, dim)` of `(N, C, T, V, M)`."""
        return self.pool(self.maps(x))

    def frames(self, x: Tensor) -> Tensor:
        """Dense vectors `(N, T, dim)`, one for each input frame.

        Row `i` of the map is centred on input frame `4 i`, so frame `t` reads position `t / 4`,
        linearly between rows; frames after the last row's take that row.
        """
        rows = self.maps(x).mean(dim=3).transpose(1, 2)  # (N*M, T', dim)
        rows = rows.reshape(len(x), self.persons, -1, self.dim).mean(dim=1)
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
        self.norm1, self.norm2 = nn.BatchNorm2d(outs), nn.BatchNorm2d(outs)
        self.temporal = nn.Conv2d(outs, outs, (9, 1), (stride, 1), padding=(4, 0))
        self.dropout = nn.Dropout(dropout)
        # Empty is the identity: only where the shape changes is there something to learn.
        self.residual = nn.Sequential()
        if residual and (ins != outs or stride != 1):
            # The stride is taken in forward: torch 2.13 writes past its memory on the CPU, backward
            # through a 1x1 convolution with a stride and fewer than 8 channels, channels last.
            self.residual.extend([nn.Conv2d(ins, outs, 1), nn.BatchNorm2d(outs)])

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """`(B, ins, T, V)` to `(B, outs, ceil(T / stride), V)`."""
        y = self.norm1(self.graph(x, adjacency)).relu_()
        y = self.dropout(self.norm2(self.temporal(y)))
        if not self.skip:
            return y.relu_()
        return (y + self.residual(x[:, :, :: self.temporal.stride[0]])).relu_()


class GraphConv(nn.Conv2d):
    """One 1x1 convolution for each partition, summed over the neighbours within it.

    Weight `(3 * outs, ins, 1, 1)` and bias `(3 * outs,)` are those of the released 1x1 convolution;
    channel `k * outs + c` belongs to partition `k`.
    """

    def __init__(self, ins: int, outs: int) -> None:
        super().__init__(ins, PARTITIONS * outs, 1)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:  # type: ignore[override]
        """`(B, ins, T, V)`, adjacency `(3, V, W)` source by destination: `(B, outs, T, W)`."""
        B, C, T, V = x.shape
        K, outs = len(adjacency), self.out_channels // len(adjacency)
        weight = self.weight.view(K, outs, C).permute(1, 0, 2).reshape(outs, K * C)
        gather = adjacency.permute(2, 0, 1).reshape(V * K, V)  # row w * K + k
        rows = gather @ x.permute(0, 2, 3, 1)  # (B, T, W * K, C)
        rows = F.linear(rows.reshape(B, T, V, K * C), weight)
        # Released: each neighbour adds the bias, so it counts with the weights of its edges.
        bias = adjacency.sum(dim=1).T @ self.bias.view(K, outs)  # type: ignore[union-attr]
        return (rows + bias).permute(0, 3, 1, 2)


def partitions(skeleton: Skeleton, kind: str = "official") -> Tensor:
    """The normalised adjacency `(3, V, V)`, indexed by partition, source and destination joint.

    A joint's neighbours are itself (partition 0), those as far from the root as it is or farther
    (1) and those closer to it (2). Entries are divided by the number of neighbours of the
    destination, itself included: the columns of the three together sum to 1.

    Args:
        skeleton: the joint layout; an edge for each bone, distances in bones from its root.
        kind: "textbook": true distances. "official": only distances up to 1 are known and all
            others count as equal, so that partition 2 holds just the edges that leave the root or
            come into a joint from one beside the root.

    Raises:
        ValueError: an unknown kind.

    Source: facts 1.1. differs: ST-GCN's paper measures distances to the centre of gravity.
    """
    if kind not in ("official", "textbook"):
        raise ValueError(f"unknown partition {kind!r}; known: official, textbook")
    V = skeleton.joints
    distance = [0] * V
    for joint in range(V):
        at = joint
        while skeleton.parents[at] >= 0:
            at, distance[joint] = skeleton.parents[at], distance[joint] + 1
    if kind == "official":
        distance = [min(d, 2) for d in distance]
    edges = [(joint, joint) for joint in range(V)]
    edges += [edge for a, b in skeleton.edges for edge in ((a, b), (b, a))]
    adjacency = torch.zeros(PARTITIONS, V, V)
    for source, destination in edges:
        closer = distance[source] < distance[destination]
        adjacency[0 if source == destination else 1 + closer, source, destination] = 1
    return adjacency / adjacency.sum(dim=(0, 1))


def initialize(module: nn.Module) -> None:
    """Draws all of a module's layers anew: weights N(0, 0.02), those of BatchNorm N(1, 0.02).

    Biases become 0; edge importance and everything else stays. The released AimCLR calls this on
    the whole model, after the key encoder was copied from the query encoder, so that the two start
    from different draws.

    Source: facts 1.4.
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

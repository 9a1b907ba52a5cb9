"""The plain path that skelf is measured against: ST-GCN, SkeletonCLR and AimCLR as a book has them.

Written from the papers and kept small: each operation is the framework's own, in the order in which
the method is described, nothing is shared, folded or fused. Parameters carry the names of a
released checkpoint, so that `OFFICIAL[name].save(method)` of skelf loads here and both sides
compute the same numbers.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import reference_views


class GraphBlock(nn.Module):
    """1x1 convolution to three partitions, sum over the neighbours, 9x1 convolution, residual."""

    def __init__(self, ins: int, outs: int, stride: int, dropout: float, residual: bool) -> None:
        super().__init__()
        self.gcn = nn.ModuleDict({"conv": nn.Conv2d(ins, 3 * outs, 1)})
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(outs),
            nn.ReLU(),
            nn.Conv2d(outs, outs, (9, 1), (stride, 1), (4, 0)),
            nn.BatchNorm2d(outs),
            nn.Dropout(dropout),
        )
        self.skip = residual
        if residual and (ins != outs or stride != 1):
            self.residual = nn.Sequential(
                nn.Conv2d(ins, outs, 1, (stride, 1)), nn.BatchNorm2d(outs)
            )
        else:
            self.residual = nn.Sequential()

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        u = self.gcn["conv"](x)
        u = u.view(len(x), 3, -1, *u.shape[2:])
        y = self.tcn(torch.einsum("nkctv,kvw->nctw", u, adjacency))
        return F.relu(y + self.residual(x) if self.skip else y)


class Encoder(nn.Module):
    """ST-GCN and its head: `maps(x)` and `head(maps)` of clips `(N, C, T, V, M)`."""

    A: Tensor

    def __init__(
        self, adjacency: Tensor, channels: int, width: int, dim: int, out: int, dropout: float
    ) -> None:
        super().__init__()
        self.register_buffer("A", adjacency.clone())
        self.data_bn = nn.BatchNorm1d(channels * adjacency.shape[1])
        outs = [width] * 4 + [2 * width] * 3 + [4 * width] * 2 + [dim]
        self.st_gcn_networks = nn.ModuleList(
            GraphBlock(a, b, 2 if i in (4, 7) else 1, dropout if i else 0.0, residual=i > 0)
            for i, (a, b) in enumerate(zip([channels, *outs[:-1]], outs, strict=True))
        )
        self.fc = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, out))
        self.edge_importance = nn.ParameterList(
            [nn.Parameter(torch.ones_like(adjacency)) for _ in self.st_gcn_networks]
        )

    def maps(self, x: Tensor) -> Tensor:
        N, C, T, V, M = x.shape
        x = x.permute(0, 4, 3, 1, 2).contiguous().view(N * M, V * C, T)
        x = self.data_bn(x).view(N * M, V, C, T).permute(0, 2, 3, 1).contiguous()
        for block, edges in zip(self.st_gcn_networks, self.edge_importance, strict=True):
            x = block(x, self.A * edges)
        return x

    def head(self, maps: Tensor, persons: int) -> Tensor:
        h = F.avg_pool2d(maps, maps.shape[2:]).view(-1, persons, maps.shape[1]).mean(dim=1)
        return F.normalize(self.fc(h), dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.maps(x), x.shape[4])


class Contrast(nn.Module):
    """SkeletonCLR, or with `extreme` AimCLR in its first stage; weights as a checkpoint has them.

    Args:
        state: a checkpoint in the released layout: `encoder_q.`, `encoder_k.`, `queue`.
        dropout: in each block but the first.
        extreme: AimCLR, three views; else SkeletonCLR, two.
        momentum: of the key encoder.
        temperature: of the logits.
    """

    queue: Tensor

    def __init__(
        self,
        state: dict[str, Tensor],
        dropout: float,
        extreme: bool,
        momentum: float = 0.999,
        temperature: float = 0.07,
    ) -> None:
        super().__init__()
        weight = {key: tuple(value.shape) for key, value in state.items()}
        A, last = state["encoder_q.A"], weight["encoder_q.fc.2.weight"]
        self.encoder_q = Encoder(
            A,
            channels=weight["encoder_q.data_bn.weight"][0] // A.shape[1],
            width=weight["encoder_q.st_gcn_networks.0.tcn.0.weight"][0],
            dim=last[1],
            out=last[0],
            dropout=dropout,
        )
        self.encoder_k = copy.deepcopy(self.encoder_q).requires_grad_(False)
        self.register_buffer("queue", torch.empty_like(state["queue"]))
        self.register_buffer("queue_ptr", torch.empty_like(state["queue_ptr"]))
        self.load_state_dict(state)
        self.extreme, self.momentum, self.temperature = extreme, momentum, temperature

    def views(self, x: Tensor, lengths: Tensor, frames: int, flip: list[int]) -> list[Tensor]:
        """Views of padded clips `(N, C, T, V, M)`, clip by clip in NumPy."""
        clips = [
            reference_views.resize(clip[:, : int(length)], frames)
            for clip, length in zip(x.numpy(), lengths, strict=True)
        ]
        makers = [reference_views.draw_normal] * 2
        if self.extreme:
            makers = [lambda clip: reference_views.draw_extreme(clip, flip), *makers]
        return [reference_views.collate([maker(clip) for clip in clips]) for maker in makers]

    def contrast(self, *views: Tensor) -> list[Tensor]:
        """Logits `(N, 1 + K)` of the normal view, and for AimCLR of the extreme and the dropped."""
        *extreme, query, key = views
        embeddings = [self.encoder_q(query)]
        for view in extreme:
            maps = self.encoder_q.maps(view)
            embeddings.append(self.encoder_q.head(maps, view.shape[4]))
            embeddings.append(self.encoder_q.head(drop(maps), view.shape[4]))
        with torch.no_grad():
            for k, q in zip(self.encoder_k.parameters(), self.encoder_q.parameters(), strict=True):
                k.copy_(k * self.momentum + q * (1 - self.momentum))
            self.keys = self.encoder_k(key)
        queue, logits = self.queue.clone(), []
        for z in embeddings:
            positive = torch.einsum("nc,nc->n", z, self.keys)[:, None]
            negative = torch.einsum("nc,ck->nk", z, queue)
            logits.append(torch.cat([positive, negative], dim=1) / self.temperature)
        return logits

    def loss(self, logits: list[Tensor]) -> Tensor:
        """InfoNCE, and the mean of both halves of D3M."""
        target = torch.zeros(len(logits[0]), dtype=torch.long, device=logits[0].device)
        total = F.cross_entropy(logits[0], target)
        teacher = F.softmax(logits[0].detach(), dim=1)
        for other in logits[1:]:
            half = -(teacher * torch.log(F.softmax(other, dim=1))).sum(dim=1).mean()
            total = total + half / len(logits[1:])
        return total

    @torch.no_grad()
    def after_step(self) -> None:
        """The step's keys into the queue, one after the other."""
        for key in self.keys:
            at = int(self.queue_ptr)
            self.queue[:, at] = key
            self.queue_ptr[0] = (at + 1) % self.queue.shape[1]


def drop(x: Tensor, margin: float = 0.7, lam: float = 1e-4) -> Tensor:
    """EADM as released (sources C16): a mask of joints, a mask of elements, each with its scale."""
    with torch.no_grad():
        distance = (x - x.mean(dim=(2, 3), keepdim=True)) ** 2
        spread = distance.sum(dim=(2, 3), keepdim=True) / (x.shape[2] * x.shape[3] - 1)
        attention = torch.sigmoid(distance / (4 * (spread + lam)) + 0.5)
        joints = (attention.mean(dim=(1, 2), keepdim=True) < margin).to(x)
        elements = (attention < margin).to(x)
    x = x * joints * joints.numel() / joints.sum()
    return x * elements * elements.numel() / elements.sum()


def sgd(model: nn.Module, fused: bool = False) -> Any:
    """The released optimiser; skelf's loop has it fused."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.SGD(trained, lr=0.1, momentum=0.9, weight_decay=1e-4, fused=fused)

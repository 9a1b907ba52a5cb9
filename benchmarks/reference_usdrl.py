"""The plain path of USDRL with DSTE: one view after the other, the losses as they are printed.

Written from the facts of the release (sources U1 to U11) and kept small: `nn.MultiheadAttention`
with its weights, a convolution between two transposes, the branches one after the other, and
covariance and cross-correlation as the D x D matrices of the equations. Parameters carry the names
of a released checkpoint, so that `OFFICIAL["usdrl"].save(method)` of skelf loads here and both
sides compute the same numbers.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvAttention(nn.Module):
    """CA: convolution, attention whose residual is the input, MLP without one."""

    def __init__(self, dim: int, drop: float) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(dim, 1, batch_first=True)
        self.conv1 = nn.Conv1d(dim, dim, 1)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mlp, self.drop = mlp(dim), drop

    def forward(self, x: Tensor) -> Tensor:
        c = self.norm1(x + F.relu(self.conv1(x.transpose(1, 2))).transpose(1, 2))
        h = x + drop_path(self.attn(c, c, c)[0], self.drop, self.training)
        return drop_path(feed(self.mlp, self.norm2(h)), self.drop, self.training)


class DenseShift(nn.Module):
    """DSA: one transformer block on the shifted tokens, then on the others; their mean."""

    def __init__(self, length: int, attn: nn.Module, dim: int, drop: float, gap: int = 4) -> None:
        super().__init__()
        self.wt1, self.wt2 = nn.Linear(length, length), nn.Linear(length, length)
        self.attn = attn
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mlp, self.drop, self.gap = mlp(dim), drop, gap

    def forward(self, x: Tensor) -> Tensor:
        f = x.transpose(1, 2)
        g = self.wt2(F.relu(self.wt1(f))) + f
        g[:, :, :: self.gap] = f[:, :, :: self.gap]
        return 0.5 * (self.block(g.transpose(1, 2)) + self.block(x))

    def block(self, u: Tensor) -> Tensor:
        n = self.norm1(u)
        u = u + drop_path(self.attn(n, n, n)[0], self.drop, self.training)
        return u + drop_path(feed(self.mlp, self.norm2(u)), self.drop, self.training)


class Layer(nn.Module):
    """Half of CA and half of DSA."""

    def __init__(self, length: int, dim: int, drop: float) -> None:
        super().__init__()
        self.CA = ConvAttention(dim, drop)
        self.DSA = DenseShift(length, self.CA.attn, dim, drop)

    def forward(self, x: Tensor) -> Tensor:
        return 0.5 * self.CA(x) + 0.5 * self.DSA(x)


class Reference(nn.Module):
    """USDRL as released; weights as a checkpoint has them.

    Args:
        state: a checkpoint in the released layout.
        persons: persons M.
        drop: probability of dropping a branch for a clip.
    """

    def __init__(self, state: dict[str, Tensor], persons: int, drop: float = 0.1) -> None:
        super().__init__()
        backbone = nn.Module()
        _, tokens, dim = state["backbone.spe"].shape
        backbone.ske_emb = nn.Module()
        for name in ("t", "s"):
            inputs = state[f"backbone.ske_emb.{name}_embedding.0.weight"].shape[1]
            parts = nn.Linear(inputs, dim), nn.LayerNorm(dim), nn.ReLU(), nn.Linear(dim, dim)
            setattr(backbone.ske_emb, f"{name}_embedding", nn.Sequential(*parts))
        backbone.tpe = nn.Module()
        backbone.tpe.register_buffer("pe", torch.empty_like(state["backbone.tpe.pe"]))
        backbone.spe = nn.Parameter(torch.empty(1, tokens, dim))
        for name, length in (("t", len(state["backbone.t_tr.DSA.wt1.bias"])), ("s", tokens)):
            for layer in ("tr", "tr1"):
                setattr(backbone, f"{name}_{layer}", Layer(length, dim, drop))
        self.backbone: Any = backbone
        for name in ("t", "s", "i"):
            shapes = [tuple(state[f"{name}_proj.{i}.weight"].shape) for i in (0, 3, 6)]
            (a, x), (b, _), (c, _) = shapes
            parts = (nn.Linear(x, a), nn.BatchNorm1d(a), nn.ReLU(), nn.Linear(a, b),
                     nn.BatchNorm1d(b), nn.ReLU(), nn.Linear(b, c))  # fmt: skip
            setattr(self, f"{name}_proj", nn.Sequential(*parts))
        self.load_state_dict(state)
        self.persons = persons

    def tokens(self, view: Tensor) -> tuple[Tensor, Tensor]:
        """The maximum over the temporal and over the spatial tokens of `(N, C, T, V, M)`."""
        b: Any = self.backbone
        N, C, T, V, M = view.shape
        t = view.permute(0, 2, 4, 3, 1).contiguous().view(N, T, M * V * C)
        s = view.permute(0, 4, 3, 2, 1).contiguous().view(N, M * V, T * C)
        t, s = b.ske_emb.t_embedding(t), b.ske_emb.s_embedding(s)
        pe = b.tpe.pe[:, :T]
        t = b.t_tr1(pe + b.t_tr(pe + t))
        s = b.s_tr1(b.spe + b.s_tr(b.spe + s))
        return t.max(dim=1)[0], s.max(dim=1)[0]

    def pooled(self, view: Tensor) -> Tensor:
        """The clip vector `(N, 2H)`."""
        return torch.cat(self.tokens(view), dim=1)

    def project(self, view: Tensor) -> dict[str, Tensor]:
        """The three projections of one view `(N, C, T, V, M)`."""
        t, s = self.tokens(view)
        both: Any = self
        return {
            "i": both.i_proj(torch.cat([t, s], dim=1)), "t": both.t_proj(t), "s": both.s_proj(s)
        }  # fmt: skip

    def forward(self, *views: Tensor) -> list[dict[str, Tensor]]:
        """Each view's projections, one view after the other."""
        return [self.project(view) for view in views]

    def loss(self, projected: list[dict[str, Tensor]]) -> Tensor:
        """Sources U11: the three domains, the finer two at half weight."""
        each = {name: domain([z[name].float() for z in projected]) for name in projected[0]}
        return each["i"] + 0.5 * (each["t"] + each["s"])


def domain(z: list[Tensor]) -> Tensor:
    """`5 S + R + 0.001 X` of one domain's four views `(B, D)`."""
    centre = (z[0] + z[1] + z[2]) / 3
    total = 5 * sum(F.mse_loss(a, z[3]) + F.mse_loss(a, centre) for a in z[:3])
    for a in z:
        deviation = torch.sqrt(a.var(dim=0) + 1e-4)
        a = a - a.mean(dim=0)
        cov = a.T @ a / (len(a) - 1)
        total = total + 5 * F.relu(1 - deviation).mean() + off_diagonal(cov) / cov.shape[0]
    standard = [(a - a.mean(dim=0)) / a.std(dim=0) for a in z]
    for a, b in combinations(standard, 2):
        c = a.T @ b / len(a)
        miss = (torch.diagonal(c) - 1).pow(2).sum()
        total = total + 0.001 * (miss + 0.005 * off_diagonal(c))
    return total


def off_diagonal(matrix: Tensor) -> Tensor:
    """The sum of squares off the diagonal, which a row one longer moves into the first column."""
    n = len(matrix)
    return matrix.flatten()[:-1].view(n - 1, n + 1)[:, 1:].pow(2).sum()


def mlp(dim: int) -> nn.ModuleDict:
    """Linear to twice the width, and back."""
    return nn.ModuleDict({"fc1": nn.Linear(dim, 2 * dim), "fc2": nn.Linear(2 * dim, dim)})


def feed(layers: Any, x: Tensor) -> Tensor:
    """GELU between them."""
    return layers["fc2"](F.gelu(layers["fc1"](x)))


def drop_path(x: Tensor, probability: float, training: bool) -> Tensor:
    """Drops whole clips of a branch."""
    if not training or not probability:
        return x
    keep = 1 - probability
    return x / keep * torch.bernoulli(x.new_full((len(x), 1, 1), keep))


def adam(model: nn.Module, fused: bool = False) -> Any:
    """The released optimiser; skelf's loop has it fused."""
    return torch.optim.Adam(model.parameters(), lr=5e-4, weight_decay=1e-5, fused=fused)

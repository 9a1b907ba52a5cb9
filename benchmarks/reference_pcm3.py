"""The plain path of PCM3: the recurrence a frame at a time, the branches one after the other.

Written from the facts of the release (sources P1 to P10) and kept small: a bidirectional `nn.GRU`
that is called for each frame with the state of the frame before, so that both directions run
forward, for each view by itself. Parameters carry the names of a released checkpoint, so that
`OFFICIAL["pcm3"].save(method)` of skelf loads here and both sides compute the same numbers.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from skelf.augment.pcm3_views import Views
from skelf.methods._pcm3_prompts import USES


class Encoder(nn.Module):
    """Input BatchNorm, stepped GRU, projector, of rows `(N, T, V*C*M)`."""

    def __init__(self, features: int, dim: int, layers: int, out: int) -> None:
        super().__init__()
        self.input_norm = nn.BatchNorm1d(features)
        self.encoder = nn.ModuleDict(
            {"gru": nn.GRU(features, dim, layers, batch_first=True, bidirectional=True)}
        )
        self.fc = nn.Sequential(nn.Linear(2 * dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, out))

    def states(self, x: Tensor) -> Tensor:
        """`(N, T, 2H)`."""
        x = self.input_norm(x.transpose(1, 2)).transpose(1, 2)
        state, out = None, []
        for t in range(x.shape[1]):
            y, state = self.encoder["gru"](x[:, t : t + 1], state)
            out.append(y)
        return torch.cat(out, dim=1)

    def embed(self, h: Tensor) -> Tensor:
        return F.normalize(self.fc(h).float() if h.dtype is not torch.double else self.fc(h))


class Reference(nn.Module):
    """PCM3 as released, with prompts; weights as a checkpoint has them.

    Args:
        state: a checkpoint in the released layout.
        momentum: of the key encoder.
    """

    queue: Tensor

    def __init__(self, state: dict[str, Tensor], momentum: float = 0.999) -> None:
        super().__init__()
        features = len(state["encoder_q.input_norm.weight"])
        dim = state["encoder_q.encoder.gru.weight_hh_l0"].shape[1]
        layers = sum(k.startswith("encoder_q.encoder.gru.weight_hh") for k in state) // 2
        width = len(state["linear.0.weight"])
        self.encoder_q = Encoder(features, dim, layers, len(state["encoder_q.fc.2.weight"]))
        self.encoder_k = copy.deepcopy(self.encoder_q).requires_grad_(False)
        self.linear = nn.Sequential(
            nn.Linear(2 * dim, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width)
        )
        self.recons_decoder = nn.ModuleDict(
            {
                "decoder": nn.GRU(width, width, 2, batch_first=True),
                "reconstruction": nn.Linear(width, features),
            }
        )
        for name in state:
            if name.endswith("_prompt"):
                self.register_parameter(name, nn.Parameter(torch.empty_like(state[name])))
        self.register_buffer("queue", torch.empty_like(state["queue"]))
        self.register_buffer("queue_ptr", torch.empty_like(state["queue_ptr"]))
        self.load_state_dict(state)
        self.momentum, self.dim = momentum, dim

    def loss(self, v: Views) -> Tensor:
        """The loss of drawn views, every branch by itself."""
        assert v.plain is not None and v.mask is not None and v.mixed is not None
        offsets = dict(zip(USES, v.offsets.tolist(), strict=True))
        encoder, plain = self.encoder_q, rows(v.plain)
        channels, joints = v.plain.shape[1], v.plain.shape[3]
        hidden = v.mask[:, :, None].expand(-1, joints, channels, -1).flatten(1)[None]  # (1, T, F)
        visible = plain * ~hidden

        q = self.query(encoder.states(rows(v.query) + self.base_prompt), offsets["intra"])
        states = encoder.states(visible + self.mask_prompt)
        mq = self.query(states, offsets["mask"])
        states = states + self.placed("mp_prompt", offsets["reconstruct"])
        predicted = self.decode(states)
        error = ((predicted - plain) ** 2 * hidden).sum() / (hidden.sum() * len(plain))
        again = self.decode(states.detach())
        filled = torch.where(hidden, again.to(visible), visible)
        rq = self.query(encoder.states(filled + self.recons_prompt), offsets["predict"])
        pc = self.query(encoder.states(rows(v.mixed) + self.mix_prompt), offsets["mix"])
        with torch.no_grad():
            k = self.key(v, offsets["key"])
            assert v.share is not None
            kc = F.normalize(k * (1 - v.share[:, None]) + k[v.partner] * v.share[:, None])
            queue = self.queue.clone()
        self.keys = k
        pairs = ((q, k), (mq, k), (rq, k), (pc, kc))
        return 40 * error + sum(contrast(query, key, queue) for query, key in pairs)

    def query(self, states: Tensor, offset: int) -> Tensor:
        return self.encoder_q.embed(states[:, -1] + self.placed("cl_prompt", offset))

    @torch.no_grad()
    def key(self, v: Views, offset: int) -> Tensor:
        for k, q in zip(self.encoder_k.parameters(), self.encoder_q.parameters(), strict=True):
            k.copy_(k * self.momentum + q * (1 - self.momentum))
        states = self.encoder_k.states(rows(v.key) + self.base_prompt)
        return self.encoder_k.embed(states[:, -1] + self.placed("cl_prompt", offset))

    def placed(self, name: str, offset: int) -> Tensor:
        """A task prompt's halves at the same place of both directions, `(2H,)`."""
        halves = getattr(self, name).view(2, -1)
        after = self.dim - offset - halves.shape[1]
        return F.pad(halves, (offset, after)).flatten()

    def decode(self, states: Tensor) -> Tensor:
        first, norm, relu, second = self.linear
        y = first(states)
        y = second(relu(norm(y.flatten(0, 1)).view_as(y)))
        y, _ = self.recons_decoder["decoder"](y)
        return self.recons_decoder["reconstruction"](y)

    @torch.no_grad()
    def after_step(self) -> None:
        """The step's keys into the queue."""
        at, count = int(self.queue_ptr), len(self.keys)
        self.queue[:, at : at + count] = self.keys.T
        self.queue_ptr[0] = (at + count) % self.queue.shape[1]


def rows(x: Tensor) -> Tensor:
    """Clips `(N, C, T, V, M)` as rows `(N, T, V*C*M)`."""
    return x.permute(0, 2, 3, 1, 4).flatten(2)


def contrast(q: Tensor, k: Tensor, queue: Tensor) -> Tensor:
    """InfoNCE, and the KL divergence from the query's relations to the queue to the key's."""
    q, k, queue = (z.to(torch.promote_types(z.dtype, torch.float32)) for z in (q, k, queue))
    with torch.autocast("cpu", enabled=False):
        positive = torch.einsum("nc,nc->n", q, k)[:, None]
        negative = torch.einsum("nc,ck->nk", q, queue)
        target = torch.zeros(len(q), dtype=torch.long)
        nce = F.cross_entropy(torch.cat([positive, negative], dim=1) / 0.07, target)
        teacher = F.softmax(torch.einsum("nc,ck->nk", k, queue) / 0.05, dim=1)
        student = F.log_softmax(negative / 0.1, dim=1)
        return nce + F.kl_div(student, teacher, reduction="batchmean")


def sgd(model: nn.Module, fused: bool = False) -> Any:
    """The released optimiser; skelf's loop has it fused."""
    trained = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.SGD(trained, lr=0.02, momentum=0.9, weight_decay=1e-4, fused=fused)

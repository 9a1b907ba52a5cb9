"""What methods with a momentum encoder share: the copy that follows, the queue of its keys.

Source: MoCo v2 as SkeletonCLR, AimCLR and CrosSCLR use it (sources C6). Order of a step: the query
encoder; the key encoder moves, towards the query encoder as it was before this step's update; the
keys; logits against the queue without these keys; then, in `after_step`, the keys enter the queue.
With accumulated gradients a step is several batches: the key encoder moves at the first of them,
none of them sees another's keys, and all their keys enter the queue together, just as one large
batch would have it.

Embeddings and keys are gathered from all processes, so that each computes the loss of the whole
batch and holds the same queue. BatchNorm still sees each process's share of the batch, unless the
method's `sync_bn` is on.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..augment.aimclr_views import AimCLRViews
from ..augment.skeletonclr import SkeletonCLRViews
from ..contracts import Encoder, Module
from ..encoders.stgcn import initialize
from ..machine import private
from ..machine.distributed import gather
from ..settings.ranges import Form, check_form

V = TypeVar("V", AimCLRViews, SkeletonCLRViews)
Copied = TypeVar("Copied", bound=Module)


def of_form(views: V, form: Form) -> V:
    """A method's views, with its own form where they name none.

    Raises:
        ValueError: an unknown form.
    """
    check_form(form)
    return views if views.form else replace(views, form=form)


def projector(features: int, out: int) -> nn.Sequential:
    """Linear, ReLU, Linear: `(N, features)` to `(N, out)`, no BatchNorm; drawn as released."""
    layers = nn.Sequential(nn.Linear(features, features), nn.ReLU(), nn.Linear(features, out))
    initialize(layers)
    return layers


def xavier_projector(features: int, out: int) -> nn.Sequential:
    """The same as CMD and PCM3 draw it: the last weight Xavier's, the rest torch's (sources K2)."""
    first, last = nn.Linear(features, features), nn.Linear(features, out)
    layers = nn.Sequential(first, nn.ReLU(), last)
    nn.init.xavier_uniform_(last.weight)
    return layers


def key_copy(module: Copied, form: str) -> Copied:
    """A copy that takes no gradient.

    Args:
        module: what it will follow.
        form: "official": drawn anew, since the released code initialises the whole model once more
            after copying, so that key and query encoder start apart (sources C4); BatchNorm,
            convolutions and linear layers only. "paper": equal.

    Raises:
        ValueError: an unknown form.
    """
    check_form(form)
    key = copy.deepcopy(module).requires_grad_(False)
    if form == "official":
        initialize(key)
    return key


def check_momentum(momentum: float) -> None:
    """Refuses a momentum outside of [0, 1].

    Raises:
        ValueError: naming it.
    """
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum={momentum}: must be in [0, 1]")


@torch.no_grad()
def follow(key: Module, query: Module, momentum: float) -> None:
    """Moves `key`'s parameters to `momentum * key + (1 - momentum) * query`; buffers stay its own.

    Source: AimCLR, Eq. 2; sources C6 for the buffers.
    """
    followers, followed = list(key.parameters()), list(query.parameters())
    private.lerp_all(followers[0].device.type)(followers, followed, 1 - momentum)


def embed(z: Tensor) -> Tensor:
    """Projections `(N, D)` as unit vectors, float32 at least, those of all processes `(B, D)`."""
    with torch.autocast(z.device.type, enabled=False):
        return gather(F.normalize(z.to(torch.promote_types(z.dtype, torch.float32)), dim=1))


class Queue(nn.Module):
    """The latest keys, oldest overwritten first, and where the next one goes.

    Starts with random unit vectors, which are negatives until overwritten (released).

    Args:
        size: keys that it holds, K; need not be a multiple of the batch (released: must be).
        dim: length of a key, D.

    Raises:
        ValueError: a size below 1.
    """

    keys: Tensor
    pointer: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"queue={size}: must hold at least one key")
        self.register_buffer("keys", F.normalize(torch.randn(size, dim), dim=1))  # (K, D)
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))
        self.waiting: list[Tensor] = []

    def push(self, keys: Tensor) -> None:
        """Keys `(B, D)` that `advance` will write."""
        self.waiting.append(keys.detach())

    @torch.no_grad()
    def advance(self) -> None:
        """Writes the waiting keys from the pointer on, around the end, and moves the pointer."""
        if not self.waiting:
            return
        keys, size = torch.cat(self.waiting), len(self.keys)
        self.waiting = []
        # Of more keys than places the last ones stay, where they would have come to lie.
        places = torch.arange(len(keys), device=keys.device)[-size:]
        self.keys[(self.pointer + places) % size] = keys[-size:]
        self.pointer.add_(len(keys)).remainder_(size)


E = TypeVar("E", bound=Encoder)


class KeyEncoder(nn.Module, Generic[E]):
    """Key encoder, its projector and the queue of their keys: the momentum side of one stream.

    Args:
        encoder: the query encoder.
        projector: the query projector.
        queue: keys that the queue holds.
        feature: length of a key.
        momentum: what stays of the key encoder at a step, in [0, 1].
        form: see `key_copy`.
    """

    def __init__(
        self,
        encoder: E,
        projector: nn.Module,
        queue: int,
        feature: int,
        momentum: float,
        form: str,
    ) -> None:
        super().__init__()
        check_momentum(momentum)
        self.encoder: E = key_copy(encoder, form)
        self.projector = key_copy(projector, form)
        self.queue, self.momentum = Queue(queue, feature), momentum

    @torch.no_grad()
    def forward(self, x: Tensor, encoder: Encoder, projector: nn.Module) -> Tensor:
        """Keys `(B, D)` of this process's clips and of all others'.

        In training the encoder moves first, once a step, and the keys wait for the queue.
        """
        self.move(encoder, projector)
        return self.keep(self.projector(self.encoder(x)))

    def move(self, encoder: Encoder, projector: nn.Module) -> None:
        """Moves towards the query side: in training, once a step."""
        if self.training and not self.queue.waiting:
            follow(self.encoder, encoder, self.momentum)
            follow(self.projector, projector, self.momentum)

    def keep(self, projections: Tensor) -> Tensor:
        """Keys `(B, D)` of projections `(N, D)`; in training they wait for the queue."""
        keys = embed(projections)
        if self.training:
            self.queue.push(keys)
        return keys

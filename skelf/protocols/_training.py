"""Training of an encoder's copy under a new head: what fine-tuning and detection share.

The sources agree on SGD with momentum and a stepped rate and differ in what an encoder's BatchNorm
and dropout do meanwhile, which is why that is a named choice here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, MultiStepLR

from ..contracts import Module
from ..errors import InputError
from ..machine import private
from ..machine.guest import no_trace
from ..machine.guest import seed as seed_torch
from .recipe import Annealed, BatchNorm, Recipe


class Trainable(Module, Protocol):
    """An encoder, or what stands for one over frozen features."""

    def __call__(self, x: Tensor) -> Tensor:
        """Vectors of what it takes."""


T = TypeVar("T", bound=Trainable)


def trained_copy(encoder: T, device: torch.device | str) -> T:
    """A copy whose weights all train, so that the encoder itself stays as it is."""
    return copy.deepcopy(encoder).to(device).requires_grad_(True)


def linear_head(dim: int, classes: int, generator: Generator) -> nn.Linear:
    """`Linear(dim, classes)` with weights N(0, 0.01) and biases 0, on the CPU."""
    head = nn.Linear(dim, classes, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        head.weight.copy_(torch.randn(classes, dim, generator=generator) * 0.01)
        head.bias.zero_()
    return head


def mean_and_deviation(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each column of `(N, D)` features."""
    mean, deviation = x.mean(dim=0), x.std(dim=0, correction=0)
    # A constant feature becomes 0; its deviation may be a rounding error instead of 0.
    return mean, torch.where(deviation > 1e-6 * mean.abs(), deviation, 1.0)


def set_mode(encoder: Module, batchnorm: BatchNorm) -> None:
    """Puts an encoder in the mode that it trains in.

    Args:
        encoder: changed in place.
        batchnorm: see `Recipe`.
    """
    encoder.train(batchnorm != "eval")
    for module in encoder.modules():
        if isinstance(module, private.batch_norms()) and batchnorm == "frozen":
            module.eval()
        elif isinstance(module, nn.RNNBase) and not module.dropout:
            # cuDNN has no gradient of a recurrent layer in evaluation mode, which without dropout
            # is the same as training mode.
            module.train()


@contextmanager
def seeded(seed: int, device: torch.device | str) -> Iterator[None]:
    """Draws from torch's global generators (dropout) by `seed` inside, and as before after."""
    with no_trace(device):
        seed_torch(seed, device)
        yield


def batches(count: int, size: int, generator: Generator) -> Iterator[Tensor]:
    """One epoch's indices of `count` clips, shuffled, `size` at a time.

    A last batch of a single clip joins the one before: BatchNorm may have no statistics of one.
    """
    parts = list(torch.split(torch.randperm(count, generator=generator), size))
    if len(parts) > 1 and len(parts[-1]) == 1 < size:
        parts[-2:] = [torch.cat(parts[-2:])]
    yield from parts


def optimiser(encoder: Module, head: nn.Module, recipe: Recipe | Annealed) -> Optimizer:
    """SGD or AdamW of the encoder's and the head's weights."""
    groups = [
        {"params": list(part.parameters()), "lr": rate}
        for part, rate in zip((encoder, head), recipe.rates, strict=True)
    ]
    groups = [group for group in groups if group["params"]]
    if isinstance(recipe, Annealed):
        return torch.optim.AdamW(groups, lr=recipe.lr, weight_decay=recipe.weight_decay)
    return torch.optim.SGD(
        groups,
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
    )


def _falling(optimizer: Optimizer, recipe: Recipe | Annealed, epochs: int) -> LRScheduler:
    """The rates, epoch by epoch."""
    if isinstance(recipe, Annealed):
        return CosineAnnealingLR(optimizer, epochs)
    return MultiStepLR(optimizer, list(recipe.milestones), recipe.gamma)


def fit(
    encoder: Module,
    head: nn.Module,
    recipe: Recipe | Annealed,
    count: int,
    loss: Callable[[Tensor], Tensor],
    generator: Generator,
    *,
    test_every: int,
) -> Iterator[int]:
    """Trains encoder and head in place and stops at every check.

    Args:
        encoder: a `trained_copy`; or a module without weights.
        head: what stands on it.
        recipe: how to train.
        count: number of training clips (or windows, or recordings).
        loss: indices `(n,)` on the CPU -> the mean loss of that batch.
        generator: on the CPU, of the order of the clips. Dropout draws from torch's global
            generator: see `seeded`.
        test_every: epochs between checks; the last epoch is always checked.

    Yields:
        the epoch, from 1 on, with both modules in evaluation mode.

    Raises:
        InputError: the training diverged.
    """
    optimizer = optimiser(encoder, head, recipe)
    epochs = recipe.passes(count)
    rate = _falling(optimizer, recipe, epochs)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for epoch in range(1, epochs + 1):
        set_mode(encoder, recipe.batchnorm)
        head.train()
        losses = []
        for indices in batches(count, recipe.batch_size, generator):
            value = loss(indices)
            optimizer.zero_grad()
            torch.autograd.backward(value)
            if recipe.clip_norm:
                nn.utils.clip_grad_norm_(weights, recipe.clip_norm)
            optimizer.step()
            losses.append(value.detach())
        rate.step()
        # Once an epoch: on a GPU every look at a number waits for the step to end.
        reached = nn.utils.get_total_norm([weight.detach() for weight in weights])
        if not bool(torch.stack([*losses, reached]).isfinite().all()):
            raise InputError(
                f"eval.lr: the training diverged in epoch {epoch} at lr {recipe.lr:g}: "
                f"lower {recipe.keys}"
            )
        if epoch % test_every == 0 or epoch == epochs:
            encoder.eval()
            head.eval()
            yield epoch

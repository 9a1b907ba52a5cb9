"""The optimisers of `train.optimizer`: torch's, and Muon beside AdamW as one.

Muon steps a matrix by the nearest orthogonal one to its momentum, so that all directions of a layer
move alike. What is no matrix (biases, norms, convolutions, positions) is AdamW's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim import SGD, Adam, AdamW, Muon, Optimizer

from ..settings.run import Train

SHARE = 0.2
"""AdamW's share of the rate beside Muon: what Muon's own scaling gives an entry of a matrix."""

_PLAIN = {"adam": Adam, "adamw": AdamW, "sgd": SGD}


def optimizer(parameters: Iterable[nn.Parameter], settings: Train, *, fused: bool) -> Optimizer:
    """The optimiser that the settings name.

    Args:
        parameters: of Muon those that take no gradient are left out; the others' state counts them.
        settings: `optimizer`, `lr`, `weight_decay` and, for sgd, `momentum`.
        fused: all numbers in one pass, three times as fast as the usual one on a CPU.
    """
    # Any: arguments of several classes, of several types.
    options: dict[str, Any] = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    if settings.optimizer != "muon":
        if settings.optimizer == "sgd":
            options["momentum"] = settings.momentum
        return _PLAIN[settings.optimizer](parameters, fused=fused, **options)
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.dim() == 2]
    others = [parameter for parameter in trained if parameter.dim() != 2]
    parts: list[Optimizer] = []
    if matrices:
        parts.append(Muon(matrices, adjust_lr_fn="match_rms_adamw", **options))
    if others:
        parts.append(AdamW([{"params": others, "share": SHARE}], fused=fused, **options))
    return Together(parts)


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Gives every group of parameters its share of the rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("share", 1.0)


class Together(Optimizer):
    """Several optimisers, each of weights of its own, with one state and one list of groups.

    Args:
        parts: at least one.
    """

    def __init__(self, parts: list[Optimizer]) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})
        self._share()

    # Any: as torch has it.
    def step(self, closure: Any = None) -> Any:
        """A step of each.

        Raises:
            ValueError: a closure, which each of them would call anew.
        """
        if closure is not None:
            raise ValueError("closure: several optimisers cannot share one")
        for part in self.parts:
            part.step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # Any: as torch has it
        """Takes all states back."""
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """Each part's groups and state are this one's own."""
        first = 0
        for part in self.parts:
            last = first + len(part.param_groups)
            part.param_groups, part.state = self.param_groups[first:last], self.state
            first = last

"""How weights train under a new head: options that fine-tuning, few labels and detection share."""

from __future__ import annotations

from typing import Literal

from ..settings.options import option, options
from ..settings.ranges import Count, Positive

BatchNorm = Literal["update", "frozen", "eval"]


@options("eval")
class Recipe:
    """How an encoder and its head train, by SGD with a stepped rate; the defaults are CMD's.

    What the encoder does meanwhile is `batchnorm`. "update": training mode, BatchNorm takes a
    batch's statistics and updates its running ones, dropout and drop path are on (CMD). "frozen":
    the same, but BatchNorm takes its running statistics and leaves them as they are; its scale and
    shift train. "eval": evaluation mode, no dropout either, while the weights train (as released by
    AimCLR, and by USDRL for detection).
    """

    epochs: int = option(80, "passes over what is trained on", ge=1)
    lr: float = option(0.01, "learning rate; of the encoder alone where head_lr is set", gt=0)
    head_lr: Positive | None = option(None, "learning rate of the head; none: lr")
    batch_size: int = option(
        64, "clips, frames or windows a step; a last one of an epoch joins the batch before", ge=1
    )
    milestones: tuple[Count, ...] = option(
        (50, 70), "epochs after which the rates are multiplied by gamma"
    )
    gamma: float = option(0.1, "factor of the rates at a milestone", gt=0, le=1)
    momentum: float = option(0.9, "of SGD", ge=0, lt=1)
    nesterov: bool = option(False, "Nesterov's form of the momentum")
    weight_decay: float = option(0.0, "of SGD", ge=0)
    clip_norm: float = option(
        0.0, "largest L2 norm of the gradient of all weights together; 0: no limit", ge=0
    )
    batchnorm: BatchNorm = option(
        "update", "a training encoder's: batch statistics, frozen ones, or evaluation mode"
    )

    def check(self) -> None:
        """Refuses Nesterov's form of no momentum."""
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov: needs momentum; set eval.momentum above 0")

"""How weights train under a new head: options that fine-tuning, few labels and detection share."""

from __future__ import annotations

import math
from typing import Literal

from ..settings.options import option, options
from ..settings.ranges import Count, Positive

BatchNorm = Literal["update", "frozen", "eval"]

EPOCHS, STEPS = 40, 300
"""Epochs where nobody says, and the fewest steps that they make."""


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

    def passes(self, count: int) -> int:
        """Passes over so many clips, windows or frames."""
        return self.epochs

    @property
    def rates(self) -> tuple[float, float]:
        """Learning rates of the encoder and of the head."""
        return self.lr, self.lr if self.head_lr is None else self.head_lr

    @property
    def keys(self) -> str:
        """What to lower where a training diverges."""
        return "eval.lr" if self.head_lr is None else "eval.lr and eval.head_lr"


@options("eval")
class Annealed:
    """How a head of several layers trains, by AdamW with a rate that falls as a cosine does.

    No milestone has to fit the number of epochs, and the last epoch is where the rate is least.
    """

    epochs: Count | None = option(
        None, "passes over the training recordings; none: 40, or as many as make 300 steps"
    )
    lr: float = option(3e-3, "learning rate at the start; of the head alone with encoder_lr", gt=0)
    encoder_lr: Positive | None = option(
        None, "learning rate of the encoder, where that trains; none: a third of lr"
    )
    batch_size: int = option(4, "recordings a step", ge=1)
    weight_decay: float = option(0.0, "of AdamW", ge=0)
    clip_norm: float = option(
        1.0, "largest L2 norm of the gradient of all weights together; 0: no limit", ge=0
    )
    batchnorm: BatchNorm = option(
        "frozen", "a training encoder's: batch statistics, frozen ones, or evaluation mode"
    )

    def passes(self, count: int) -> int:
        """Passes over so many recordings.

        A handful of long recordings makes few steps a pass, and after 40 passes a head would be far
        from having learnt.
        """
        if self.epochs is not None:
            return self.epochs
        steps = math.ceil(count / self.batch_size)
        return max(EPOCHS, math.ceil(STEPS / steps))

    @property
    def rates(self) -> tuple[float, float]:
        """Learning rates of the encoder and of the head."""
        return self.lr / 3 if self.encoder_lr is None else self.encoder_lr, self.lr

    @property
    def keys(self) -> str:
        """What to lower where a training diverges."""
        return "eval.lr" if self.encoder_lr is None else "eval.lr and eval.encoder_lr"

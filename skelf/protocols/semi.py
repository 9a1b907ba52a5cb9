"""Semi-supervised evaluation: fine-tuning with the labels of a small share of the training clips.

Paper: Mao et al., CMD, ECCV 2022, whose recipe it is; AimCLR for the balanced subset.
The literature reports one number a share, of which it often is not said whether it is the mean of
several draws, or which classes the few clips show. Here both are named options and the deviation
over the draws stands beside the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from ..data.clips import ClipSet
from ..errors import InputError
from ..metrics.classes import topk_accuracy
from ..settings.evaluation import SKIP
from ..settings.signature import arguments
from . import features
from ._inputs import Augment, Part, both_sides, part
from ._training import BatchNorm, Recipe
from .finetune import described, judge, train_and_check
from .linear import Count
from .outcome import Outcome
from .subsets import Sampling, percent, subset

Fraction = Annotated[float, Field(gt=0, le=1)]


def run(
    encoder: nn.Module,
    train: ClipSet,
    test: ClipSet,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
    fractions: Annotated[Sequence[Fraction], Field(min_length=1)] = (0.01, 0.05, 0.1, 0.2),
    sampling: Sampling = "plain",
    repeats: Count = 5,
    frozen: bool = False,
    epochs: Count = 80,
    lr: Annotated[float, Field(gt=0)] = 0.01,
    head_lr: Annotated[float, Field(gt=0)] | None = None,
    batch_size: Count = 64,
    milestones: Sequence[Count] = (50, 70),
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
    nesterov: bool = False,
    weight_decay: Annotated[float, Field(ge=0)] = 0.0,
    clip_norm: Annotated[float, Field(ge=0)] = 0.0,
    batchnorm: BatchNorm = "update",
    augment: Augment = "none",
    test_every: Count = 5,
) -> Outcome:
    """Accuracy after training with the labels of some clips, for several shares and draws.

    Epochs count passes over the labelled clips: ten clips and 80 epochs are 80 steps, as published.

    Args:
        encoder: comes back bit-equal; a copy is trained.
        train: labelled clips of which subsets are drawn; unlabelled ones are dropped first.
        test: clips to judge by, always whole; unlabelled ones are dropped.
        seed: of the subsets and of each training; each repeat has a seed of its own made from it.
        device: where to compute.
        cache: folder for the features when `frozen`.
        fractions: shares of the training clips that keep their labels, in (0, 1].
        sampling: how they are drawn, see `subsets.subset`. "plain" (CMD): of all clips;
            "balanced" (AimCLR): that share of each class.
        repeats: draws, each with a training of its own (CMD: 5).
        frozen: train the classifier only, on features of whole clips. Then `batchnorm` says
            nothing, and `augment` must be "none".
        epochs: passes over the labelled clips.
        lr: learning rate of the encoder, and of the classifier too unless `head_lr` is given.
        head_lr: learning rate of the classifier.
        batch_size: clips a step; the last batch of an epoch may be smaller, and one of a single
            clip joins the batch before.
        milestones: epochs after which the rates are multiplied by `gamma`.
        gamma: see `milestones`.
        momentum: of SGD.
        nesterov: Nesterov's form of the momentum.
        weight_decay: of SGD.
        clip_norm: largest L2 norm of the gradient of all weights together; 0: no limit (AimCLR's
            follow-up: 2).
        batchnorm: what the encoder does while it trains, see `finetune.run`.
        augment: "none" or "crop", see `finetune.run`.
        test_every: epochs between checks on the test clips; the last epoch is always checked.

    Returns:
        For each share, with 1% as an example: `top1.1%.last` and `top1.1%.best_on_test`, means over
        the repeats, and `top1_std.1%.last`, the deviation over them (divided by `repeats - 1`; left
        out with one repeat). The selected scores are the logits of each repeat: `1%.run0.last`,
        `1%.run0.best_on_test`.

    Raises:
        InputError: as `finetune.run`; a share that gives no clip or one class; a share named twice.

    Source: CMD's released script (sources E1); AimCLR's subset (sources E2). differs: see
    `finetune.run`.
    """
    recipe = Recipe(
        epochs, lr, batch_size, milestones, gamma, momentum, weight_decay, test_every, head_lr,
        nesterov, clip_norm, batchnorm,
    )  # fmt: skip
    own = {"fractions": fractions, "sampling": sampling, "repeats": repeats, "frozen": frozen}
    # A call from Python is held to the same ranges as a settings file.
    given = {**recipe._asdict(), **own, "augment": augment}
    arguments(run, given, section="eval", source="", skip=SKIP)
    names = [percent(fraction) for fraction in fractions]
    if len(set(names)) < len(names):
        raise InputError(f"eval.fractions: {', '.join(names)}: name each share once")
    if frozen and augment != "none":
        raise InputError("eval.augment: frozen features are of whole clips; set eval.augment=none")
    train, test, classes = both_sides(encoder, train, test)
    # All draws before the first training: a share that is too small must not cost hours.
    labels, seeds = train.label.astype(np.int64), _seeds(seed, repeats)
    drawn = {
        name: [torch.from_numpy(subset(labels, fraction, sampling, s)) for s in seeds]
        for name, fraction in zip(names, fractions, strict=True)
    }
    contract: Any = encoder
    dim = int(contract.dim)
    if frozen:
        learned, judged = _features(encoder, train, test, device, cache)
        encoder = nn.Identity()
    else:
        learned, judged = part(encoder, train, device, augment), part(encoder, test, device)
    train_on = partial(train_and_check, encoder, dim=dim, classes=classes, device=device)
    values: dict[str, float] = {}
    selected: dict[str, np.ndarray] = {}
    for name, subsets in drawn.items():
        found: list[tuple[float, float]] = []
        for number, (chosen, s) in enumerate(zip(subsets, seeds, strict=True)):
            checks = train_on(learned.take(chosen), [judged], recipe, seed=s)
            last, best = judge((scores for (scores,) in checks), judged.labels)
            selected[f"{name}.run{number}.last"] = last.numpy()
            selected[f"{name}.run{number}.best_on_test"] = best.numpy()
            found.append((topk_accuracy(last, judged.labels), topk_accuracy(best, judged.labels)))
        mean = np.mean(found, axis=0)
        values[f"top1.{name}.last"], values[f"top1.{name}.best_on_test"] = map(float, mean)
        if repeats > 1:
            values[f"top1_std.{name}.last"] = float(np.std(found, axis=0, ddof=1)[0])
    definition = _definition(drawn, labels, sampling, frozen, described(recipe, augment))
    return Outcome(values, None, judged.labels.numpy(), definition, selected)


def _seeds(seed: int, repeats: int) -> list[int]:
    """A seed for each repeat; more repeats leave those of the first ones as they are."""
    made = np.random.SeedSequence(seed).generate_state(repeats, np.uint64)
    return [int(number >> np.uint64(1)) for number in made]


def _features(
    encoder: nn.Module,
    train: ClipSet,
    test: ClipSet,
    device: torch.device | str,
    cache: Path | None,
) -> tuple[Part, Part]:
    f = features.extract_splits(encoder, train, test, device=device, cache=cache)

    def made(x: Tensor, labels: Tensor) -> Part:
        kept = x.to(device)
        return Part(lambda indices: kept[indices.to(device)], labels)

    return made(f.train, f.train_labels), made(f.test, f.test_labels)


def _definition(
    drawn: dict[str, list[Tensor]], labels: np.ndarray, sampling: Sampling, frozen: bool, how: str
) -> str:
    sizes = ", ".join(f"{name} = {len(subsets[0])} clips" for name, subsets in drawn.items())
    rule = "of each class" if sampling == "balanced" else "of all clips"
    what = "a linear classifier on frozen features" if frozen else "encoder and linear classifier"
    repeats = len(next(iter(drawn.values())))
    return (
        f"mean accuracy over {repeats} random draws of labelled clips ({sampling}: the share "
        f"{rule}; {sizes} of {len(labels)}), after training of {what}: {how}; top1_std = deviation "
        "over the draws"
    )

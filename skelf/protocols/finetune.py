"""Fine-tuning: all weights of a copy of the encoder train under a linear classifier.

Paper: Mao et al., CMD, ECCV 2022. Code: github.com/maoyunyao/CMD (no licence file); sources E1.
The defaults are its recipe, the only one that is published whole; how AimCLR and others
differ stands in `docs/finetune.md` (sources E3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ..data.clips import ClipSet
from ..metrics.classes import topk_accuracy
from ..settings.evaluation import SKIP
from ..settings.signature import arguments
from ._inputs import JUDGED, Augment, Part, both_sides, part
from ._training import BatchNorm, Recipe, fit, linear_head, seeded, trained_copy
from .linear import Count, hold_out
from .outcome import Outcome


def run(
    encoder: nn.Module,
    train: ClipSet,
    test: ClipSet,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
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
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.0,
) -> Outcome:
    """Accuracy after all weights of a copy of the encoder were trained with the labels.

    Args:
        encoder: comes back bit-equal; a copy is trained.
        train: labelled clips to train on; unlabelled ones are dropped.
        test: clips to judge by, always whole; unlabelled ones are dropped.
        seed: of the classifier's weights, the order of clips, crops, dropout and the hold-out.
        device: where to compute.
        cache: not used: there are no frozen features.
        epochs: passes over the training clips.
        lr: learning rate of the encoder, and of the classifier too unless `head_lr` is given.
        head_lr: learning rate of the classifier.
        batch_size: clips a step; the last batch of an epoch may be smaller, and one of a single
            clip joins the batch before.
        milestones: epochs after which the rates are multiplied by `gamma`.
        gamma: see `milestones`.
        momentum: of SGD.
        nesterov: Nesterov's form of the momentum.
        weight_decay: of SGD.
        clip_norm: largest L2 norm of the gradient of all weights together; 0: no limit.
        batchnorm: what the encoder does while it trains. "update": BatchNorm takes each batch's
            statistics, dropout is on (CMD); "frozen": the same with BatchNorm's stored statistics;
            "eval": evaluation mode, without dropout (AimCLR).
        augment: "none": whole training clips, resized; "crop": in every epoch a random part of
            half to all of each clip, resized (CMD).
        test_every: epochs between checks on the test (and hold-out) clips; the last epoch is always
            checked.
        validation: share of each class that is held out for `top1.validated`, at least one clip of
            a class that has two. 0 leaves it out: it needs a second training and so doubles the
            time.

    Returns:
        `top1.last`, `top1.best_on_test`, `top1.validated` with `validation`, and `top5.last` when
        there are more than 5 classes; the scores are the logits after the last epoch, the selected
        ones those of `best_on_test` (of equal checks the later) and `validated` (of equal checks
        the earliest).

    Raises:
        InputError: a split without labelled clips, a single class, another joint layout, an option
            out of range, or a training that diverged.

    Source: CMD's released semi-supervised script with all labels (sources E1): SGD, batch 64, 80
    epochs, rate divided by 10 after 50 and 70, weights N(0, 0.01). differs: test clips are whole
    (CMD: the middle 95%), training clips too unless `augment` is "crop".
    """
    recipe = Recipe(
        epochs, lr, batch_size, milestones, gamma, momentum, weight_decay, test_every, head_lr,
        nesterov, clip_norm, batchnorm,
    )  # fmt: skip
    # A call from Python is held to the same ranges as a settings file.
    given = {**recipe._asdict(), "augment": augment, "validation": validation}
    arguments(run, given, section="eval", source="", skip=SKIP)
    train, test, classes = both_sides(encoder, train, test)
    learned, judged = part(encoder, train, device, augment), part(encoder, test, device)
    contract: Any = encoder
    train_on = partial(
        train_and_check, encoder, dim=contract.dim, classes=classes, seed=seed, device=device
    )
    checks = train_on(learned, [judged], recipe)
    last, best = judge((scores for (scores,) in checks), judged.labels)
    selected = {"best_on_test": best}
    held = hold_out(learned.labels, validation, seed)
    if len(held):
        kept = torch.ones(len(learned.labels), dtype=torch.bool).index_fill(0, held, False)
        rest = learned.take(kept.nonzero()[:, 0])
        chosen_by = part(encoder, train.take(held.numpy()), device)  # whole clips, as in test
        checks = train_on(rest, [chosen_by, judged], recipe)
        selected["validated"] = _chosen(checks, chosen_by.labels)
    values = {
        f"top1.{name}": topk_accuracy(scores, judged.labels)
        for name, scores in {"last": last, **selected}.items()
    }
    if classes > 5:
        values["top5.last"] = topk_accuracy(last, judged.labels, k=5)
    definition = (
        f"accuracy after fine-tuning of the encoder and a linear classifier on "
        f"{len(learned.labels)} clips: {described(recipe, augment)}"
    )
    if len(held):
        definition += (
            f"; validated = a second training without {len(held)} held-out training clips, at its "
            "check with the best hold-out accuracy"
        )
    arrays = {name: scores.numpy() for name, scores in selected.items()}
    return Outcome(values, last.numpy(), judged.labels.numpy(), definition, arrays)


def train_and_check(
    encoder: nn.Module,
    learned: Part,
    judged: Sequence[Part],
    recipe: Recipe,
    *,
    dim: int,
    classes: int,
    seed: int,
    device: torch.device | str,
) -> Iterator[list[Tensor]]:
    """Trains a copy of the encoder under a new linear classifier.

    Args:
        encoder: stays as it is.
        learned: clips to train on.
        judged: clips to be judged by.
        recipe: how to train.
        dim: length of the encoder's vectors.
        classes: number of classes `K`.
        seed: of weights, order and dropout.
        device: where to compute.

    Yields:
        at every check the logits `(N, K)` of each of `judged`, on the CPU.
    """
    generator = torch.Generator().manual_seed(seed)
    model = trained_copy(encoder, device)
    head = linear_head(dim, classes, generator).to(device)
    labels = learned.labels.to(device)

    def loss(indices: Tensor) -> Tensor:
        logits = head(model(learned.inputs(indices)))
        return F.cross_entropy(logits, labels[indices.to(device)])

    def logits(part: Part) -> Tensor:
        blocks = torch.split(torch.arange(len(part.labels)), JUDGED)
        return torch.cat([head(model(part.inputs(block))).cpu() for block in blocks])

    with seeded(seed, device):
        for _ in fit(model, head, recipe, len(labels), loss, generator):
            with torch.no_grad():
                scores = [logits(part) for part in judged]
            yield scores


def judge(checks: Iterable[Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
    """The scores of the last check and of the best one on the test, of equal ones the later."""
    best: tuple[float, Tensor] | None = None
    for scores in checks:
        top1 = topk_accuracy(scores, labels)
        if best is None or top1 >= best[0]:
            best = top1, scores
    assert best is not None  # the last epoch is always checked
    return scores, best[1]


def described(recipe: Recipe, augment: Augment) -> str:
    """The part of a definition that says how the weights were trained."""
    r = recipe
    head = "" if r.head_lr is None else f" (classifier {r.head_lr:g})"
    clipped = f", gradient norm up to {r.clip_norm:g}" if r.clip_norm else ""
    drops = ", ".join(str(m) for m in r.milestones)
    seen = "random crops of half to all of a clip" if augment == "crop" else "whole clips"
    return (
        f"cross-entropy, SGD {'Nesterov ' if r.nesterov else ''}momentum {r.momentum:g}, weight "
        f"decay {r.weight_decay:g}, batch {r.batch_size}, lr {r.lr:g}{head} times {r.gamma:g} "
        f"after epochs ({drops}), {r.epochs} epochs{clipped}, batchnorm {r.batchnorm}, {seen} in "
        "training and whole clips in test; last = after the last epoch, best_on_test = best test "
        f"accuracy of the checks every {r.test_every} epochs and the last"
    )


def _chosen(checks: Iterable[list[Tensor]], held_labels: Tensor) -> Tensor:
    """The test scores of the earliest check with the best accuracy on the held-out clips."""
    best = -1.0
    for held, scores in checks:
        if (top1 := topk_accuracy(held, held_labels)) > best:
            best, chosen = top1, scores
    return chosen

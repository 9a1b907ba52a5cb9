"""Linear evaluation: a linear classifier on frozen features, with USDRL's released schedule.

The literature reports the best of many checks on the test set, which chooses by the test labels;
here the last epoch stands beside it, and a figure chosen on clips held out from training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from ..data.clips import ClipSet
from ..errors import InputError
from ..metrics.classes import topk_accuracy
from ..settings.evaluation import SKIP
from ..settings.signature import arguments
from . import features
from .outcome import Outcome

Count = Annotated[int, Field(ge=1)]

HELD_OUT = -100
"""Label of a clip that the second classifier does not learn from."""


class Schedule(NamedTuple):
    """How the classifier is trained; the fields are the arguments of `run`."""

    epochs: int
    lr: float
    batch_size: int
    milestones: Sequence[int]
    gamma: float
    momentum: float
    weight_decay: float
    test_every: int


class Judged(NamedTuple):
    """What `judge` found.

    Args:
        values: `metric.selection` or `metric.condition.selection` -> value, as in `Outcome`.
        scores: `selection` or `condition.selection` -> `(Q, K)` logits, `last` first.
        held: clips held out of the training split.
    """

    values: dict[str, float]
    scores: dict[str, np.ndarray]
    held: int


def run(
    encoder: nn.Module,
    train: ClipSet,
    test: ClipSet,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
    epochs: Count = 160,
    lr: Annotated[float, Field(gt=0)] = 0.006,
    batch_size: Count = 512,
    milestones: Sequence[Count] = (120, 140),
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9,
    weight_decay: Annotated[float, Field(ge=0)] = 0.0,
    standardize: bool = False,
    test_every: Count = 5,
    validation: Annotated[float, Field(ge=0, lt=1)] = 0.1,
) -> Outcome:
    """Accuracy of a linear classifier on frozen features, by three choices of the epoch.

    `top1.validated` belongs to a second classifier, which starts alike and sees the same batches
    minus a stratified hold-out of the training set; the check with the best hold-out accuracy (the
    earliest of equals) gives its test accuracy. No test label takes part in that choice.

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: labelled clips to train on; unlabelled ones are dropped.
        test: clips to judge by; unlabelled ones are dropped.
        seed: of the initial weights, the order of clips and the hold-out.
        device: where to compute.
        cache: folder for the features.
        epochs: passes over the training features.
        lr: learning rate; the released scripts use 0.006 to 0.03 for 40,000 clips and more. A set
            of some hundred clips takes few steps in these epochs and wants a higher one, or
            `standardize`.
        batch_size: features a step; the last batch of an epoch may be smaller.
        milestones: epochs after which the rate is multiplied by `gamma`.
        gamma: see `milestones`.
        momentum: of SGD.
        weight_decay: of SGD.
        standardize: give each feature mean 0 and deviation 1 over the training split. Differs: the
            released protocol takes features as they are.
        test_every: epochs between checks on the test (and hold-out) clips; the last epoch is always
            checked.
        validation: share of each class that is held out, at least one clip of a class that has two;
            0 leaves `top1.validated` out.

    Returns:
        `top1.last`, `top1.best_on_test`, `top1.validated`, and `top5.last` when there are more than
        5 classes; the scores are the logits after the last epoch, the selected ones those of
        `best_on_test` (of equal checks the later, as in the released ensemble) and `validated`.

    Raises:
        InputError: a split without labelled clips, a single class, an option out of range, or a
            training that diverged.

    Source: USDRL (AAAI 2025) and its released recognition script: N(0, 0.01) weights,
    cross-entropy, SGD, batch 512, 160 epochs, rate divided by 10 after 120 and 140, a test every 5
    epochs of which the best is reported.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> from skelf.protocols import PROTOCOLS
        >>> train, test = generate(clips=48).split("xview")
        >>> encoder = ENCODERS["gru"](train.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> outcome = PROTOCOLS["linear"](encoder, train, test)
        >>> sorted(outcome.values)
        ['top1.best_on_test', 'top1.last', 'top1.validated', 'top5.last']
    """
    schedule = Schedule(
        epochs, lr, batch_size, milestones, gamma, momentum, weight_decay, test_every
    )
    # A call from Python is held to the same ranges as a settings file.
    given = {**schedule._asdict(), "standardize": standardize, "validation": validation}
    arguments(run, given, section="eval", source="", skip=SKIP)
    f = features.extract_splits(encoder, train, test, device=device, cache=cache)
    judged = judge(
        f, {"": f.test}, schedule, seed=seed, device=device, standardize=standardize,
        validation=validation,
    )  # fmt: skip
    definition = describe(schedule, standardize, len(f.train), judged.held)
    selected = dict(judged.scores)
    last = selected.pop("last")
    return Outcome(judged.values, last, f.test_labels.numpy(), definition, selected)


def judge(
    f: features.Features,
    tests: Mapping[str, Tensor],
    schedule: Schedule,
    *,
    seed: int,
    device: str | torch.device,
    standardize: bool,
    validation: float,
) -> Judged:
    """Trains on the training features and judges the classifier on several sets of test features.

    Args:
        f: features and labels; its own test features play no part.
        tests: condition -> `(Q, D)` features of the test clips; the condition "" has no name in
            the results. `best_on_test` is chosen for each by itself.
        schedule: how to train.
        seed: see `run`; `device`, `standardize` and `validation` as well.
    """
    x = f.train.to(device)
    queries = {condition: z.to(device) for condition, z in tests.items()}
    if standardize:
        mean, deviation = x.mean(dim=0), x.std(dim=0, correction=0)
        # A constant feature becomes 0; its deviation may be a rounding error instead of 0.
        deviation = torch.where(deviation > 1e-6 * mean.abs(), deviation, 1.0)
        x = (x - mean) / deviation
        queries = {condition: (z - mean) / deviation for condition, z in queries.items()}

    held = hold_out(f.train_labels, validation, seed)
    heads = [f.train_labels]
    if len(held):
        heads.append(f.train_labels.index_fill(0, held, HELD_OUT))
    held_x, held_labels = x[held.to(device)], f.train_labels[held]

    # Scores of each condition and selection, as the checks go by; the best accuracies so far.
    scores: dict[str, dict[str, Tensor]] = {condition: {} for condition in tests}
    best, best_held = dict.fromkeys(tests, -1.0), -1.0
    for weight, bias in _fit(x, [h.to(device) for h in heads], f.classes, schedule, seed):
        chosen = False
        if len(held):
            by_second = _logits(held_x, weight, bias, f.classes)[:, 1]
            accuracy = topk_accuracy(by_second, held_labels)
            chosen, best_held = accuracy > best_held, max(accuracy, best_held)
        for condition, z in queries.items():
            last, *second = _logits(z, weight, bias, f.classes).cpu().unbind(1)
            scores[condition]["last"] = last
            accuracy = topk_accuracy(last, f.test_labels)
            if accuracy >= best[condition]:
                best[condition], scores[condition]["best_on_test"] = accuracy, last
            if chosen:
                scores[condition]["validated"] = second[0]
    return _judged(scores, f, len(held))


def _judged(scores: Mapping[str, Mapping[str, Tensor]], f: features.Features, held: int) -> Judged:
    values, arrays = {}, {}
    for condition, own in scores.items():
        dotted = f"{condition}." if condition else ""
        for selection, z in own.items():
            values[f"top1.{dotted}{selection}"] = topk_accuracy(z, f.test_labels)
            arrays[f"{dotted}{selection}"] = z.contiguous().numpy()
        if f.classes > 5:
            values[f"top5.{dotted}last"] = topk_accuracy(own["last"], f.test_labels, k=5)
    return Judged(values, arrays, held)


def _fit(
    x: Tensor, heads: list[Tensor], classes: int, schedule: Schedule, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Trains one classifier for each of `heads` and yields their weights, stacked, at every check.

    They share each batch and one matrix product, which costs less than training them one after the
    other.

    Args:
        x: `(N, D)` features.
        heads: each `(N,)` labels, `HELD_OUT` where that classifier does not learn.
        classes: number of classes `K`.
        schedule: how to train.
        seed: of weights and order.

    Yields:
        weight `(len(heads) * K, D)` and bias, without gradients.
    """
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(classes, x.shape[1], generator=generator) * 0.01
    weight = start.repeat(len(heads), 1).to(x.device).requires_grad_()
    bias = torch.zeros(len(weight), device=x.device, requires_grad=True)
    optimiser = torch.optim.SGD(
        [weight, bias],
        lr=schedule.lr,
        momentum=schedule.momentum,
        weight_decay=schedule.weight_decay,
    )
    rate = torch.optim.lr_scheduler.MultiStepLR(
        optimiser, list(schedule.milestones), schedule.gamma
    )
    # Gathering into one buffer: fresh memory for every batch costs as much as the matrix products.
    buffer = x.new_empty(min(schedule.batch_size, len(x)), x.shape[1])
    for epoch in range(1, schedule.epochs + 1):
        order = torch.randperm(len(x), generator=generator).to(x.device)
        for begin in range(0, len(x), schedule.batch_size):
            chosen = order[begin : begin + schedule.batch_size]
            batch = torch.index_select(x, 0, chosen, out=buffer[: len(chosen)])
            logits = _logits(batch, weight, bias, classes).unbind(1)
            # The heads have no weight in common: the gradient of the sum is each one's own.
            losses = [_loss(z, h[chosen]) for z, h in zip(logits, heads, strict=True)]
            optimiser.zero_grad()
            torch.autograd.backward(losses)
            optimiser.step()
        rate.step()
        if epoch % schedule.test_every == 0 or epoch == schedule.epochs:
            if not bool(weight.isfinite().all()):
                raise InputError(
                    f"eval.lr: the linear classifier diverged by epoch {epoch} at lr "
                    f"{schedule.lr:g}: lower eval.lr, or set eval.standardize=true"
                )
            yield weight.detach(), bias.detach()


def _logits(x: Tensor, weight: Tensor, bias: Tensor, classes: int) -> Tensor:
    return F.linear(x, weight, bias).view(len(x), -1, classes)  # (N, heads, K)


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    total = F.cross_entropy(logits, labels, ignore_index=HELD_OUT, reduction="sum")
    return total / (labels != HELD_OUT).sum().clamp(min=1)  # a batch may be all held out


def hold_out(labels: Tensor, share: float, seed: int) -> Tensor:
    """Indices of the hold-out: `share` of each class, at least one of a class that has two."""
    generator = torch.Generator().manual_seed(seed)
    held = [torch.empty(0, dtype=torch.int64)]
    for label in range(int(labels.max()) + 1 if share > 0 else 0):
        own = (labels == label).nonzero()[:, 0]
        count = max(0, min(max(1, round(share * len(own))), len(own) - 1))
        held.append(own[torch.randperm(len(own), generator=generator)[:count]])
    return torch.cat(held).sort().values


def describe(s: Schedule, standardize: bool, clips: int, held: int) -> str:
    """What was computed, in one line."""
    drops = ", ".join(str(m) for m in s.milestones)
    validated = (
        f", validated = a second classifier trained without {held} held-out training clips, at its "
        "check with the best hold-out accuracy"
    )
    return (
        f"accuracy of a linear classifier on frozen{' standardized' if standardize else ''} "
        "features of whole clips without augmentation: cross-entropy, SGD momentum "
        f"{s.momentum:g}, weight decay {s.weight_decay:g}, batch {s.batch_size}, lr {s.lr:g} times "
        f"{s.gamma:g} after epochs ({drops}), {s.epochs} epochs over {clips} clips; last = after "
        "the last epoch, best_on_test = best test accuracy of the checks every "
        f"{s.test_every} epochs and the last{validated if held else ''}"
    )

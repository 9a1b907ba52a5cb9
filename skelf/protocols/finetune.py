"""Fine-tuning: all weights of a copy of the encoder train under a linear classifier.

Paper: Mao et al., CMD, ECCV 2022. Code: github.com/maoyunyao/CMD (no licence file); sources E1.
The defaults are its recipe, the only one that is published whole; how AimCLR and others
differ stands in `docs/finetune.md` (sources E3).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..metrics.classes import topk_accuracy
from ..settings.options import option, options
from ._inputs import JUDGED, Augment, Part, both_sides, part
from ._training import Trainable, fit, linear_head, seeded, trained_copy
from .crop import Crop, of_clips
from .linear import hold_out
from .outcome import Outcome
from .recipe import Recipe

T = TypeVar("T", bound=Trainable)


@options("eval")
class Tuning:
    """How a copy of the encoder trains under a linear classifier, and when it is checked."""

    recipe: Recipe = option(Recipe(), "how the weights are trained")
    augment: Augment = option(
        "none", "none: whole training clips; crop: a random half to all of each, anew (CMD)"
    )
    test_every: int = option(
        5, "epochs between checks on the test clips; the last epoch is always checked", ge=1
    )
    crop: Crop = option(
        "whole", "read of a clip that is not cropped at random: whole, or central-95 (CMD)"
    )


@options("eval")
class Finetune:
    """How the copy trains, and what is held out.

    At least one clip is held out of a class that has two. It needs a second training and so doubles
    the time.
    """

    tuning: Tuning = option(Tuning(), "how a copy of the encoder trains")
    validation: float = option(
        0.0, "share of each class that is held out for top1.validated; 0 leaves it out", ge=0, lt=1
    )


def finetune(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: Finetune = Finetune(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Accuracy after all weights of a copy of the encoder were trained with the labels.

    Args:
        encoder: comes back bit-equal; a copy is trained.
        train: labelled clips to train on; unlabelled ones are dropped.
        test: clips to judge by, never cropped at random; unlabelled ones are dropped.
        how: the options.
        seed: of the classifier's weights, the order of clips, crops, dropout and the hold-out.
        device: where to compute.
        cache: not used: there are no frozen features.

    Returns:
        `top1.last`, `top1.best_on_test`, `top1.validated` with `validation`, and `top5.last` when
        there are more than 5 classes; the scores are the logits after the last epoch, the selected
        ones those of `best_on_test` (of equal checks the later) and `validated` (of equal checks
        the earliest).

    Raises:
        InputError: a split without labelled clips, a single class, another joint layout, or a
            training that diverged.

    Source: CMD's released semi-supervised script with all labels (sources E1): SGD, batch 64, 80
    epochs, rate divided by 10 after 50 and 70, weights N(0, 0.01). differs: test clips are whole
    unless `crop` is "central-95", training clips too unless `augment` is "crop".
    """
    train, test, classes = both_sides(encoder, train, test)
    augment, crop = how.tuning.augment, how.tuning.crop
    learned = part(encoder, train, device, augment, crop)
    judged = part(encoder, test, device, crop=crop)
    train_on = partial(
        train_and_check,
        encoder,
        how=how.tuning,
        dim=encoder.dim,
        classes=classes,
        seed=seed,
        device=device,
    )
    checks = train_on(learned, [judged])
    last, best = judge((scores for (scores,) in checks), judged.labels)
    selected = {"best_on_test": best}
    held = hold_out(learned.labels, how.validation, seed)
    if len(held):
        stays = torch.ones(len(learned.labels), dtype=torch.bool).index_fill(0, held, False)
        rest = learned.take(stays.nonzero()[:, 0])
        chosen_by = part(encoder, train.take(held.numpy()), device, crop=crop)  # as in test
        selected["validated"] = _chosen(train_on(rest, [chosen_by, judged]), chosen_by.labels)
    values = {
        f"top1.{name}": topk_accuracy(scores, judged.labels)
        for name, scores in {"last": last, **selected}.items()
    }
    if classes > 5:
        values["top5.last"] = topk_accuracy(last, judged.labels, k=5)
    definition = (
        f"accuracy after fine-tuning of the encoder and a linear classifier on "
        f"{len(learned.labels)} clips: {described(how.tuning)}"
    )
    if len(held):
        definition += (
            f"; validated = a second training without {len(held)} held-out training clips, at its "
            "check with the best hold-out accuracy"
        )
    arrays = {name: scores.numpy() for name, scores in selected.items()}
    return Outcome(values, last.numpy(), judged.labels.numpy(), definition, arrays)


def train_and_check(
    encoder: Trainable,
    learned: Part,
    judged: Sequence[Part],
    *,
    how: Tuning,
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
        how: how to train.
        dim: length of the encoder's vectors.
        classes: number of classes `K`.
        seed: of weights, order and dropout.
        device: where to compute.

    Yields:
        at every check the logits `(N, K)` of each of `judged`, on the CPU.
    """
    checks = trained(encoder, learned, how=how, dim=dim, classes=classes, seed=seed, device=device)
    for model, head in checks:
        with torch.no_grad():
            scores = [logits_of(model, head, part) for part in judged]
        yield scores


def trained(
    encoder: T,
    learned: Part,
    *,
    how: Tuning,
    dim: int,
    classes: int,
    seed: int,
    device: torch.device | str,
) -> Iterator[tuple[T, nn.Linear]]:
    """Trains a copy of the encoder under a new linear classifier, see `train_and_check`.

    Yields:
        at every check the copy and the classifier, in evaluation mode; they train on afterwards.
    """
    generator = torch.Generator().manual_seed(seed)
    model = trained_copy(encoder, device)
    head = linear_head(dim, classes, generator).to(device)
    labels = learned.labels.to(device)

    def loss(indices: Tensor) -> Tensor:
        logits = head(model(learned.inputs(indices)))
        return F.cross_entropy(logits, labels[indices.to(device)])

    with seeded(seed, device):
        for _ in fit(
            model, head, how.recipe, len(labels), loss, generator, test_every=how.test_every
        ):
            yield model, head


def logits_of(model: Trainable, head: nn.Linear, part: Part) -> Tensor:
    """What a copy and its classifier say of clips, `(N, K)` on the CPU."""
    blocks = torch.split(torch.arange(len(part.labels)), JUDGED)
    return torch.cat([head(model(part.inputs(block))).cpu() for block in blocks])


def judge(checks: Iterable[Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
    """The scores of the last check and of the best one on the test, of equal ones the later."""
    best: tuple[float, Tensor] | None = None
    for scores in checks:
        top1 = topk_accuracy(scores, labels)
        if best is None or top1 >= best[0]:
            best = top1, scores
    assert best is not None  # the last epoch is always checked
    return scores, best[1]


def described(how: Tuning) -> str:
    """The part of a definition that says how the weights were trained."""
    r = how.recipe
    head = "" if r.head_lr is None else f" (classifier {r.head_lr:g})"
    clipped = f", gradient norm up to {r.clip_norm:g}" if r.clip_norm else ""
    drops = ", ".join(str(m) for m in r.milestones)
    seen = "random crops of half to all of a clip" if how.augment == "crop" else of_clips(how.crop)
    return (
        f"cross-entropy, SGD {'Nesterov ' if r.nesterov else ''}momentum {r.momentum:g}, weight "
        f"decay {r.weight_decay:g}, batch {r.batch_size}, lr {r.lr:g}{head} times {r.gamma:g} "
        f"after epochs ({drops}), {r.epochs} epochs{clipped}, batchnorm {r.batchnorm}, {seen} in "
        f"training and {of_clips(how.crop)} in test; last = after the last epoch, best_on_test = "
        f"best test accuracy of the checks every {how.test_every} epochs and the last"
    )


def _chosen(checks: Iterable[list[Tensor]], held_labels: Tensor) -> Tensor:
    """The test scores of the earliest check with the best accuracy on the held-out clips."""
    best = -1.0
    for held_scores, scores in checks:
        if (top1 := topk_accuracy(held_scores, held_labels)) > best:
            best, chosen = top1, scores
    return chosen

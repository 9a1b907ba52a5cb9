"""Linear evaluation: a linear classifier on frozen features, with USDRL's released how.

Code: github.com/wengwanjiang/USDRL (no licence file), `action_recognition.py`; sources U15.
The literature reports the best of many checks on the test set, which chooses by the test labels;
here the last epoch stands beside it, and a figure chosen on clips held out from training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..errors import InputError
from ..metrics.classes import topk_accuracy
from ..settings.options import option, options
from ..settings.ranges import Count
from . import features
from ._training import mean_and_deviation
from .crop import Crop, of_clips, random_cut
from .fitting import labelled
from .outcome import Outcome

KEPT = 4 * 2**30
"""Most bytes that the features of random crops may take together."""

HELD_OUT = -100
"""Label of a clip that the second classifier does not learn from."""


@options("eval")
class Linear:
    """How the classifier is trained and judged.

    A set of some hundred clips takes few steps in these epochs and wants a higher `lr`, or
    `standardize`. The released protocol takes features as they are. At least one clip is held out
    of a class that has two.
    """

    epochs: int = option(160, "passes over the training features", ge=1)
    lr: float = option(
        0.006, "learning rate; released scripts: 0.006 to 0.03 for 40,000 clips and more", gt=0
    )
    batch_size: int = option(512, "features a step; an epoch's last batch may be smaller", ge=1)
    milestones: tuple[Count, ...] = option(
        (120, 140), "epochs after which the rate is multiplied by gamma"
    )
    gamma: float = option(0.1, "factor of the rate at a milestone", gt=0, le=1)
    momentum: float = option(0.9, "of SGD", ge=0, lt=1)
    weight_decay: float = option(0.0, "of SGD", ge=0)
    standardize: bool = option(
        False, "give each feature mean 0 and deviation 1 over the training split"
    )
    test_every: int = option(
        5, "epochs between checks on the test clips; the last epoch is always checked", ge=1
    )
    validation: float = option(
        0.1, "share of each class that is held out for top1.validated; 0 leaves it out", ge=0, lt=1
    )
    crop: Crop = option("whole", "what is read of a clip: whole, or its middle, central-95 (CMD)")
    train_crops: Count | None = option(
        None, "random crops of clips to learn from, in turn by epoch (CMD: one an epoch); none: no"
    )


class Judged(NamedTuple):
    """What `judge` measures.

    Args:
        values: `metric.selection` or `metric.condition.selection` -> value, as in `Outcome`.
        scores: `selection` or `condition.selection` -> `(Q, K)` logits, `last` first.
        held: clips held out of the training split.
    """

    values: dict[str, float]
    scores: dict[str, np.ndarray]
    held: int


def linear(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: Linear = Linear(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Accuracy of a linear classifier on frozen features, by three choices of the epoch.

    `top1.validated` belongs to a second classifier, which starts alike and sees the same batches
    minus a stratified hold-out of the training set; the check with the best hold-out accuracy (the
    earliest of equals) gives its test accuracy. No test label takes part in that choice.

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: labelled clips to train on; unlabelled ones are dropped.
        test: clips to judge by; unlabelled ones are dropped.
        how: the options.
        seed: of the initial weights, the order of clips and the hold-out.
        device: where to compute.
        cache: folder for the features.

    Returns:
        `top1.last`, `top1.best_on_test`, `top1.validated`, and `top5.last` when there are more than
        5 classes; the scores are the logits after the last epoch, the selected ones those of
        `best_on_test` (of equal checks the later, as in the released ensemble) and `validated`.

    Raises:
        InputError: a split without labelled clips, a single class, or a training that diverged.

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
    f = features.extract_splits(encoder, train, test, device=device, cache=cache, crop=how.crop)
    drawn = None
    if how.train_crops is not None:
        learned = labelled(train, "training")
        drawn = _Drawn(encoder, learned, how.train_crops, seed, device)
    judged = judge(f, {"": f.test}, how, seed=seed, device=device, drawn=drawn)
    selected = dict(judged.scores)
    last = selected.pop("last")
    definition = describe(how, len(f.train), judged.held)
    return Outcome(judged.values, last, f.test_labels.numpy(), definition, selected)


def judge(
    f: features.Features,
    tests: Mapping[str, Tensor],
    how: Linear,
    *,
    seed: int,
    device: str | torch.device,
    drawn: Callable[[int], Tensor] | None = None,
    several: Sequence[Tensor] = (),
) -> Judged:
    """Trains on the training features and judges the classifier on several sets of test features.

    Args:
        f: features and labels; its own test features play no part.
        tests: condition -> `(Q, D)` features of the test clips; the condition "" has no name in
            the results. `best_on_test` is chosen for each by itself.
        how: the options.
        seed: see `linear`; `device` as well.
        drawn: gives the training features of an epoch, counted from 0, where they differ; those of
            `f` are then what is held out and what `standardize` looks at.
        several: of the same clips, each `(N, D)`: what is held out and looked at instead, all of
            them; a clip is held out in all.
    """
    x = f.train.to(device)
    queries = {condition: z.to(device) for condition, z in tests.items()}
    looked = torch.cat(list(several)).to(device) if several else x
    scale = mean_and_deviation(looked) if how.standardize else None

    def scaled(z: Tensor) -> Tensor:
        return z if scale is None else (z - scale[0]) / scale[1]

    x = scaled(x)
    queries = {condition: scaled(z) for condition, z in queries.items()}

    def of_epoch(epoch: int) -> Tensor:
        return x if drawn is None else scaled(drawn(epoch).to(device))

    held = hold_out(f.train_labels, how.validation, seed)
    heads = [f.train_labels]
    if len(held):
        heads.append(f.train_labels.index_fill(0, held, HELD_OUT))
    views = [scaled(z[held].to(device)) for z in several] or [x[held.to(device)]]
    held_x, held_labels = torch.cat(views), f.train_labels[held].repeat(len(views))

    # Scores of each condition and selection, as the checks go by; the best accuracies so far.
    scores: dict[str, dict[str, Tensor]] = {condition: {} for condition in tests}
    best, best_held = dict.fromkeys(tests, -1.0), -1.0
    for weight, bias in _fit(of_epoch, [h.to(device) for h in heads], f.classes, how, seed):
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
    for condition, by_selection in scores.items():
        dotted = f"{condition}." if condition else ""
        for selection, z in by_selection.items():
            values[f"top1.{dotted}{selection}"] = topk_accuracy(z, f.test_labels)
            arrays[f"{dotted}{selection}"] = z.contiguous().numpy()
        if f.classes > 5:
            values[f"top5.{dotted}last"] = topk_accuracy(by_selection["last"], f.test_labels, k=5)
    return Judged(values, arrays, held)


class _Drawn:
    """Features of random crops of the training clips: epoch -> `(N, D)` on the CPU.

    They are kept in memory where all of them take no more than `KEPT`, else computed anew.
    """

    def __init__(
        self, encoder: Encoder, clips: ClipSet, draws: int, seed: int, device: str | torch.device
    ) -> None:
        self.encoder, self.clips, self.draws = encoder, clips, draws
        self.seed, self.device = seed, device
        self.fits = 4 * draws * len(clips) * encoder.dim <= KEPT
        self.by_epoch: dict[int, Tensor] = {}

    def __call__(self, epoch: int) -> Tensor:
        number = epoch % self.draws
        if number in self.by_epoch:
            return self.by_epoch[number]
        cut = random_cut(self.seed, number)
        x = features.extract(self.encoder, self.clips, device=self.device, cut=cut)
        if self.fits and self.draws > 1:
            self.by_epoch[number] = x
        return x


def _fit(
    of_epoch: Callable[[int], Tensor], heads: list[Tensor], classes: int, how: Linear, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Trains one classifier for each of `heads` and yields their weights, stacked, at every check.

    They share each batch and one matrix product, which costs less than training them one after the
    other. `_training.fit` is a loop of its own: it joins a lone last clip to the batch before, for
    BatchNorm's sake, where the released classifier takes it alone, and looks at every loss.

    Args:
        of_epoch: `(N, D)` features of an epoch, counted from 0.
        heads: each `(N,)` labels, `HELD_OUT` where that classifier does not learn.
        classes: number of classes `K`.
        how: the options.
        seed: of weights and order.

    Yields:
        weight `(len(heads) * K, D)` and bias, without gradients.
    """
    x = of_epoch(0)
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(classes, x.shape[1], generator=generator) * 0.01
    weight = start.repeat(len(heads), 1).to(x.device).requires_grad_()
    bias = torch.zeros(len(weight), device=x.device, requires_grad=True)
    optimiser = torch.optim.SGD(
        [weight, bias], lr=how.lr, momentum=how.momentum, weight_decay=how.weight_decay
    )
    rate = torch.optim.lr_scheduler.MultiStepLR(optimiser, list(how.milestones), how.gamma)
    # Gathering into one buffer: fresh memory for every batch costs as much as the matrix products.
    buffer = x.new_empty(min(how.batch_size, len(x)), x.shape[1])
    for epoch in range(1, how.epochs + 1):
        order = torch.randperm(len(x), generator=generator).to(x.device)
        x = of_epoch(epoch - 1) if epoch > 1 else x
        for begin in range(0, len(x), how.batch_size):
            chosen = order[begin : begin + how.batch_size]
            batch = torch.index_select(x, 0, chosen, out=buffer[: len(chosen)])
            logits = _logits(batch, weight, bias, classes).unbind(1)
            # The heads have no weight in common: the gradient of the sum is each one's own.
            losses = [_loss(z, h[chosen]) for z, h in zip(logits, heads, strict=True)]
            optimiser.zero_grad()
            torch.autograd.backward(losses)
            optimiser.step()
        rate.step()
        if epoch % how.test_every == 0 or epoch == how.epochs:
            if not bool(weight.isfinite().all()):
                raise InputError(
                    f"eval.lr: the linear classifier diverged by epoch {epoch} at lr "
                    f"{how.lr:g}: lower eval.lr, or set eval.standardize=true"
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
    chosen = [torch.empty(0, dtype=torch.int64)]
    for label in range(int(labels.max()) + 1 if share > 0 else 0):
        members = (labels == label).nonzero()[:, 0]
        count = max(0, min(max(1, round(share * len(members))), len(members) - 1))
        chosen.append(members[torch.randperm(len(members), generator=generator)[:count]])
    return torch.cat(chosen).sort().values


def describe(how: Linear, clips: int, held: int, of: str = "") -> str:
    """What was computed, in one line; `of`: what features are of, where not of `how.crop`."""
    drops = ", ".join(str(m) for m in how.milestones)
    validated = (
        f", validated = a second classifier trained without {held} held-out training clips, at its "
        "check with the best hold-out accuracy"
    )
    learned = ""
    if how.train_crops is not None:
        learned = f", by {how.train_crops} random crops of each, a half to all of it, in turn"
    return (
        f"accuracy of a linear classifier on frozen{' standardized' if how.standardize else ''} "
        f"features of {of or of_clips(how.crop)} without augmentation: cross-entropy, SGD momentum "
        f"{how.momentum:g}, weight decay {how.weight_decay:g}, batch {how.batch_size}, lr "
        f"{how.lr:g} times {how.gamma:g} after epochs ({drops}), {how.epochs} epochs over {clips} "
        f"clips{learned}; last = after the last epoch, best_on_test = best test accuracy of the "
        f"checks every {how.test_every} epochs and the last{validated if held else ''}"
    )

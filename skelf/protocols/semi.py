"""Semi-supervised evaluation: fine-tuning with the labels of a small share of the training clips.

Paper: Mao et al., CMD, ECCV 2022, whose recipe it is; AimCLR for the balanced subset.
The literature reports one number a share, of which it often is not said whether it is the mean of
several draws, or which classes the few clips show. Here both are named options and the deviation
over the draws stands beside the mean.
"""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..metrics.classes import topk_accuracy
from ..settings.options import option, options
from ..settings.ranges import NotEmpty, PositiveShare
from . import features
from ._inputs import Part, both_sides, part
from ._training import Trainable
from .crop import Crop
from .finetune import Tuning, described, judge, train_and_check
from .outcome import Outcome
from .subsets import Sampling, percent, subset


@options("eval")
class Semi:
    """Which clips keep their labels, how often they are drawn, and what trains on them.

    AimCLR's follow-up limits the gradient: `clip_norm` 2. With `frozen`, `batchnorm` says nothing
    and `augment` must be "none".
    """

    fractions: Annotated[tuple[PositiveShare, ...], NotEmpty()] = option(
        (0.01, 0.05, 0.1, 0.2), "shares of the training clips that keep their labels"
    )
    sampling: Sampling = option(
        "plain", "plain: that share of all clips (CMD); balanced: of each class (AimCLR)"
    )
    repeats: int = option(5, "draws, each with a training of its own (CMD: 5)", ge=1)
    frozen: bool = option(False, "train the classifier only, on features of whole clips")
    tuning: Tuning = option(Tuning(), "how a copy of the encoder trains")

    def check(self) -> None:
        """Refuses a share that stands twice, and crops of frozen features."""
        names = [percent(fraction) for fraction in self.fractions]
        if len(set(names)) < len(names):
            raise ValueError(f"fractions: {', '.join(names)}: name each share once")
        if self.frozen and self.tuning.augment != "none":
            raise ValueError("augment: frozen features are of whole clips; set eval.augment=none")


def semi(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: Semi = Semi(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Accuracy after training with the labels of some clips, for several shares and draws.

    Epochs count passes over the labelled clips: ten clips and 80 epochs are 80 steps, as published.

    Args:
        encoder: comes back bit-equal; a copy is trained.
        train: labelled clips of which subsets are drawn; unlabelled ones are dropped first.
        test: clips to judge by, never cropped at random; unlabelled ones are dropped.
        how: the options.
        seed: of the subsets and of each training; each repeat has a seed of its own made from it.
        device: where to compute.
        cache: folder for the features when `how.frozen`.

    Returns:
        For each share, with 1% as an example: `top1.1%.last` and `top1.1%.best_on_test`, means over
        the repeats, and `top1_std.1%.last`, the deviation over them (divided by `repeats - 1`; left
        out with one repeat). The selected scores are the logits of each repeat: `1%.run0.last`,
        `1%.run0.best_on_test`.

    Raises:
        InputError: as `finetune`; a share that gives no clip or one class.

    Source: CMD's released script (sources E1); AimCLR's subset (sources E2). differs: see
    `finetune`.
    """
    train, test, classes = both_sides(encoder, train, test)
    # All draws before the first training: a share that is too small must not cost hours.
    labels, seeds = train.label.astype(np.int64), _seeds(seed, how.repeats)
    drawn = {
        percent(fraction): [
            torch.from_numpy(subset(labels, fraction, how.sampling, s)) for s in seeds
        ]
        for fraction in how.fractions
    }
    _warn_of_gaps(drawn, labels, test.label)
    dim = encoder.dim
    if how.frozen:
        learned, judged = _features(encoder, train, test, device, cache, how.tuning.crop)
        model: Trainable = nn.Identity()
    else:
        learned, judged = (
            part(encoder, train, device, how.tuning.augment, how.tuning.crop),
            part(encoder, test, device, crop=how.tuning.crop),
        )
        model = encoder
    train_on = partial(
        train_and_check, model, how=how.tuning, dim=dim, classes=classes, device=device
    )
    values: dict[str, float] = {}
    selected: dict[str, np.ndarray] = {}
    for name, subsets in drawn.items():
        accuracies: list[tuple[float, float]] = []
        for number, (chosen, s) in enumerate(zip(subsets, seeds, strict=True)):
            checks = train_on(learned.take(chosen), [judged], seed=s)
            last, best = judge((scores for (scores,) in checks), judged.labels)
            selected[f"{name}.run{number}.last"] = last.numpy()
            selected[f"{name}.run{number}.best_on_test"] = best.numpy()
            accuracies.append(
                (topk_accuracy(last, judged.labels), topk_accuracy(best, judged.labels))
            )
        mean = np.mean(accuracies, axis=0)
        values[f"top1.{name}.last"], values[f"top1.{name}.best_on_test"] = map(float, mean)
        if how.repeats > 1:
            values[f"top1_std.{name}.last"] = float(np.std(accuracies, axis=0, ddof=1)[0])
    return Outcome(values, None, judged.labels.numpy(), _definition(drawn, labels, how), selected)


def _warn_of_gaps(drawn: dict[str, list[Tensor]], labels: np.ndarray, judged: np.ndarray) -> None:
    """Warns of draws without a clip of a class that both sides of the split have."""
    asked = np.intersect1d(labels, judged)
    for name, subsets in drawn.items():
        gaps = [len(np.setdiff1d(asked, labels[chosen.numpy()])) for chosen in subsets]
        if any(gaps):
            warnings.warn(
                f"semi: {sum(map(bool, gaps))} of {len(gaps)} draws of {name} lack clips of up to "
                f"{max(gaps)} of {len(asked)} classes, which cannot be recognised then; "
                "eval.semi.sampling=balanced takes at least one clip of each",
                stacklevel=3,
            )


def _seeds(seed: int, repeats: int) -> list[int]:
    """A seed for each repeat; more repeats leave those of the first ones as they are."""
    numbers = np.random.SeedSequence(seed).generate_state(repeats, np.uint64)
    return [int(number >> np.uint64(1)) for number in numbers]


def _features(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    device: torch.device | str,
    cache: Path | None,
    crop: Crop,
) -> tuple[Part, Part]:
    f = features.extract_splits(encoder, train, test, device=device, cache=cache, crop=crop)

    def rows(x: Tensor, labels: Tensor) -> Part:
        on_device = x.to(device)
        return Part(lambda indices: on_device[indices.to(device)], labels)

    return rows(f.train, f.train_labels), rows(f.test, f.test_labels)


def _definition(drawn: dict[str, list[Tensor]], labels: np.ndarray, how: Semi) -> str:
    sizes = ", ".join(f"{name} = {len(subsets[0])} clips" for name, subsets in drawn.items())
    rule = "of each class" if how.sampling == "balanced" else "of all clips"
    what = (
        "a linear classifier on frozen features" if how.frozen else "encoder and linear classifier"
    )
    return (
        f"mean accuracy over {how.repeats} random draws of labelled clips ({how.sampling}: the "
        f"share {rule}; {sizes} of {len(labels)}), after training of {what}: "
        f"{described(how.tuning)}; top1_std = deviation over the draws"
    )

"""Early recognition: what somebody is doing, told from the first part of the clip.

The field's measure is the accuracy at each observed share, and the mean over the shares, which it
calls AUC. Chi et al., InfoGCN++, TPAMI 2024, sources E18; with a frozen encoder here.

A clip is cut before anything else is done to it. Some normalisations look at a whole clip (on which
side shoulders lie, how large a body gets), and would tell the beginning of its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..metrics.classes import topk_accuracy
from ..settings.options import option, options
from ..settings.ranges import NotEmpty, PositiveShare
from . import features
from .fitting import labelled
from .knn import Votes, described, knn_scores
from .linear import Judged, Linear, describe, judge
from .outcome import Outcome
from .subsets import percent


@options("eval")
class Early:
    """How much of a clip is seen, and what learns from which part of the training clips.

    The field trains on beginnings: of every length at once (InfoGCN++), or a model for each share.
    Here one classifier serves all shares. With "whole" it is the classifier of `linear`.
    """

    ratios: Annotated[tuple[PositiveShare, ...], NotEmpty()] = option(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        "shares of a clip that are seen, from its first frame on",
    )
    train: Literal["partial", "whole"] = option(
        "partial", "partial: learn from clips cut at one of the ratios, drawn anew in each epoch"
    )
    head: Literal["linear", "knn"] = option(
        "linear", "what learns: linear, or knn without training"
    )
    linear: Linear = option(Linear(), "the linear classifier")
    votes: Votes = option(Votes(), "how neighbours vote; with partial training clips of each ratio")

    def check(self) -> None:
        """Refuses a share that stands twice, and parts of clips of another kind."""
        names = [percent(ratio) for ratio in self.ratios]
        if len(set(names)) < len(names):
            raise ValueError(f"ratios: {', '.join(names)}: name each share once")
        if self.linear.crop != "whole" or self.linear.train_crops:
            raise ValueError(
                "crop, eval.train_crops: eval.ratios says what is seen of a clip; give them to "
                "linear alone, as eval.linear.crop=..."
            )


def early(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: Early = Early(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Accuracy on the first 10, 20, ... 100 % of test clips, and its mean over these shares.

    The encoder sees the beginning as if it were a clip: normalised by itself and resized to the
    encoder's frames. Neither it nor the classifier is told the share or the clip's true length.
    Where to cut does follow from the true length, which somebody who watches does not know;
    the literature cuts so, too.

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: labelled clips to train on; unlabelled ones are dropped.
        test: clips to judge by; unlabelled ones are dropped.
        how: the options.
        seed: of the shares that are drawn, and of the classifier as in `linear`.
        device: where to compute.
        cache: folder for the features.

    Returns:
        `auc.last` and `auc.validated`, means over the shares; then for each share, 10% for one,
        what `linear` gives, as `top1.10%.last`, `top1.10%.best_on_test`. With "partial" held-out
        clips are judged at all shares, and a clip is held out at all. There is no
        `auc.best_on_test`: each share has its own best check, and no one classifier all of them.
        With `head="knn"` `auc.none` and `top1.10%.none`. Scores of every share and selection.

    Raises:
        InputError: whatever `linear` refuses.

    Source: Chi et al. 2024 (InfoGCN++) and its released code (sources E18): ceil(ratio * frames),
    the plain mean of ten accuracies, one model for all shares. differs: frozen encoder; there whole
    clips are normalised and resized before they are cut, and the model learns at every frame.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> from skelf.encoders import ENCODERS
        >>> from skelf.protocols import PROTOCOLS
        >>> train, test = generate(clips=48).split("xview")
        >>> encoder = ENCODERS["gru"](train.skeleton, dim=4, layers=1, frames=8, persons=1)
        >>> outcome = PROTOCOLS["early"](encoder, train, test, Early(ratios=(0.5, 1), head="knn"))
        >>> list(outcome.values)
        ['auc.none', 'top1.50%.none', 'top1.100%.none']
    """

    def encoded(clips: ClipSet, split: str, ratio: float) -> Tensor:
        seen = beginning(labelled(clips, split), ratio)
        return features.extract(encoder, seen, device=device, cache=cache)

    learnt = how.ratios if how.train == "partial" else (1.0,)
    f = features.extract_splits(
        encoder,
        beginning(train, learnt[0]),
        beginning(test, how.ratios[0]),
        device=device,
        cache=cache,
    )
    parts = [f.train, *(encoded(train, "training", ratio) for ratio in learnt[1:])]
    first, *rest = how.ratios
    tests = {percent(first): f.test} | {percent(r): encoded(test, "test", r) for r in rest}
    answer = _by_linear if how.head == "linear" else _by_votes
    judged = answer(f, parts, tests, how, seed, device)
    areas = {
        f"auc.{selection}": float(np.mean([judged.values[f"top1.{k}.{selection}"] for k in tests]))
        for selection in ("last", "validated", "none")
        if f"top1.{percent(first)}.{selection}" in judged.values
    }
    return Outcome(
        areas | judged.values,
        None,
        f.test_labels.numpy(),
        _definition(how, len(f.train), judged.held),
        judged.scores,
    )


def beginning(clips: ClipSet, ratio: float) -> ClipSet:
    """The first `ceil(ratio * length)` frames of each clip, at least one.

    It shares the joints, and knows nothing of what follows: normalisations see these frames alone.

    Args:
        clips: whole ones; segments are left out where they are cut.
        ratio: share of the clip in (0, 1].

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> clips = generate(clips=12)
        >>> clips.length[:3].tolist(), beginning(clips, 0.25).length[:3].tolist()
        ([48, 53, 71], [12, 14, 18])
    """
    if ratio == 1:
        return clips  # with the digest under which features of whole clips are cached
    # The product may lie a rounding error above the whole number that is meant, as of 0.55 * 100.
    seen = np.ceil(ratio * clips.length - 1e-9).astype(np.int64)
    return replace(clips, length=np.maximum(seen, 1), segments=np.zeros((0, 4), np.int64))


def _by_linear(
    f: features.Features,
    parts: Sequence[Tensor],
    tests: Mapping[str, Tensor],
    how: Early,
    seed: int,
    device: str | torch.device,
) -> Judged:
    if len(parts) == 1:
        return judge(f, tests, how.linear, seed=seed, device=device)
    drawn = _one_of(parts, seed)
    return judge(f, tests, how.linear, seed=seed, device=device, drawn=drawn, several=parts)


def _by_votes(
    f: features.Features,
    parts: Sequence[Tensor],
    tests: Mapping[str, Tensor],
    how: Early,
    seed: int,
    device: str | torch.device,
) -> Judged:
    gallery, labels = torch.cat(list(parts)).to(device), f.train_labels.repeat(len(parts))
    values, scores = {}, {}
    for name, z in tests.items():
        votes = knn_scores(gallery, labels.to(device), z.to(device), f.classes, how.votes).cpu()
        values[f"top1.{name}.none"] = topk_accuracy(votes, f.test_labels)
        scores[f"{name}.none"] = votes.numpy()
    return Judged(values, scores, 0)


def _one_of(parts: Sequence[Tensor], seed: int) -> Callable[[int], Tensor]:
    """Epoch -> features `(N, D)`, of each clip those of one of `parts`, drawn for itself."""

    def of_epoch(epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
        drawn = torch.randint(len(parts), (len(parts[0]),), generator=generator)
        x = torch.empty_like(parts[0])
        for number, part in enumerate(parts):
            x[drawn == number] = part[drawn == number]
        return x

    return of_epoch


def _definition(how: Early, clips: int, held: int) -> str:
    partial, linear = how.train == "partial", how.head == "linear"
    shares = ", ".join(percent(ratio) for ratio in how.ratios)
    if linear:
        what = describe(how.linear, clips, held, "the beginnings of clips" if partial else "")
        learned = "one classifier for all shares, trained on " + (
            "clips that are cut at one of them, drawn for each clip and epoch"
            + (", held-out clips judged at all of them" if held else "")
            if partial
            else "whole clips"
        )
    else:
        size = clips * (len(how.ratios) if partial else 1)
        what = f"accuracy of {described(how.votes, size)}, no augmentation"
        learned = f"gallery = {clips} training clips, " + ("at each share" if partial else "whole")
    return (
        f"{what}; of test clips the first {shares} are seen (frames rounded up, at least one; cut "
        "before normalising and resizing, so that nothing later and no length is known); "
        f"{learned}; auc = mean of the accuracies over the shares"
    )

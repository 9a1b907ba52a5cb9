"""Occluded recognition: linear evaluation whose test clips lack body parts or a block of time.

Paper: the survey of Zhang et al., 2024 (PCM3++), after Song et al., RA-GCN, 2019; no code was
released (sources E11).

The encoder was pretrained on clean clips and stays as it is; the classifier learns from clean
training features, as in linear evaluation, and meets the occlusion in the test clips only. Every
condition, the clean one included, is judged by that one classifier.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from ..augment import occlusion as occlude
from ..contracts import Encoder
from ..data.clips import ClipSet
from ..data.joints.parts import with_parts
from ..settings.options import option, options
from ..settings.ranges import NotEmpty, Shares
from . import features
from .fitting import labelled
from .linear import Linear, describe, judge
from .outcome import Outcome

Condition = Literal["spatial", "temporal", "joints", "noise"]


Draw = Callable[[Tensor, list[Generator], np.ndarray, ClipSet, "Amounts"], Tensor]


class Amounts(NamedTuple):
    """How much is occluded: two of `Occlusion`'s options, and the seed of the draws."""

    ratio: tuple[float, float]
    sigma: float
    seed: int


@options("eval")
class Occlusion:
    """What is occluded, how much of it, and how the classifier learns.

    spatial: body parts of the layout, in the whole clip. temporal: one block of frames. joints:
    each joint in each frame for itself. noise: nothing is hidden, every coordinate is shaken. All
    persons of a clip alike, but for joints and noise.

    With `train_occluded` each condition has a classifier of its own. The survey does not say;
    "transfer from the clean dataset" is read here as clean training clips.
    """

    conditions: Annotated[tuple[Condition, ...], NotEmpty()] = option(
        ("spatial", "temporal"), "what is occluded: spatial, temporal, joints, noise"
    )
    ratio: Shares = option(
        (0.3, 0.7), "smallest and largest share that is hidden, drawn for each clip (survey's)"
    )
    sigma: float = option(
        0.1, "deviation of the noise, as a share of the clip's mean bone length", gt=0
    )
    train_occluded: bool = option(
        False, "for each condition a classifier that learns from clips occluded in the same way"
    )
    linear: Linear = option(Linear(), "the classifier; held-out clips are as training clips are")

    def check(self) -> None:
        """Refuses a condition that stands twice."""
        if twice := [name for name in self.conditions if self.conditions.count(name) > 1]:
            raise ValueError(f"conditions: {twice[0]!r} stands twice; name each once")
        if self.linear.crop != "whole" or self.linear.train_crops:
            raise ValueError(
                "crop, eval.train_crops: occluded clips are read whole; give them to linear alone, "
                "as eval.linear.crop=..."
            )


def occlusion(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: Occlusion = Occlusion(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Accuracy of a linear classifier on clean and on occluded test clips.

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: labelled clips to train on; unlabelled ones are dropped.
        test: clips to judge by; unlabelled ones are dropped.
        how: the options.
        seed: of the occlusions, with the clips' names, and of the classifier as in `linear`.
        device: where to compute.
        cache: folder for the features.

    Returns:
        For each condition, and for clean, what `linear` gives, as `top1.spatial.last`,
        `top1.clean.best_on_test`, `top5.temporal.last`; the best check on the test clips is each
        condition's own. The clean figures are those of `linear`. Scores of every condition and
        selection, the `last` of the first condition first.

    Raises:
        InputError: a layout of one joint for `spatial`, or whatever `linear` refuses.

    Source: survey of Zhang et al. 2024 (PCM3++), "Action Recognition with Occlusion", after Song et
    al. 2019. Differs: granularity, seed and place of the masks are not stated there, see
    `skelf.augment.occlusion`; joints and noise are ours.
    """
    names, amounts = how.conditions, Amounts(how.ratio, how.sigma, seed)

    def occluded(clips: ClipSet, split: str, condition: str) -> Tensor:
        clips = labelled(clips, split)
        hide = change(condition, clips, amounts)
        return features.extract(encoder, clips, device=device, cache=cache, change=hide)

    f = features.extract_splits(encoder, train, test, device=device, cache=cache)
    # The first is what reports show first: of occluded clips, since clean ones are linear's.
    tests = {name: occluded(test, "test", name) for name in names} | {"clean": f.test}
    tasks = [(f, tests)]
    if how.train_occluded:
        hidden = {str(name): f._replace(train=occluded(train, "training", name)) for name in names}
        tasks = [(hidden.get(name, f), {name: z}) for name, z in tests.items()]
    results = [judge(*task, how.linear, seed=seed, device=device) for task in tasks]
    values = {key: value for judged in results for key, value in judged.values.items()}
    scores = {key: z for judged in results for key, z in judged.scores.items()}
    trained = describe(how.linear, len(f.train), results[0].held)
    definition = f"{trained}; {_definition(names, amounts, how.train_occluded)}"
    return Outcome(values, None, f.test_labels.numpy(), definition, scores)


def change(condition: str, clips: ClipSet, amounts: Amounts) -> features.Change:
    """The occlusion of a set's clips, drawn from their names, for `features.extract`."""
    names, draw = clips.names, DRAWN[condition]

    def apply(x: Tensor, indices: np.ndarray) -> Tensor:
        generators = [occlude.generator_of(names[i], condition, amounts.seed) for i in indices]
        return draw(x, generators, clips.length[indices], clips, amounts)

    parts = sorted(with_parts(clips.skeleton).parts.items()) if condition == "spatial" else None
    return features.Change(repr((condition, parts, amounts)), apply)


def _spatial(
    x: Tensor, generators: list[Generator], lengths: np.ndarray, clips: ClipSet, amounts: Amounts
) -> Tensor:
    parts = with_parts(clips.skeleton).parts
    drawn = [occlude.draw_parts(parts, x.shape[3], amounts.ratio, g) for g in generators]
    return occlude.hide_joints(x, _stack(drawn, x))


def _temporal(
    x: Tensor, generators: list[Generator], lengths: np.ndarray, clips: ClipSet, amounts: Amounts
) -> Tensor:
    blocks = _stack([np.array(occlude.draw_block(amounts.ratio, g)) for g in generators], x)
    return occlude.hide_block(x, *blocks.unbind(1))


def _joints(
    x: Tensor, generators: list[Generator], lengths: np.ndarray, clips: ClipSet, amounts: Amounts
) -> Tensor:
    V, M = x.shape[3:]
    drawn = [
        occlude.draw_missing(length, V, M, amounts.ratio, g)[_at(length, x)]
        for length, g in zip(lengths, generators, strict=True)
    ]
    return occlude.drop_joints(x, _stack(drawn, x))


def _noise(
    x: Tensor, generators: list[Generator], lengths: np.ndarray, clips: ClipSet, amounts: Amounts
) -> Tensor:
    V, M = x.shape[3:]
    drawn = [
        occlude.draw_offsets(length, V, M, clips.coordinates, g)[_at(length, x)]
        for length, g in zip(lengths, generators, strict=True)
    ]
    return occlude.shake(x, _stack(drawn, x), amounts.sigma, clips.skeleton)


DRAWN: dict[str, Draw] = {
    "spatial": _spatial, "temporal": _temporal, "joints": _joints, "noise": _noise
}  # fmt: skip


def _at(length: int, x: Tensor) -> np.ndarray:
    return occlude.frames_at(length, x.shape[2])


def _stack(drawn: list[np.ndarray], x: Tensor) -> Tensor:
    return torch.from_numpy(np.stack(drawn)).to(x.device)


def _definition(names: Sequence[str], amounts: Amounts, train_occluded: bool) -> str:
    low, high = amounts.ratio
    texts = {
        "spatial": "body parts of the layout zero in the whole clip, the closest number of parts, "
        "at least one and never all",
        "temporal": "one block of the clip's time zero",
        "joints": "each joint of each frame zero with that probability",
        "noise": f"normal noise of {amounts.sigma:g} of the clip's mean bone length on every "
        "coordinate",
    }
    conditions = ", ".join(f"{name} = {texts[name]}" for name in names)
    trained = (
        "a classifier for each condition, trained on clips occluded alike"
        if train_occluded
        else "one classifier, trained on clean clips"
    )
    return (
        f"test clips occluded after normalising and resizing, {conditions}, share drawn for each "
        f"clip from {low:g} to {high:g} by its name and seed {amounts.seed}; {trained}"
    )

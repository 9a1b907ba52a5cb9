"""Occluded recognition: linear evaluation whose test clips lack body parts or a block of time.

The encoder was pretrained on clean clips and stays as it is; the classifier learns from clean
training features, as in linear evaluation, and meets the occlusion in the test clips only. Every
condition, the clean one included, is judged by that one classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from pydantic import Field
from torch import Tensor, nn

from ..augment import occlusion as occlude
from ..data.clips import ClipSet
from ..errors import InputError
from ..settings.evaluation import SKIP
from ..settings.ranges import Shares
from ..settings.signature import arguments
from . import features, linear
from .linear import Count
from .outcome import Outcome

Condition = Literal["spatial", "temporal", "joints", "noise"]


class Amounts(NamedTuple):
    """How much is occluded; the first two are arguments of `run`."""

    ratio: tuple[float, float]
    sigma: float
    seed: int


def run(
    encoder: nn.Module,
    train: ClipSet,
    test: ClipSet,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
    conditions: Annotated[Sequence[Condition], Field(min_length=1)] = ("spatial", "temporal"),
    ratio: Shares = (0.3, 0.7),
    sigma: Annotated[float, Field(gt=0)] = 0.1,
    train_occluded: bool = False,
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
    """Accuracy of a linear classifier on clean and on occluded test clips.

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: labelled clips to train on; unlabelled ones are dropped.
        test: clips to judge by; unlabelled ones are dropped.
        seed: of the occlusions, with the clips' names, and of the classifier as in `linear.run`.
        device: where to compute.
        cache: folder for the features.
        conditions: what is occluded. spatial: body parts of the layout, in the whole clip.
            temporal: one block of frames. joints: each joint in each frame for itself. noise:
            nothing is hidden, every coordinate is shaken. All persons of a clip alike, but for
            joints and noise.
        ratio: smallest and largest share that is hidden, drawn for each clip (survey: 0.3, 0.7).
        sigma: deviation of the noise, as a share of the clip's mean bone length.
        train_occluded: each condition has a classifier of its own, which learns from training clips
            that are occluded in the same way. The survey does not say; "transfer from the clean
            dataset" is read here as clean training clips.
        epochs: these and all that follow are those of `linear.run`.
        lr: see `linear.run`.
        batch_size: see `linear.run`.
        milestones: see `linear.run`.
        gamma: see `linear.run`.
        momentum: see `linear.run`.
        weight_decay: see `linear.run`.
        standardize: see `linear.run`.
        test_every: see `linear.run`.
        validation: see `linear.run`; the held-out clips are as the training clips are.

    Returns:
        For each condition, and for clean, what `linear.run` gives, as `top1.spatial.last`,
        `top1.clean.best_on_test`, `top5.temporal.last`; the best check on the test clips is each
        condition's own. The clean figures are those of `linear.run`. Scores of every condition and
        selection, the `last` of the first condition first.

    Raises:
        InputError: a condition named twice, a layout of one body part for `spatial`, or whatever
            `linear.run` refuses.

    Source: survey of Zhang et al. 2024 (PCM3++), "Action Recognition with Occlusion", after Song et
    al. 2019. Differs: granularity, seed and place of the masks are not stated there, see
    `skelf.augment.occlusion`; joints and noise are ours.
    """
    schedule = linear.Schedule(
        epochs, lr, batch_size, milestones, gamma, momentum, weight_decay, test_every
    )
    given = {
        **schedule._asdict(), "standardize": standardize, "validation": validation,
        "conditions": conditions, "ratio": ratio, "sigma": sigma,
    }  # fmt: skip
    checked = arguments(run, given, section="eval", source="", skip=SKIP)
    names, amounts = checked["conditions"], Amounts(checked["ratio"], sigma, seed)
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"eval.conditions: {twice[0]!r} stands twice; name each once")

    def occluded(clips: ClipSet, split: str, condition: str) -> Tensor:
        clips = features.labelled(clips, split)
        how = change(condition, clips, amounts)
        return features.extract(encoder, clips, device=device, cache=cache, change=how)

    f = features.extract_splits(encoder, train, test, device=device, cache=cache)
    # The first is what reports show first: of occluded clips, since clean ones are linear's.
    tests = {name: occluded(test, "test", name) for name in names} | {"clean": f.test}
    learnt = [(f, tests)]
    if train_occluded:
        own = {name: f._replace(train=occluded(train, "training", name)) for name in names}
        learnt = [(own.get(name, f), {name: z}) for name, z in tests.items()]
    judged = [
        linear.judge(
            known, some, schedule, seed=seed, device=device, standardize=standardize,
            validation=validation,
        )
        for known, some in learnt
    ]  # fmt: skip
    values = {key: value for one in judged for key, value in one.values.items()}
    scores = {key: z for one in judged for key, z in one.scores.items()}
    said = linear.describe(schedule, standardize, len(f.train), judged[0].held)
    definition = f"{said}; {_definition(names, amounts, train_occluded)}"
    return Outcome(values, None, f.test_labels.numpy(), definition, scores)


def change(condition: str, clips: ClipSet, amounts: Amounts) -> features.Change:
    """The occlusion of a set's clips, drawn from their names, for `features.extract`."""
    names, draw = clips.names, DRAWN[condition]

    def apply(x: Tensor, indices: np.ndarray) -> Tensor:
        own = [occlude.generator_of(names[i], condition, amounts.seed) for i in indices]
        return draw(x, own, clips.length[indices], clips, amounts)

    parts = sorted(clips.skeleton.parts.items()) if condition == "spatial" else None
    return features.Change(repr((condition, parts, amounts)), apply)


def _spatial(
    x: Tensor, own: list[Generator], lengths: np.ndarray, clips: ClipSet, amounts: Amounts
) -> Tensor:
    parts = clips.skeleton.parts
    drawn = [occlude.draw_parts(parts, x.shape[3], amounts.ratio, g) for g in own]
    return occlude.hide_joints(x, _stack(drawn, x))


def _temporal(
    x: Tensor, own: list[Generator], lengths: np.ndarray, clips: ClipSet, amounts: Amounts
) -> Tensor:
    blocks = _stack([np.array(occlude.draw_block(amounts.ratio, g)) for g in own], x)
    return occlude.hide_block(x, *blocks.unbind(1))


def _joints(
    x: Tensor, own: list[Generator], lengths: np.ndarray, clips: ClipSet, amounts: Amounts
) -> Tensor:
    V, M = x.shape[3:]
    drawn = [
        occlude.draw_missing(length, V, M, amounts.ratio, g)[_at(length, x)]
        for length, g in zip(lengths, own, strict=True)
    ]
    return occlude.drop_joints(x, _stack(drawn, x))


def _noise(
    x: Tensor, own: list[Generator], lengths: np.ndarray, clips: ClipSet, amounts: Amounts
) -> Tensor:
    V, M = x.shape[3:]
    drawn = [
        occlude.draw_offsets(length, V, M, clips.coordinates, g)[_at(length, x)]
        for length, g in zip(lengths, own, strict=True)
    ]
    return occlude.shake(x, _stack(drawn, x), amounts.sigma, clips.skeleton)


DRAWN: dict[str, Any] = {
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
    told = ", ".join(f"{name} = {texts[name]}" for name in names)
    trained = (
        "a classifier for each condition, trained on clips occluded alike"
        if train_occluded
        else "one classifier, trained on clean clips"
    )
    return (
        f"test clips occluded after normalising and resizing, {told}, share drawn for each clip "
        f"from {low:g} to {high:g} by its name and seed {amounts.seed}; {trained}"
    )

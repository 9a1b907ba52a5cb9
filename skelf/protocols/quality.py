"""Quality: is an exercise done right? A small classifier for each, judged on other people.

A set serves whose clips have a class, the exercise, and a yes/no column such as `correct`, as
UI-PRMD has (sources E20). Frozen features must then keep how something is done, which recognition
may well forget.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..errors import InputError, unknown
from ..metrics.roc import Pairs, half_width, pairs
from ..settings.options import option, options
from . import features
from ._training import mean_and_deviation
from .fitting import labelled
from .outcome import Outcome

NAMED = 5
"""Exercises that are left out which a definition names."""


@options("eval")
class Quality:
    """Where the truth stands, and what learns from it.

    nearest learns from clips done right alone: how near a clip comes to the nearest of these.
    """

    field: str = option("correct", "column of the store: 1 done right, 0 wrong, -1 unknown")
    head: Literal["logistic", "nearest"] = option(
        "logistic", "logistic regression, or distance to the nearest right training clip"
    )
    logistic_c: float = option(
        1.0, "the logistic regression's C: the smaller, the stronger its L2 penalty", gt=0
    )


class Clips(NamedTuple):
    """The clips of one side whose truth is known.

    Args:
        x: `(N, D)` float64 features on the CPU.
        label: `(N,)` exercises.
        right: `(N,)` bool, the truth.
        subject: `(N,)`, -1 unknown.
    """

    x: Tensor
    label: np.ndarray
    right: np.ndarray
    subject: np.ndarray

    def of(self, label: int) -> Clips:
        """Those of one exercise."""
        rows = np.flatnonzero(self.label == label)
        return Clips(self.x[rows], self.label[rows], self.right[rows], self.subject[rows])


def quality(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: Quality = Quality(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Area under the ROC curve, right against wrong, for each exercise and their mean.

    Each exercise has a classifier of its own, on features that are standardised over what it
    learns from. An exercise is left out if training or test clips lack one of the two sides
    (nearest needs no wrong training clips).

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: what classifiers learn from; clips without a class or whose truth is unknown are
            dropped.
        test: clips to judge by, of other people; dropped likewise.
        how: the options.
        seed: without influence, nothing is drawn.
        device: where features are computed.
        cache: folder for the features.

    Returns:
        `auroc.none`, the mean over exercises; `auroc_ci95.none`, half the width of its 95 %
        interval for other people than the test subjects (where there are two, all known); and for
        each exercise, as `auroc.deep_squat.none`. No scores; labels are 1 for right, 0 for wrong.

    Raises:
        InputError: a store without the column, a column that is no yes/no, a side of the split on
            which it is unknown, or no exercise that can be judged.

    Source: ours; the truth is that of UI-PRMD (sources E20), the area that of Hanley and McNeil
    1982, Radiology 143(1), 29-36.
    """
    learned, judged = (
        _known(encoder, labelled(clips, side), side, how.field, device, cache)
        for clips, side in ((train, "training"), (test, "test"))
    )
    people, of_clip = np.unique(judged.subject, return_inverse=True)
    whose = judged._replace(subject=of_clip)
    tables: dict[str, Pairs] = {}
    left_out: dict[str, str] = {}
    for label in np.union1d(learned.label, judged.label).tolist():
        name, own, asked = _called(test, label), learned.of(label), whose.of(label)
        if why := _lacking(own.right, asked.right, how.head):
            left_out[name] = why
            continue
        scores = HEADS[how.head](own, asked.x, how)
        tables[name] = pairs(scores, asked.right, asked.subject, len(people))
    if not tables:
        raise InputError(
            f"{test}: eval.field: no exercise can be judged by {how.field!r} "
            f"({_some(left_out)}): choose a split whose two sides have clips of both kinds"
        )
    values = _values(tables, bounded=len(people) > 1 and people[0] >= 0)
    shared = np.intersect1d(learned.subject, people[people >= 0])
    if len(shared):
        warnings.warn(
            f"quality: {len(shared)} of the {len(people)} test subjects are on the training side "
            "too, so that classifiers may know them; split by subject",
            stacklevel=2,
        )
    asked_of = np.array([_called(test, label) in tables for label in judged.label.tolist()])
    definition = _definition(how, learned, judged, tables, left_out, len(shared))
    return Outcome(values, None, judged.right[asked_of].astype(np.int64), definition)


def _known(
    encoder: Encoder,
    clips: ClipSet,
    side: str,
    field: str,
    device: str | torch.device,
    cache: Path | None,
) -> Clips:
    """The clips whose truth is known, and their features."""
    truth = _truth(clips, field, side)
    # Of all labelled clips, as every protocol has them, so that the cache serves all.
    x = features.extract(encoder, clips, device=device, cache=cache)
    rows = np.flatnonzero(truth >= 0)
    return Clips(x[rows].double(), clips.label[rows], truth[rows] == 1, clips.subject[rows])


def _truth(clips: ClipSet, field: str, side: str) -> np.ndarray:
    """The yes/no column, `(N,)`: 1, 0, or -1 where it is unknown."""
    if field not in clips.columns:
        raise InputError(
            f"{clips}: eval.field: {unknown('column', field, clips.columns or ['none'])}; a store "
            f"has it from the import: labels=TABLE.csv with a column {field!r} (1 right, 0 wrong), "
            "or an array of that name in the .npz"
        )
    truth = clips.columns[field]
    strange = np.setdiff1d(truth, (-1, 0, 1))
    if len(strange):
        raise InputError(
            f"{clips}: eval.field: column {field!r} holds {strange[0]}, and is no yes/no: it needs "
            "1 for right, 0 for wrong and -1 for unknown"
        )
    if not (truth >= 0).any():
        raise InputError(
            f"{clips}: eval.field: {field!r} is unknown for every labelled clip of the {side} "
            "split: choose another split or column"
        )
    return truth


def _lacking(learned: np.ndarray, judged: np.ndarray, head: str) -> str:
    """What an exercise lacks to be judged; "" where it has everything."""
    for side, right in (("training", learned), ("test", judged)):
        if not right.any():
            return f"no right {side} clip"
        if right.all() and (side, head) != ("training", "nearest"):
            return f"no wrong {side} clip"
    return ""


def _logistic(learned: Clips, asked: Tensor, how: Quality) -> np.ndarray:
    mean, deviation = mean_and_deviation(learned.x)
    machine = LogisticRegression(C=how.logistic_c, max_iter=1000)
    machine.fit(((learned.x - mean) / deviation).numpy(), learned.right)
    scores: np.ndarray = machine.decision_function(((asked - mean) / deviation).numpy())
    return scores


def _nearest(learned: Clips, asked: Tensor, how: Quality) -> np.ndarray:
    right = learned.x[np.flatnonzero(learned.right)]
    mean, deviation = mean_and_deviation(right)
    x, y = (right - mean) / deviation, (asked - mean) / deviation
    distance = torch.cdist(y, x, compute_mode="donot_use_mm_for_euclid_dist").amin(dim=1)
    return -distance.numpy()


HEADS: dict[str, Callable[[Clips, Tensor, Quality], np.ndarray]] = {
    "logistic": _logistic, "nearest": _nearest
}  # fmt: skip


def _values(tables: Mapping[str, Pairs], *, bounded: bool) -> dict[str, float]:
    areas = {name: table.area() for name, table in tables.items()}
    values = {"auroc.none": float(np.mean(list(areas.values())))}
    if bounded:
        values["auroc_ci95.none"] = half_width(list(tables.values()))
    return values | {f"auroc.{name}.none": area for name, area in areas.items()}


def _called(clips: ClipSet, label: int) -> str:
    name = clips.class_names[label]
    return name if clips.class_names.count(name) == 1 else f"{name} {label}"


def _some(left_out: Mapping[str, str]) -> str:
    named = [f"{name}: {why}" for name, why in left_out.items()]
    return ", ".join(named[:NAMED]) + (", ..." if len(named) > NAMED else "")


def _definition(
    how: Quality,
    learned: Clips,
    judged: Clips,
    tables: Mapping[str, Pairs],
    left_out: Mapping[str, str],
    shared: int,
) -> str:
    head = {
        "logistic": f"a logistic regression (L2, C {how.logistic_c:g})",
        "nearest": "the distance to the nearest right training clip",
    }[how.head]
    people = len(np.unique(judged.subject))
    known = judged.subject.min() >= 0
    rest = f", {len(left_out)} left out ({_some(left_out)})" if left_out else ""
    whose = f"{people} test subjects, {shared} of them on the training side too"
    width = "; ci95 = half the width of the 95 % interval of the mean for other people"
    return (
        f"area under the ROC curve, right against wrong by the column {how.field!r}, mean over "
        f"{len(tables)} exercises{rest}: for each exercise {head} on frozen features of whole "
        f"clips, standardised over what it learns from; {len(learned.x)} training and "
        f"{len(judged.x)} test clips whose truth is known; "
        f"{whose + width * (people > 1) if known else 'test subjects not all known'}"
    )

"""Few-shot recognition: small classifiers on frozen features, of classes never seen in pretraining.

An episode takes a few classes at random, a few clips of each to learn from (support) and others to
judge by (queries); the figure is the mean over many episodes. The encoder does not know the classes
only if pretraining left them out: `skelf data split --by label` parts a store that way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from sklearn.svm import SVC
from torch import Tensor, nn

from ..data.clips import ClipSet
from ..errors import InputError
from ..guest import no_trace
from ..settings.evaluation import SKIP
from ..settings.signature import arguments
from . import features
from .outcome import Outcome

Count = Annotated[int, Field(ge=1)]
Classifier = Literal["svm", "centroid", "nn"]
Fit = Callable[[np.ndarray, np.ndarray], np.ndarray]

CLASSES = {
    "ntu120-survey": (
        60, 61, 66, 69, 72, 78, 79, 80, 84, 90, 91, 95, 96, 98, 99, 100, 102, 106, 108, 111, 113,
        114, 115,
    )
}  # fmt: skip
"""Named sets of classes, from 0. The survey's text says 20 classes, and lists these 23."""

TOLD = {
    "centroid": "centroid = class mean nearest by cosine",
    "nn": "nn = class of the clip nearest by cosine",
}


class Episode(NamedTuple):
    """Clips of one episode: rows of the support's and of the queries' features.

    Args:
        support: `(ways, S)`, the first k of which serve k shots.
        queries: `(ways, Q)`.
    """

    support: np.ndarray
    queries: np.ndarray


@no_trace()  # scikit-learn's SVM draws from numpy's generator
def run(
    encoder: nn.Module,
    train: ClipSet,
    test: ClipSet,
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
    classes: Sequence[Annotated[int, Field(ge=0)]] | Literal["all", "ntu120-survey"] = "all",
    ways: Annotated[int, Field(ge=2)] = 5,
    shots: Annotated[Sequence[Count], Field(min_length=1)] = (1, 5),
    queries: Count = 15,
    episodes: Annotated[int, Field(ge=2)] = 600,
    classifiers: Annotated[Sequence[Classifier], Field(min_length=1)] = ("svm", "centroid", "nn"),
    svm_c: Annotated[float, Field(gt=0)] = 1.0,
    support: Literal["test", "train"] = "test",
) -> Outcome:
    """Mean accuracy of small classifiers over episodes of a few classes with a few clips each.

    Features are L2-normalised. The episodes depend on the seed and the clips alone: they are the
    same for every encoder, the first are the same however many there are, and the clips of 1 shot
    are among those of 5, with the same queries.

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: plays a part only where `support` is train; unlabelled clips are dropped.
        test: where queries come from; unlabelled clips are dropped.
        seed: of the episodes.
        device: where features are computed.
        cache: folder for the features.
        classes: numbers, from 0, of the classes that episodes draw from; all: those that the test
            split has; ntu120-survey: the 23 of NTU-120 that the survey lists.
        ways: classes of an episode (survey: 5).
        shots: clips a class to learn from (survey: 1 and 5).
        queries: clips a class to judge by, in each episode (survey: not stated).
        episodes: how many (survey: not stated).
        classifiers: svm: a linear support vector machine, one against one. centroid: the class
            whose mean is nearest by cosine. nn: the class of the clip nearest by cosine.
        svm_c: the SVM's C (survey: not stated).
        support: the split that clips to learn from are taken from; test: the queries' own.

    Returns:
        For all shots and classifiers `accuracy.5way1shot.svm.none`, the mean over episodes, and
        `ci95.5way1shot.svm.none`, half the width of its 95 % interval, `1.96 s / sqrt(episodes)`
        with the deviation `s` of an episode's accuracy. No scores.

    Raises:
        InputError: too few classes or clips, a class that the split lacks, an option out of range.

    Source: survey of Zhang et al. 2024 (PCM3++), "Unsupervised Few-shot Learning": SVM on frozen
    features, 5 classes with 1 and 5 clips. Differs: normalised features, since the kernel is not
    stated there; centroid and nn are ours.
    """
    given = {
        "classes": classes, "ways": ways, "shots": shots, "queries": queries, "episodes": episodes,
        "classifiers": classifiers, "svm_c": svm_c, "support": support,
    }  # fmt: skip
    checked = arguments(run, given, section="eval", source="", skip=SKIP)
    shots, classifiers = (_once(key, checked[key]) for key in ("shots", "classifiers"))
    known = set(train.label[train.label >= 0].tolist())
    test = features.labelled(test, "test")
    train = features.labelled(train, "training") if support == "train" else test
    chosen = _classes(checked["classes"], ways, test)
    pools = _pools(test, chosen, "test", queries + (0 if support == "train" else max(shots)))
    others = _pools(train, chosen, "training", max(shots)) if support == "train" else None

    x = _unit(features.extract(encoder, test, device=device, cache=cache))
    y = x if others is None else _unit(features.extract(encoder, train, device=device, cache=cache))
    fits: dict[str, Fit] = {"svm": partial(_svm, c=svm_c), "centroid": _centroid, "nn": _nearest}
    hits: dict[str, list[float]] = {f"{k}shot.{name}": [] for k in shots for name in classifiers}
    for episode in draw_episodes(pools, others, ways, max(shots), queries, episodes, seed):
        asked = x[episode.queries.ravel()]  # (ways * queries, D)
        for k in shots:
            learnt = y[episode.support[:, :k]]  # (ways, k, D)
            for name in classifiers:
                found = fits[name](learnt, asked).reshape(ways, queries)
                hits[f"{k}shot.{name}"].append(float(np.mean(found == np.arange(ways)[:, None])))

    values: dict[str, float] = {}
    for condition, each in hits.items():
        values[f"accuracy.{ways}way{condition}.none"] = float(np.mean(each))
        values[f"ci95.{ways}way{condition}.none"] = interval(each)
    told = {"svm": f"svm = linear, C {svm_c:g}, one against one", **TOLD}
    return Outcome(
        values,
        None,
        test.label.astype(np.int64),
        f"mean accuracy over {episodes} episodes of {ways} classes with {queries} queries a class, "
        f"seed {seed}, from {len(chosen)} classes, of which the training split has "
        f"{len(known & set(chosen))}; ci95 = half the width of the 95 % interval of the mean; "
        f"support from the {'training' if support == 'train' else 'test'} split, queries from the "
        "test split; frozen L2-normalised features of whole clips, no augmentation; "
        f"{', '.join(told[name] for name in classifiers)}",
    )


def draw_episodes(
    pools: Sequence[np.ndarray],
    others: Sequence[np.ndarray] | None,
    ways: int,
    shots: int,
    queries: int,
    count: int,
    seed: int,
) -> Iterator[Episode]:
    """Draws episodes, each from a generator of its own; no clip stands twice in one.

    Args:
        pools: for each class the clips that queries are taken from.
        others: for each class the clips that the support is taken from; None: from `pools`.
        ways: classes of an episode.
        shots: clips of the support, a class.
        queries: queries of a class.
        count: episodes.
        seed: of all draws.
    """
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        support, asked = [], []
        for label in rng.choice(len(pools), ways, replace=False):
            own = rng.permutation(pools[label])
            rest = own[queries:] if others is None else rng.permutation(others[label])
            asked.append(own[:queries])
            support.append(rest[:shots])
        yield Episode(np.stack(support), np.stack(asked))


def interval(accuracies: Sequence[float]) -> float:
    """Half the width of the normal 95 % interval of the mean of at least two numbers."""
    return 1.96 * float(np.std(accuracies, ddof=1)) / math.sqrt(len(accuracies))


def _svm(learnt: np.ndarray, asked: np.ndarray, c: float) -> np.ndarray:
    ways, k, D = learnt.shape
    machine = SVC(kernel="linear", C=c).fit(learnt.reshape(-1, D), np.repeat(np.arange(ways), k))
    found: np.ndarray = machine.predict(asked)
    return found


def _centroid(learnt: np.ndarray, asked: np.ndarray) -> np.ndarray:
    centres = learnt.mean(axis=1)
    lengths = np.linalg.norm(centres, axis=1, keepdims=True)
    found: np.ndarray = (asked @ (centres / np.maximum(lengths, 1e-12)).T).argmax(axis=1)
    return found


def _nearest(learnt: np.ndarray, asked: np.ndarray) -> np.ndarray:
    _, k, D = learnt.shape
    found: np.ndarray = (asked @ learnt.reshape(-1, D).T).argmax(axis=1) // k
    return found


def _unit(x: Tensor) -> np.ndarray:
    unit: np.ndarray = F.normalize(x.double(), dim=1).numpy()
    return unit


def _once(key: str, values: Sequence[Any]) -> tuple[Any, ...]:
    for value in values:
        if list(values).count(value) > 1:
            raise InputError(f"eval.{key}: {value!r} stands twice; name each once")
    return tuple(values)


def _classes(wanted: Sequence[int] | str, ways: int, test: ClipSet) -> list[int]:
    """The classes that episodes draw from, ascending."""
    present = np.unique(test.label).tolist()
    if wanted == "all":
        chosen = present
    else:
        named = CLASSES[wanted] if isinstance(wanted, str) else wanted
        chosen = sorted(_once("classes", named))
    for label in chosen:
        if label not in present:
            raise InputError(
                f"eval.classes: the test split of {test} has no clips of class "
                f"{_called(test, label)}; it has {_listed(present)}: name classes of these, or "
                "another split"
            )
    if len(chosen) < ways:
        raise InputError(
            f"eval.ways: {ways} classes an episode, but there are {len(chosen)} to draw from "
            f"({_listed(chosen)}): lower eval.ways, or name more classes in eval.classes"
        )
    return chosen


def _pools(clips: ClipSet, chosen: Sequence[int], split: str, least: int) -> list[np.ndarray]:
    """The clips of each class; refuses a class that has fewer than an episode takes."""
    pools = [np.flatnonzero(clips.label == label) for label in chosen]
    for label, pool in zip(chosen, pools, strict=True):
        if len(pool) < least:
            raise InputError(
                f"{clips}: class {_called(clips, label)} has {len(pool)} clips in the {split} "
                f"split, an episode takes {least}: lower eval.queries or eval.shots, or leave the "
                "class out of eval.classes"
            )
    return pools


def _called(clips: ClipSet, label: int) -> str:
    known = label < len(clips.class_names)
    return f"{label} ({clips.class_names[label]})" if known else str(label)


def _listed(labels: Sequence[int]) -> str:
    return ", ".join(map(str, labels)) if labels else "none"

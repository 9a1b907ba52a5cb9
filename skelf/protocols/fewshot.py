"""Few-shot recognition: small classifiers on frozen features, of classes never seen in pretraining.

Paper: the survey of Zhang et al., 2024 (PCM3++); no code was released (sources E12).

An episode takes a few classes at random, a few clips of each to learn from (support) and others to
judge by (queries); the figure is the mean over many episodes. The encoder does not know the classes
only if pretraining left them out: `skelf data split --by label` parts a store that way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.svm import SVC
from torch import Tensor

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..errors import InputError
from ..machine.guest import no_trace
from ..settings.options import option, options
from ..settings.ranges import Count, NotEmpty, Range
from . import features
from .fitting import labelled
from .outcome import Outcome

Label = Annotated[int, Range(ge=0)]
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


@options("eval")
class FewShot:
    """What an episode holds and which classifiers learn from it.

    svm: a linear support vector machine, one against one. centroid: the class whose mean is nearest
    by cosine. nn: the class of the clip nearest by cosine. The survey states neither queries,
    episodes nor the SVM's C.
    """

    classes: tuple[Label, ...] | Literal["all", "ntu120-survey"] = option(
        "all", "numbers from 0 of classes to draw from; all: the test split's; or the survey's 23"
    )
    ways: int = option(5, "classes of an episode (survey: 5)", ge=2)
    shots: Annotated[tuple[Count, ...], NotEmpty()] = option(
        (1, 5), "clips a class to learn from (survey: 1 and 5)"
    )
    queries: int = option(15, "clips a class to judge by, in each episode", ge=1)
    episodes: int = option(600, "how many are drawn", ge=2)
    classifiers: Annotated[tuple[Classifier, ...], NotEmpty()] = option(
        ("svm", "centroid", "nn"), "which learn from each episode"
    )
    svm_c: float = option(1.0, "the SVM's C", gt=0)
    support: Literal["test", "train"] = option(
        "test", "the split that clips to learn from are taken from; test: the queries' own"
    )

    def check(self) -> None:
        """Refuses what stands twice."""
        for key in ("shots", "classifiers", "classes"):
            values = getattr(self, key)
            for value in values if isinstance(values, tuple) else ():
                if values.count(value) > 1:
                    raise ValueError(f"{key}: {value!r} stands twice; name each once")


@no_trace()  # scikit-learn's SVM draws from numpy's generator
def fewshot(
    encoder: Encoder,
    train: ClipSet,
    test: ClipSet,
    how: FewShot = FewShot(),
    *,
    seed: int = 0,
    device: str | torch.device = "cpu",
    cache: Path | None = None,
) -> Outcome:
    """Mean accuracy of small classifiers over episodes of a few classes with a few clips each.

    Features are L2-normalised. The episodes depend on the seed and the clips alone: they are the
    same for every encoder, the first are the same however many there are, and the clips of 1 shot
    are among those of 5, with the same queries.

    Args:
        encoder: the frozen encoder; comes back bit-equal.
        train: plays a part only where `how.support` is train; unlabelled clips are dropped.
        test: where queries come from; unlabelled clips are dropped.
        how: the options.
        seed: of the episodes.
        device: where features are computed.
        cache: folder for the features.

    Returns:
        For all shots and classifiers `accuracy.5way1shot.svm.none`, the mean over episodes, and
        `ci95.5way1shot.svm.none`, half the width of its 95 % interval, `1.96 s / sqrt(episodes)`
        with the deviation `s` of an episode's accuracy. No scores.

    Raises:
        InputError: too few classes or clips, or a class that the split lacks.

    Source: survey of Zhang et al. 2024 (PCM3++), "Unsupervised Few-shot Learning": SVM on frozen
    features, 5 classes with 1 and 5 clips. Differs: normalised features, since the kernel is not
    stated there; centroid and nn are ours.
    """
    trained_on = set(train.label[train.label >= 0].tolist())
    test = labelled(test, "test")
    same = how.support == "test"
    train = test if same else labelled(train, "training")
    chosen, most = _classes(how, test), max(how.shots)
    pools = _pools(test, chosen, "test", how.queries + (most if same else 0))
    others = None if same else _pools(train, chosen, "training", most)

    x = _unit(features.extract(encoder, test, device=device, cache=cache))
    y = x if same else _unit(features.extract(encoder, train, device=device, cache=cache))
    episodes = draw_episodes(pools, others, how.ways, most, how.queries, how.episodes, seed)
    values: dict[str, float] = {}
    for condition, accuracies in _accuracies(episodes, x, y, how).items():
        values[f"accuracy.{how.ways}way{condition}.none"] = float(np.mean(accuracies))
        values[f"ci95.{how.ways}way{condition}.none"] = interval(accuracies)
    classifiers = {"svm": f"svm = linear, C {how.svm_c:g}, one against one", **TOLD}
    return Outcome(
        values,
        None,
        test.label.astype(np.int64),
        f"mean accuracy over {how.episodes} episodes of {how.ways} classes with {how.queries} "
        f"queries a class, seed {seed}, from {len(chosen)} classes, of which the training split "
        f"has {len(trained_on & set(chosen))}; ci95 = half the width of the 95 % interval of the "
        f"mean; support from the {'test' if same else 'training'} split, queries from the "
        "test split; frozen L2-normalised features of whole clips, no augmentation; "
        f"{', '.join(classifiers[name] for name in how.classifiers)}",
    )


def _accuracies(
    episodes: Iterable[Episode], x: np.ndarray, y: np.ndarray, how: FewShot
) -> dict[str, list[float]]:
    """Shots and classifier -> the accuracy in each episode.

    Args:
        episodes: their clips.
        x: `(N, D)` features that queries are rows of.
        y: features that the support is rows of.
        how: the options.
    """
    fits: dict[str, Fit] = {
        "svm": partial(_svm, c=how.svm_c),
        "centroid": _centroid,
        "nn": _nearest,
    }
    accuracies: dict[str, list[float]] = {
        f"{k}shot.{name}": [] for k in how.shots for name in how.classifiers
    }
    truth = np.arange(how.ways)[:, None]
    for episode in episodes:
        asked = x[episode.queries.ravel()]  # (ways * queries, D)
        for k in how.shots:
            learnt = y[episode.support[:, :k]]  # (ways, k, D)
            for name in how.classifiers:
                answers = fits[name](learnt, asked).reshape(how.ways, how.queries)
                accuracies[f"{k}shot.{name}"].append(float(np.mean(answers == truth)))
    return accuracies


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
            clips = rng.permutation(pools[label])
            rest = clips[queries:] if others is None else rng.permutation(others[label])
            asked.append(clips[:queries])
            support.append(rest[:shots])
        yield Episode(np.stack(support), np.stack(asked))


def interval(accuracies: Sequence[float]) -> float:
    """Half the width of the normal 95 % interval of the mean of at least two numbers."""
    return 1.96 * float(np.std(accuracies, ddof=1)) / math.sqrt(len(accuracies))


def _svm(learnt: np.ndarray, asked: np.ndarray, c: float) -> np.ndarray:
    ways, k, D = learnt.shape
    machine = SVC(kernel="linear", C=c).fit(learnt.reshape(-1, D), np.repeat(np.arange(ways), k))
    answers: np.ndarray = machine.predict(asked)
    return answers


def _centroid(learnt: np.ndarray, asked: np.ndarray) -> np.ndarray:
    centres = learnt.mean(axis=1)
    lengths = np.linalg.norm(centres, axis=1, keepdims=True)
    answers: np.ndarray = (asked @ (centres / np.maximum(lengths, 1e-12)).T).argmax(axis=1)
    return answers


def _nearest(learnt: np.ndarray, asked: np.ndarray) -> np.ndarray:
    _, k, D = learnt.shape
    answers: np.ndarray = (asked @ learnt.reshape(-1, D).T).argmax(axis=1) // k
    return answers


def _unit(x: Tensor) -> np.ndarray:
    unit: np.ndarray = F.normalize(x.double(), dim=1).numpy()
    return unit


def _classes(how: FewShot, test: ClipSet) -> list[int]:
    """The classes that episodes draw from, ascending."""
    present: list[int] = np.unique(test.label).tolist()
    if how.classes == "all":
        chosen = present
    else:
        chosen = sorted(CLASSES[how.classes] if isinstance(how.classes, str) else how.classes)
    for label in chosen:
        if label not in present:
            raise InputError(
                f"eval.classes: the test split of {test} has no clips of class "
                f"{_called(test, label)}; it has {_listed(present)}: name classes of these, or "
                "another split"
            )
    if len(chosen) < how.ways:
        raise InputError(
            f"eval.ways: {how.ways} classes an episode, but there are {len(chosen)} to draw from "
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
    named = label < len(clips.class_names)
    return f"{label} ({clips.class_names[label]})" if named else str(label)


def _listed(labels: Sequence[int]) -> str:
    return ", ".join(map(str, labels)) if labels else "none"

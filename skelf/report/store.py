"""The store that a report shows beside runs and results, and what guessing gives on it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from ..errors import InputError
from ..metrics.chance import chance
from .evidence import Place


class Store(NamedTuple):
    """The labelled clips of a store's split.

    Args:
        place: data and split, as rows of results name them.
        path: the store's file; None where the clips were never saved.
        train: the train side.
        test: the test side.
    """

    place: Place
    path: Path | None
    train: ClipSet
    test: ClipSet

    def class_names(self) -> list[str]:
        """A name for each class that a clip has."""
        return class_names(self.train, self.test)

    def facts(self) -> dict[str, str]:
        """How much there is, for people."""
        lengths = np.concatenate([self.train.length, self.test.length])
        rates = np.unique(np.concatenate([self.train.fps, self.test.fps]))
        at = f" at {rates[0]:g}/s" if len(rates) == 1 and rates[0] > 0 else ""
        return {
            "Clips": f"{len(self.train):,} train, {len(self.test):,} test",
            "Classes": str(len(self.class_names())),
            "Frames a clip": f"{lengths.min():,} to {lengths.max():,}{at}",
        }

    def chance(self, place: Place, protocol: str, metric: str) -> float | None:
        """What guessing gives; None where that is unknown."""
        if place != self.place:
            return None
        if (protocol, metric) == ("quality", "auroc"):
            return 0.5
        guessed = chance(self.train.label, self.test.label, len(self.class_names()))
        if metric == "top1" or (protocol, metric) == ("early", "auc"):
            return guessed["top1"]
        ranking = protocol == "retrieval" and metric in ("precision@1", "map")
        return guessed[metric] if ranking else None


def open_store(data: str | Path | ClipSet, split: str) -> Store:
    """The labelled clips on both sides of a split.

    Raises:
        InputError: no such store or split, or a side without labels.
    """
    clips = data if isinstance(data, ClipSet) else ClipSet.open(data)
    train, test = (_labelled(side, split) for side in clips.split(split))
    name = clips.path.stem if clips.path else str(clips)
    return Store((name, split), clips.path, train, test)


def class_names(*sides: ClipSet) -> list[str]:
    """The names of the classes, and numbers for those that have none."""
    names = list(sides[0].class_names)
    number = max(len(names), *(int(clips.label.max()) + 1 for clips in sides))
    return [*names, *(f"class {k}" for k in range(len(names), number))]


def _labelled(clips: ClipSet, split: str) -> ClipSet:
    labelled = np.flatnonzero(clips.label >= 0)
    if not len(labelled):
        raise InputError(f"{clips}: --split {split}: no labelled clip on one of its sides")
    return clips if len(labelled) == len(clips) else clips.take(labelled)

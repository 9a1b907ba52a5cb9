"""Classes that a judge is asked for and never learnt: their numbers are 0 whatever the encoder."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np

from ..data.clips import ClipSet

NAMED = 5  # classes that a note names

FREE = ("fewshot", "quality")
"""Protocols that learn their classes from support clips, wherever those come from, or leave out a
class that training lacks."""

SEGMENTED = ("detection", "segmentation")
"""Protocols whose classes are those of segments."""


def warn_of_unseen(protocols: Iterable[str], train: ClipSet, test: ClipSet) -> None:
    """Warns of classes of the test side that nothing on the training side has, a warning a kind.

    Args:
        protocols: that will be run.
        train: what they learn from.
        test: what they are judged on.
    """
    asked = [name for name in protocols if name not in FREE]
    if any(name not in SEGMENTED for name in asked):
        _warn("clip", train.label, test.label, test.class_names)
    if any(name in SEGMENTED for name in asked):
        _warn("segment", train.segments[:, 3], test.segments[:, 3], test.class_names)


def _warn(what: str, learnt: np.ndarray, judged: np.ndarray, names: tuple[str, ...]) -> None:
    judged = judged[judged >= 0]
    classes, counts = np.unique(judged[~np.isin(judged, learnt)], return_counts=True)
    if not len(classes) or not (learnt >= 0).any():  # without any label a protocol refuses
        return
    titles = [names[label] if label < len(names) else f"class {label}" for label in classes]
    listed = ", ".join(titles[:NAMED]) + (", ..." if len(titles) > NAMED else "")
    several = len(classes) > 1
    warnings.warn(
        f"no training {what} has the class{'es' * several} {listed} ({len(classes)} of "
        f"{len(np.unique(judged))} classes, {counts.sum()} of {len(judged)} test {what}s): "
        f"{'they' if several else 'it'} cannot be recognised and lower{'' if several else 's'} "
        "every number; a split should have every class on both sides",
        stacklevel=3,
    )

"""A development split of the training side of a split: by subject, the test side out of reach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...data.clips import ClipSet
from ...errors import InputError
from ..suite import Place

NAME = "develop"
"""What the split of the training side is called."""


def training_side(clips: ClipSet, place: Place) -> ClipSet:
    """The clips that a search may read, with no split of their own; of no split all.

    Raises:
        InputError: no such split, or a clip of it whose frames a test clip shares.
    """
    if not place.split:
        return replace(clips, splits={})
    train, test = clips.split(place.split)
    _assert_apart(train, test, place)
    return replace(train, splits={})


def development(train: ClipSet, share: float, where: str) -> ClipSet:
    """The same clips with the split `NAME`: subjects to learn from, and subjects to choose by.

    Every few subjects, in their order, one is held out: of 0, 2, 4, 6, 8 and a third 2 and 6. Clips
    of nobody known are on neither side.

    Args:
        train: the training side.
        share: of its subjects that are held out, at least one, and never all.
        where: what messages call it.

    Raises:
        InputError: fewer than two subjects.

    Examples:
        >>> from skelf.data.synthetic.clips import generate
        >>> made = development(generate(clips=24), 0.34, "made up")
        >>> learn, choose = made.split(NAME)
        >>> bool(set(learn.subject.tolist()) & set(choose.subject.tolist()))
        False
    """
    subjects = np.unique(train.subject[train.subject >= 0])
    if len(subjects) < 2:
        raise InputError(
            f"{where}: a search needs two subjects or more on the training side, there are "
            f"{len(subjects)}: import the clips with their subjects, or take another split"
        )
    count = min(max(round(share * len(subjects)), 1), len(subjects) - 1)
    chosen = ((np.arange(count) + 0.5) * len(subjects) / count).astype(np.int64)
    held = np.isin(train.subject, subjects[chosen])
    sides = np.where(train.subject < 0, 0, np.where(held, 2, 1))
    return replace(train, splits={}).with_split(NAME, sides)


def _assert_apart(train: ClipSet, test: ClipSet, place: Place) -> None:
    """No frame of a test clip is a frame of a training clip: the trials hold the latter alone."""
    spans = sorted(
        (int(start), int(start + length), side)
        for side, clips in enumerate((train, test))
        for start, length in zip(clips.start, clips.length, strict=True)
    )
    end = [0, 0]
    for begin, last, side in spans:
        if begin < end[1 - side]:
            raise InputError(f"{place}: a test clip shares frames with a training clip; mend it")
        end[side] = max(end[side], last)

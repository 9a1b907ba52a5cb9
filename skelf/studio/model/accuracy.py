"""How right the model is in recordings that it did not learn from, honestly small at the start."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...inference.parts import parts_of
from ...metrics.clustered import wilson_of_groups
from .answers import Expected
from .head import head_of
from .lessons import Lessons, lessons
from .table import Table

if TYPE_CHECKING:
    from ..labels.segment import Segment

FOLDS = 5
LEAST_RECORDINGS, LEAST_LABELS = 3, 10


def expected(
    table: Table, segments: Sequence[Segment], *, finished: Collection[str] = ()
) -> Expected:
    """How right the model is in recordings that it did not learn from.

    Recordings with labels are held out in turn, in up to five parts. The mean is over labels, of
    the share of a label's frames that are right; a class that only the held-out recordings have
    is wrong, as it would be in use. The interval is between recordings: it says what other
    recordings of these people would give, and nothing of what nobody labelled.

    Args:
        table: the features.
        segments: all labels.
        finished: recordings that are labelled as a whole.
    """
    found = lessons(table, segments, finished)
    groups = np.unique(found.recording) if found is not None else np.zeros(0)
    labels = sum(s.kind == "is" and s.recording in table.numbers for s in segments)
    lacking = []
    if len(groups) < LEAST_RECORDINGS:
        lacking.append(f"labels in {LEAST_RECORDINGS} recordings (there are {len(groups)})")
    if labels < LEAST_LABELS:
        lacking.append(f"{LEAST_LABELS} labels (there are {labels})")
    if found is not None and len(found.class_names) < 2:
        lacking.append("two classes")
    if found is None or lacking:
        needed = ", ".join(lacking) or "labels"
        return Expected(None, None, None, len(groups), f"too few labels to tell; needs {needed}")
    share, group = _held_out(found, found.rows(table))
    value = float(share.mean())
    low, high = wilson_of_groups(share, group)
    text = f"{value:.0%} of frames right in other recordings ({low:.0%} to {high:.0%})"
    return Expected(value, min(low, value), max(high, value), len(groups), text)


def _held_out(found: Lessons, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each label that says what is: the share of its frames that the others' head has right, and
    its recording.
    """
    recordings, group = np.unique(found.recording, return_inverse=True)
    sure = found.allowed.sum(axis=1) == 1
    part = parts_of(
        np.arange(len(recordings)), np.bincount(group, sure), min(FOLDS, len(recordings))
    )[group]
    right = np.zeros(len(x))
    for fold in np.unique(part):
        inside = part == fold
        head = head_of(x[~inside], found.take(~inside))
        best = head.probabilities(x[inside]).argmax(axis=1)
        right[inside] = found.allowed[inside, best]
    _, first, at = np.unique(found.label[sure], return_index=True, return_inverse=True)
    share = np.bincount(at, right[sure]) / np.bincount(at)
    return share, group[sure][first]

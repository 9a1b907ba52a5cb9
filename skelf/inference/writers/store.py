"""Clips with the labels, recordings with the segments that a model gave them, as a store."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...data.clips import ClipSet
from ...data.join import joined
from ..result import Add, Result

PREDICTED = "predicted"
"""The attribute of such a store: its labels or segments are a model's, not people's."""


@contextmanager
def write_store(path: Path, kind: str) -> Iterator[Add]:
    """All files as one set, as they were read; its labels and segments are the model's alone.

    A clip of which the model is not sure has no label. Of several persons the surest counts.

    Args:
        path: the file.
        kind: classifier or detector.

    Raises:
        InputError: files of different layouts, which no store holds together.
        OSError: it cannot be written.
    """
    sets: list[ClipSet] = []

    def add(result: Result) -> None:
        if result.clips is not None:
            sets.append(labelled(result, kind))

    yield add
    if len(sets) > 1:
        with warnings.catch_warnings():  # whose subjects are whose matters to who trains
            warnings.simplefilter("ignore", UserWarning)
            sets = [joined(sets, scratch=path.absolute().parent)]
    if sets:
        sets[0].save(path)


def labelled(result: Result, kind: str) -> ClipSet:
    """The clips of a file with what the model says in place of what people said."""
    clips = result.clips
    assert clips is not None
    said = [a.label for a in result.answers] + [s.label for s in result.segments]
    class_names = tuple(dict.fromkeys(sorted(said)))
    number = {name: at for at, name in enumerate(class_names)}
    place: dict[str, int] = {}
    for at, name in enumerate(clips.names):
        place.setdefault(name, at)
    rows = [[place[s.name], s.start_frame, s.end_frame, number[s.label]] for s in result.segments]
    bare = replace(
        clips,
        label=_labels(result, place, number, len(clips)),
        segments=np.array(rows, np.int64).reshape(-1, 4),
        class_names=class_names,
        attributes={**clips.attributes, PREDICTED: "true"},
    )
    return bare


def _labels(
    result: Result, place: Mapping[str, int], number: Mapping[str, int], count: int
) -> np.ndarray:
    labels, best = np.full(count, -1, np.int64), np.zeros(count)
    for answer in result.answers:
        at = place[answer.name]
        if not answer.unknown and answer.probability > best[at]:
            labels[at], best[at] = number[answer.label], answer.probability
    return labels

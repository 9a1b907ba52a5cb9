"""Training recordings held out in turn: what a detector says of people it did not learn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from ..contracts import Encoder
from ..data.clips import ClipSet
from ..metrics.detection import average_precisions, mean_ap
from ..metrics.matching import Detections
from ..protocols._training import mean_and_deviation, seeded, trained_copy
from ..protocols.dense import dense
from ..protocols.detection import Detection, lesson_of, reader_of
from ..protocols.frame_heads import (
    Task,
    learn,
    refuse_memory,
    said,
    said_by_tuned,
    tune,
)
from ..protocols.recordings import Recordings, recordings_of
from ..protocols.rules import Rules
from ..protocols.segmentation import Segmentation
from ..protocols.windows import average, rows
from .fit_over_time import of_others

OVERLAP = 0.5


class HeldOut(NamedTuple):
    """Recordings, each with frame probabilities by a head that did not learn from it.

    Args:
        recordings: with the probabilities as "last".
        fold: `(N,)` in which part each was held out.
    """

    recordings: Recordings
    fold: np.ndarray

    def by(self, rules: Rules) -> Detections:
        """What is found by these rules."""
        return self.recordings._replace(rules=rules).detections()

    def of_folds(self, rules: Rules) -> np.ndarray:
        """mAP of each part that has segments."""
        found, truth = self.by(rules), self.recordings.segments
        values = []
        for fold in np.unique(self.fold):
            inside = self.fold[truth[:, 0]] == fold
            if inside.any():
                own = Detections(*(column[self.fold[found.recording] == fold] for column in found))
                values.append(_map(truth[inside], own))
        return np.array(values)

    def whole(self, rules: Rules) -> float:
        """mAP of all recordings together."""
        return _map(self.recordings.segments, self.by(rules))

    def by_class(self, rules: Rules) -> dict[int, float]:
        """Average precision of each class that there are segments of."""
        truth = self.recordings.segments
        return average_precisions(truth, self.by(rules), OVERLAP, definition="voc", over="action")


def groups_of(recordings: ClipSet) -> tuple[str, np.ndarray]:
    """What must not be on both sides: "subject" where it is known of all, else "recording"."""
    if (recordings.subject >= 0).all() and len(np.unique(recordings.subject)) > 1:
        return "subject", np.unique(recordings.subject, return_inverse=True)[1]
    return "recording", np.arange(len(recordings))


def held_out(
    encoder: Encoder,
    recordings: ClipSet,
    how: Detection | Segmentation,
    part: np.ndarray,
    *,
    seed: int,
    device: str | torch.device,
) -> HeldOut:
    """Frame probabilities of every recording, by heads that learnt from the other parts.

    Args:
        encoder: comes back bit-equal.
        recordings: with segments.
        how: as of the protocol `detection`, or, with a dilated head, `segmentation`.
        part: `(N,)` of `parts_of`.
        seed: of heads and order.
        device: where to compute.
    """
    probabilities = np.zeros((recordings.frames_total, len(recordings.class_names) + 1), np.float32)
    first = np.cumsum(recordings.length) - recordings.length
    given = (part, seed, device)
    with seeded(seed, device):
        if isinstance(how, Segmentation):
            answers = of_others(encoder, recordings, how, *given)
        else:
            answers = (_tuned if how.tune else _frozen)(encoder, recordings, how, *given)
        for judged, p in answers:
            at = 0
            for number in judged:
                count = int(recordings.length[number])
                probabilities[first[number] : first[number] + count] = p[at : at + count]
                at += count
    kept = recordings_of(recordings, recordings, how.rules)
    return HeldOut(kept._replace(probabilities={"last": probabilities}), part)


Judged = tuple[np.ndarray, np.ndarray]
"""Recordings, and the probabilities of their frames."""


def _tuned(
    encoder: Encoder,
    recordings: ClipSet,
    how: Detection,
    part: np.ndarray,
    seed: int,
    device: str | torch.device,
) -> Iterator[Judged]:
    classes = len(recordings.class_names)
    for fold in np.unique(part):
        judged = np.flatnonzero(part == fold)
        train, others = recordings.take(part != fold), recordings.take(judged)
        head, lesson = lesson_of(encoder, train, how, classes, seed=seed, device=device)
        laid = how.laying.laid(others.fps, how.rules.unit)
        task = Task(lesson, reader_of(encoder, others, how.laying, laid, device), laid)
        copy = trained_copy(encoder, device)
        for _ in tune(copy, head, lesson._replace(check_every=how.recipe.epochs)):
            p = said_by_tuned(copy, head, task.judged, task.test_windows())
            yield judged, task.averaged(p)


def _frozen(
    encoder: Encoder,
    recordings: ClipSet,
    how: Detection,
    part: np.ndarray,
    seed: int,
    device: str | torch.device,
) -> Iterator[Judged]:
    """Features are computed once for all parts."""
    classes, length = len(recordings.class_names), recordings.length
    _, lesson = lesson_of(encoder, recordings, how, classes, seed=seed, device=device)
    task = Task(lesson, lesson.reader, lesson.laid)
    windows, others = lesson.windows(), task.test_windows()
    alike = not lesson.reader.centred
    count = int(windows.span.sum()) + (0 if alike else int(others.span.sum()))
    refuse_memory(count, encoder.dim)
    x = dense(encoder, lesson.reader, windows)
    queries = x if alike else dense(encoder, lesson.reader, others)
    labels = lesson.labels(windows)
    owner, asked = (w.recording[rows(w, length)[0]] for w in (windows, others))
    frame = rows(others, length)[2]
    first = np.cumsum(length) - length
    for fold in np.unique(part):
        head, own = lesson_of(encoder, recordings, how, classes, seed=seed, device=device)
        learnt, wanted = (
            torch.from_numpy(np.flatnonzero(mask))
            for mask in (part[owner] != fold, part[asked] == fold)
        )
        known, queried = x[learnt], queries[wanted]
        if how.standardize:
            mean, deviation = mean_and_deviation(known)
            for values in (known, queried):
                values.sub_(mean).div_(deviation)
        own = own._replace(check_every=how.recipe.epochs)
        for _ in learn(head, known, labels[learnt], own):
            p = said(head, queried, lesson.weight.device)
        judged = np.flatnonzero(part == fold)
        packed = np.cumsum(length[judged]) - length[judged]
        moved = np.zeros(len(length), np.int64)
        moved[judged] = packed - first[judged]
        place = torch.from_numpy(frame[wanted.numpy()] + moved[asked[wanted.numpy()]])
        yield judged, average(p, place, int(length[judged].sum())).numpy()


def _map(truth: np.ndarray, found: Detections) -> float:
    return mean_ap(truth, found, OVERLAP, definition="voc", over="action")

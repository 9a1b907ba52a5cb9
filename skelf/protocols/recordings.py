"""Frame probabilities of untrimmed recordings: what is found in them, and how good it is.

What a head says of every frame is kept, so that the probabilities of several streams can be
averaged and judged again in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..data.clips import ClipSet
from ..metrics.detection import mean_ap, mean_aps
from ..metrics.matching import Detections
from ..metrics.ranking import Definition, Over
from ..metrics.segmentation import edit_score, f1_at, frame_accuracy
from .intervals import kept, propose, smoothed
from .rules import Counts, Rules, short_action
from .windows import frame_labels

_OVERLAPS = {"f1@10": 0.10, "f1@25": 0.25, "f1@50": 0.50}
_LETTER: dict[Over, str] = {"action": "a", "video": "v"}

CHOSEN_BY = "map_a_voc@0.5"
"""The first number of all, and the one by which a check is the best."""


class Recordings(NamedTuple):
    """Frame probabilities of `N` recordings, their frames one after the other.

    Args:
        frames: `(N,)` int64, frames of each.
        probabilities: selection (`last` first) -> `(F, K + 1)` float32, column 0 the background.
        segments: `(G, 4)` int64, the truth: recording, start, end (exclusive), label.
        rules: how they are judged.
        fps: `(N,)` float, frames a second of each.
        short_action: seconds of a short training action, which some rules follow.
    """

    frames: np.ndarray
    probabilities: Mapping[str, np.ndarray]
    segments: np.ndarray
    rules: Rules
    fps: np.ndarray
    short_action: float

    @property
    def counts(self) -> list[Counts]:
        """The rules' times as frames of each recording."""
        return [self.rules.counts(float(fps), self.short_action) for fps in self.fps]

    def detections(self, selection: str = "last") -> Detections:
        """What is found in them by one selection's probabilities."""
        return find(self.probabilities[selection], self.frames, self.rules, self.counts)

    def judge(self, selection: str) -> dict[str, float]:
        """All numbers of one selection; the names carry the definitions, see `docs/detection.md`.

        Returns:
            `map_a_voc@0.5`, `map_a_pku@0.5`, ... -> value in [0, 1], at overlap 0.5 first; then
            frame accuracy, edit score and segmental F1 without the background.
        """
        detections = self.detections(selection)
        order = [0.5, *sorted({*self.rules.tious} - {0.5})]
        definitions: list[Definition] = ["voc", "pku"]
        numbers: dict[str, int] = {}
        if self.rules.pku_official:
            definitions.append("pku_official")
            classes = self.probabilities[selection].shape[1] - 1
            numbers = {"classes": classes, "recordings": len(self.frames)}
        means = mean_aps(self.segments, detections, order, **numbers)
        values = {
            f"map_{_LETTER[over]}_{definition}@{tiou:g}": means[over, definition][place]
            for place, tiou in enumerate(order)
            for over in _LETTER
            for definition in definitions
        }
        ends = np.cumsum(self.frames)[:-1]
        truth = np.split(frame_labels(self.frames, self.segments), ends)
        parts = np.split(self.probabilities[selection], ends)
        guess = [
            smoothed(p, self.rules, counts.radius)[: len(p)].argmax(axis=1)
            for p, counts in zip(parts, self.counts, strict=True)
        ]
        values["frame_accuracy"] = frame_accuracy(truth, guess)
        values["edit"] = edit_score(truth, guess, background=0)
        f1 = f1_at(truth, guess, tuple(_OVERLAPS.values()), background=0)
        return values | {key: float(f) for key, f in zip(_OVERLAPS, f1, strict=True)}

    def values(self) -> dict[str, float]:
        """`judge` of every selection: `metric.selection` -> value."""
        judged: dict[int, dict[str, float]] = {}
        values: dict[str, float] = {}
        for selection, p in self.probabilities.items():
            # Often the last check is the best, and its numbers are the same.
            numbers = judged[id(p)] = judged.get(id(p)) or self.judge(selection)
            values |= {f"{metric}.{selection}": value for metric, value in numbers.items()}
        return values

    def describe(self) -> str:
        """The rules in numbers, and what the means are over, for a result's definition."""
        rates = np.unique(np.round(self.fps, 3))
        rate = f"{rates[0]:g}" if len(rates) == 1 else f"{rates[0]:g} to {rates[-1]:g}"
        text = f"recordings of {rate} frames a second; {self.rules.describe(self.short_action)}"
        if self.rules.unit == "seconds":
            text += f" (a tenth of the training actions are shorter than {self.short_action:.3g} s)"
        classes = next(iter(self.probabilities.values())).shape[1] - 1
        present = (len(np.unique(self.segments[:, column])) for column in (3, 0))
        shares = ((classes, "classes"), (len(self.frames), "recordings"))
        over = " and ".join(
            f"{count} of {total} {what}"
            for count, (total, what) in zip(present, shares, strict=True)
        )
        return f"{text}; map_a and map_v are over those that the test segments hold, {over}"

    def headline(self, selection: str) -> float:
        """`CHOSEN_BY` of one selection."""
        detections = self.detections(selection)
        return mean_ap(self.segments, detections, 0.5, definition="voc", over="action")


def untrimmed(clips: ClipSet) -> np.ndarray:
    """`(N,)` bool: which clips of a set are recordings, with segments or without a label of all.

    A clip that was cut has no segments, and would be nothing but background.
    """
    is_recording = clips.label < 0
    is_recording[clips.segments[:, 0]] = True
    return is_recording


def recordings_of(train: ClipSet, test: ClipSet, rules: Rules) -> Recordings:
    """The test recordings without probabilities yet.

    Args:
        train: the training recordings, with segments.
        test: the test recordings, with segments.
        rules: how they will be judged.
    """
    rates = np.asarray(train.fps, np.float64)
    # Where frames are counted, no rule follows seconds, and rates need not be known.
    short = short_action(train.segments, rates) if (rates > 0).all() else 0.0
    return Recordings(test.length, {}, test.segments, rules, np.asarray(test.fps), short)


def find(
    probabilities: np.ndarray, frames: np.ndarray, rules: Rules, counts: Sequence[Counts]
) -> Detections:
    """Detections in recordings, recording by recording.

    Args:
        probabilities: `(F, K + 1)`, column 0 the background.
        frames: `(N,)` frames of each recording, `F` in all.
        rules: how.
        counts: the rules' times as frames of each recording.

    Returns:
        labels are classes in `0..K-1`; no detection ends behind its recording.
    """
    by_recording: list[Detections] = []
    parts = np.split(probabilities, np.cumsum(frames)[:-1])
    for number, (p, count) in enumerate(zip(parts, counts, strict=True)):
        intervals = propose(smoothed(p, rules, count.radius), rules, count)
        start, end, label, score = kept(intervals, rules, count, len(p))
        by_recording.append(Detections(np.full(len(start), number), start, end, label, score))
    return Detections(*(np.concatenate(column) for column in zip(*by_recording, strict=True)))


def fused(inputs: Sequence[Recordings], weights: Sequence[float]) -> Recordings:
    """The weighted mean of the frame probabilities of several streams, for shared selections.

    Args:
        inputs: of the same recordings, judged by the same rules.
        weights: one for each, at least 0, one above 0.
    """
    first, total = inputs[0], float(np.sum(weights))
    shared = [s for s in first.probabilities if all(s in stream.probabilities for stream in inputs)]
    mixed = {}
    for selection in shared:
        parts = [
            weight / total * np.asarray(stream.probabilities[selection], np.float64)
            for stream, weight in zip(inputs, weights, strict=True)
        ]
        mixed[selection] = np.sum(parts, axis=0)
    return first._replace(probabilities=mixed)

"""Frame probabilities of untrimmed recordings: what is found in them, and how good it is.

What a head says of every frame is kept, so that the probabilities of several streams can be
averaged and judged again in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np

from ..data.clips import ClipSet
from ..metrics.detection import Definition, Over, mean_ap, mean_aps
from ..metrics.matching import Detections
from ..metrics.segmentation import edit_score, f1_at, frame_accuracy
from ..settings.options import option, options
from ..settings.ranges import PositiveShare, Share
from .proposals import RULES, Proposals, smooth, suppress
from .windows import frame_labels

Proposing = Literal["background", "class", "growing"]
Smoothing = Literal["centred", "official"]

_RULES = {"background": "background_runs", "class": "class_runs", "growing": "argmax_growing"}
_OVERLAPS = {"f1@10": 0.10, "f1@25": 0.25, "f1@50": 0.50}
_LETTER: dict[Over, str] = {"action": "a", "video": "v"}

CHOSEN_BY = "map_a_voc@0.5"
"""The first number of all, and the one by which a check is the best."""


@options("eval")
class Rules:
    """How frame probabilities become detections, and what these are judged by.

    "growing": intervals of the likeliest class that grow over short breaks (HiCLR and PCM3,
    earlier). "background": wherever it is not background one interval, of the likeliest class
    (HiCLR and PCM3, later); actions without a long pause between them become one. "class": for each
    class wherever it is above a low threshold (USDRL); only this rule makes any that overlap, of
    which `nms` drops some. The functions stand in `proposals`.
    """

    smoothing: int = option(
        10, "frames on either side that a frame's probabilities are averaged with; 0: none", ge=0
    )
    smoothing_form: Smoothing = option(
        "centred", "official: the released mean over padded recordings"
    )
    proposals: Proposing = option("growing", "the rule: growing, background or class")
    threshold: Share | None = option(
        None, "of the rule; none: 0.4 for background, 0.02 for class, growing's hit rate 0.1"
    )
    nms: float = option(
        0.0, "of two detections that overlap by more the weaker goes; 0: none does", ge=0, le=1
    )
    tious: tuple[PositiveShare, ...] = option(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        "overlaps in time that count as found; 0.5 is always among them",
    )

    def describe(self) -> str:
        """One line for a result's definition."""
        smoothed = f"smoothed over {self.smoothing} frames on either side"
        smoothed += " (as released)" if self.smoothing_form == "official" else ""
        rule = {
            "background": "runs of frames that are not background",
            "class": "for each class the runs of frames where it is likely",
            "growing": "intervals grown from the likeliest class",
        }[self.proposals]
        threshold = "its default threshold" if self.threshold is None else f"{self.threshold:g}"
        dropped = f"weaker ones of any class overlapping by more than {self.nms:g} dropped"
        return (
            f"frame probabilities {smoothed if self.smoothing else 'as they are'}; {rule} "
            f"({self.proposals}, {threshold}){f'; {dropped}' if self.nms else ''}"
        )


class Recordings(NamedTuple):
    """Frame probabilities of `N` recordings, their frames one after the other.

    Args:
        frames: `(N,)` int64, frames of each.
        probabilities: selection (`last` first) -> `(F, K + 1)` float32, column 0 the background.
        segments: `(G, 4)` int64, the truth: recording, start, end (exclusive), label.
        rules: how they are judged.
    """

    frames: np.ndarray
    probabilities: Mapping[str, np.ndarray]
    segments: np.ndarray
    rules: Rules

    def detections(self, selection: str = "last") -> Detections:
        """What is found in them by one selection's probabilities."""
        return find(self.probabilities[selection], self.frames, self.rules)

    def judge(self, selection: str) -> dict[str, float]:
        """All numbers of one selection; the names carry the definitions, see `docs/detection.md`.

        Returns:
            `map_a_voc@0.5`, `map_a_pku@0.5`, ... -> value in [0, 1], at overlap 0.5 first; then
            frame accuracy, edit score and segmental F1 without the background.
        """
        detections = self.detections(selection)
        order = [0.5, *sorted({*self.rules.tious} - {0.5})]
        means = mean_aps(self.segments, detections, order)
        values = {
            f"map_{_LETTER[over]}_{definition}@{tiou:g}": means[over, definition][place]
            for place, tiou in enumerate(order)
            for over in _LETTER
            for definition in get_args(Definition)
        }
        ends = np.cumsum(self.frames)[:-1]
        truth = np.split(frame_labels(self.frames, self.segments), ends)
        parts = np.split(self.probabilities[selection], ends)
        guess = [smoothed(p, self.rules)[: len(p)].argmax(axis=1) for p in parts]
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


def find(probabilities: np.ndarray, frames: np.ndarray, rules: Rules) -> Detections:
    """Detections in recordings, recording by recording.

    Args:
        probabilities: `(F, K + 1)`, column 0 the background.
        frames: `(N,)` frames of each recording, `F` in all.
        rules: how.

    Returns:
        labels are classes in `0..K-1`; no detection ends behind its recording.
    """
    by_recording: list[Detections] = []
    for number, p in enumerate(np.split(probabilities, np.cumsum(frames)[:-1])):
        intervals = propose(smoothed(p, rules), rules)
        if rules.nms:
            intervals = suppress(intervals, rules.nms, across=True)
        inside = intervals.start < len(p)  # the released smoothing runs into its padding
        start, end, label, score = (column[inside] for column in intervals)
        recording = np.full(len(start), number)
        by_recording.append(Detections(recording, start, np.minimum(end, len(p)), label, score))
    return Detections(*(np.concatenate(column) for column in zip(*by_recording, strict=True)))


def smoothed(p: np.ndarray, rules: Rules) -> np.ndarray:
    """`(T, K + 1)` probabilities of a recording as the rule takes them."""
    if not rules.smoothing:
        return np.asarray(p, np.float64)
    return smooth(p, rules.smoothing, form=rules.smoothing_form)


def propose(p: np.ndarray, rules: Rules) -> Proposals:
    """The rule's intervals in the smoothed probabilities of a recording."""
    key = "hit_rate" if rules.proposals == "growing" else "threshold"
    threshold = {} if rules.threshold is None else {key: rules.threshold}
    return RULES[_RULES[rules.proposals]](p, **threshold)


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

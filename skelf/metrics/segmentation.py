"""Metrics of frame labels: frame accuracy, edit score and segmental F1.

Frame accuracy hardly sees an action that is cut into pieces; the other two count segments, the
maximal runs of one label. Edit score: Lea et al. (ECCV 2016); segmental F1: Lea et al. (CVPR 2017);
both as the evaluation of MS-TCN (Farha and Gall, CVPR 2019) and its successors takes them, but in
[0, 1]. All are pure functions of one recording or of several.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from .matching import overlap_in_time

Frames = np.ndarray | Sequence[np.ndarray]


def frame_accuracy(truth: Frames, predicted: Frames, *, ignore: Sequence[int] = ()) -> float:
    """Share of frames with the right label, over the frames of all recordings.

    Args:
        truth: `(T,)` labels of a recording, or one such array for each recording.
        predicted: labels of the same frames.
        ignore: labels of the truth whose frames do not count, such as that of unlabelled frames.
            MS-TCN counts all, background too.

    Returns:
        Value in [0, 1].

    Raises:
        InputError: unequal lengths, or no frame that counts.

    >>> frame_accuracy(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
    0.75
    """
    pairs = _recordings(truth, predicted)
    labels, guesses = (np.concatenate([p[side] for p in pairs]) for side in (0, 1))
    counted = ~np.isin(labels, list(ignore))
    if not counted.any():
        raise InputError("truth: no frames to count; ignore fewer labels")
    return float((labels == guesses)[counted].mean())


def edit_score(truth: Frames, predicted: Frames, *, background: int | None = None) -> float:
    """How alike the order of the segments is, whatever their times; the mean over recordings.

    One minus the Levenshtein distance of the two sequences of segment labels, over the length of
    the longer one.

    Args:
        truth: `(T,)` labels of a recording, or one such array for each recording.
        predicted: labels of the same frames.
        background: label whose segments are left out of both sequences, as MS-TCN does where a data
            set names one; None keeps all. Two segments that it parted stay two.

    Returns:
        Value in [0, 1]; a recording with no segment on either side counts as 1.

    Raises:
        InputError: unequal lengths, or no recording.

    >>> edit_score(np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 1, 1, 1])).__round__(4)
    0.6667
    """
    scores = []
    for labels, guess in _recordings(truth, predicted):
        a, b = segments(labels, background)[:, 2], segments(guess, background)[:, 2]
        longest = max(len(a), len(b))
        scores.append(1 - _levenshtein(a, b) / longest if longest else 1.0)
    return float(np.mean(scores))


def f1_at(
    truth: Frames,
    predicted: Frames,
    overlaps: Sequence[float] = (0.10, 0.25, 0.50),
    *,
    background: int | None = None,
) -> np.ndarray:
    """F1 of the predicted segments at each of some overlaps, from counts over all recordings.

    Predicted segments are taken in time's order. Each belongs to the true segment of its label that
    it overlaps most (of equal ones the first): right if it does so by the wanted overlap and no
    other was right there, else false. True segments without a right one are missed.

    Args:
        truth: `(T,)` labels of a recording, or one such array for each recording.
        predicted: labels of the same frames.
        overlaps: smallest intersections over union, each in (0, 1].
        background: label whose segments are left out on both sides; None keeps all.

    Returns:
        `(len(overlaps),)` float64 in [0, 1]; 1 where there is no segment on either side.

    Raises:
        InputError: unequal lengths, no recording, or an overlap out of range.

    Source: MS-TCN's evaluation. Differs: values in [0, 1], and 1 instead of 0 where there is
    nothing to find and nothing was found.

    >>> f1_at(np.array([0, 0, 1, 1, 0, 0]), np.array([0, 0, 0, 1, 0, 0]), (0.5, 0.75)).round(4)
    array([1.    , 0.3333])
    """
    if wrong := [o for o in overlaps if not 0 < o <= 1]:
        raise InputError(f"overlaps: {wrong[0]:g} must lie above 0 and not above 1")
    right, total = np.zeros(len(overlaps)), 0
    for labels, guess in _recordings(truth, predicted):
        true, guessed = segments(labels, background), segments(guess, background)
        total += len(true) + len(guessed)
        if len(true) == 0 or len(guessed) == 0:
            continue
        shared = overlap_in_time(guessed[:, :1], guessed[:, 1:2], true[:, 0], true[:, 1])
        shared = np.where(guessed[:, 2:] == true[:, 2], shared, 0.0)
        nearest, most = shared.argmax(axis=1), shared.max(axis=1)
        right += [len(np.unique(nearest[most >= o])) for o in overlaps]
    return 2 * right / total if total else np.ones(len(overlaps))


def segments(labels: np.ndarray, background: int | None = None) -> np.ndarray:
    """The maximal runs of one label.

    Args:
        labels: `(T,)` frame labels.
        background: label whose runs are left out; None keeps all.

    Returns:
        `(S, 3)` int64 start, end (exclusive), label, in time's order.

    >>> segments(np.array([0, 3, 3, 0, 0]), background=0).tolist()
    [[1, 3, 3]]
    """
    labels = np.asarray(labels)
    change = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    start = np.concatenate([np.zeros(min(1, len(labels)), np.int64), change])
    end = np.append(start[1:], len(labels))[: len(start)]
    runs = np.stack([start, end, labels[start]], axis=1).astype(np.int64)
    return runs if background is None else runs[runs[:, 2] != background]


def _levenshtein(a: np.ndarray, b: np.ndarray) -> int:
    """Fewest insertions, deletions and exchanges that turn `a` into `b`."""
    row = np.arange(len(b) + 1)
    steps = np.arange(len(b) + 1)
    for label in a:
        step = np.append(row[0] + 1, np.minimum(row[1:] + 1, row[:-1] + (b != label)))
        # Insertions come last: the least of any earlier entry plus the way from there.
        row = np.minimum.accumulate(step - steps) + steps
    return int(row[-1])


def _recordings(truth: Frames, predicted: Frames) -> list[tuple[np.ndarray, np.ndarray]]:
    sides = [_listed(side) for side in (truth, predicted)]
    if len(sides[0]) != len(sides[1]) or not sides[0]:
        raise InputError(
            f"predicted: {len(sides[1])} recordings, truth: {len(sides[0])}; both need the same, "
            "at least one"
        )
    pairs = list(zip(*sides, strict=True))
    for number, (labels, guess) in enumerate(pairs):
        if labels.ndim != 1 or labels.shape != guess.shape:
            raise InputError(
                f"predicted: recording {number} has shape {guess.shape}, the truth {labels.shape}; "
                "both need one label a frame"
            )
    return pairs


def _listed(labels: Frames) -> list[np.ndarray]:
    if isinstance(labels, np.ndarray) and labels.ndim == 1:
        return [labels]
    return [np.asarray(recording) for recording in labels]

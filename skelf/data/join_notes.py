"""What a person should know before sets are joined: units, axes, roots that stand still, splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .clips import ClipSet
from .joints.landmarks import body
from .motion.axes import nearest_axis

CLIPS, FRAMES = 64, 8  # that are looked at, evenly over the set and the clip
APART = 3.0
"""Ratio of body sizes from which sets are taken to differ in their unit; grown-ups who sit and
who stretch differ by less."""
STILL = 0.01
"""Share of a body's size: a root that moves less in every clip has lost its motion."""


class Figure(NamedTuple):
    """What the bodies of a set are like.

    Args:
        size: the median of the longer side of the box around a body; 0: nobody is there.
        up: the axis that points from feet to head, as "y" or "-y"; "" unknown.
        still: the root never moves.
    """

    size: float
    up: str
    still: bool


def notes(sets: Sequence[ClipSet], titles: Sequence[str]) -> list[str]:
    """Sentences for what differs between sets that are joined, each with its remedy."""
    sentences = []
    figures = dict(zip(titles, map(figure, sets), strict=True))
    sizes = {title: looks.size for title, looks in figures.items() if looks.size}
    if sizes and max(sizes.values()) > APART * min(sizes.values()):
        listed = ", ".join(f"{title} {size:.3g}" for title, size in sizes.items())
        sentences.append(
            f"median size of a body: {listed}; other units, it seems: train with the "
            "normalisation `scale` (as data.normalize=centre+scale), or import with a scale"
        )
    axes = {title: looks.up for title, looks in figures.items() if looks.up}
    if len(set(axes.values())) > 1:
        listed = ", ".join(f"{title} {up}" for title, up in axes.items())
        sentences.append(f"the axis that points up: {listed}; import these sets alike")
    still = [title for title, looks in figures.items() if looks.still]
    if still and len(still) < len(sets):
        sentences.append(
            f"the root never moves in {', '.join(still)}: what tells these sets from the others; "
            "the normalisation `root` takes its motion out of all"
        )
    rates = np.unique(np.concatenate([clips.fps for clips in sets]))
    if len(rates) > 1:
        listed = ", ".join(f"{rate:g}" for rate in rates)
        sentences.append(
            f"frames a second: {listed}; kept, so that the same motion differs in length"
        )
    common = set(sets[0].splits).intersection(*(clips.splits for clips in sets[1:]))
    for title, clips in zip(titles, sets, strict=True):
        lost = sorted(set(clips.splits) - common)
        if lost:
            sentences.append(f"split {', '.join(lost)} of {title}: dropped, not every set has it")
    return sentences


def figure(clips: ClipSet) -> Figure:
    """Looks at some frames of some clips."""
    chosen = np.unique(np.linspace(0, len(clips) - 1, CLIPS).astype(int))
    sizes, ups, moves = [], [], []
    landmarks = body(clips.skeleton)
    centre = clips.skeleton.centre
    for index in chosen:
        clip = clips.clip(int(index))
        at = np.unique(np.linspace(0, len(clip) - 1, FRAMES).astype(int))
        x = clip[at][..., : clips.coordinates].astype(np.float64)
        bodies = x.reshape(-1, *x.shape[2:])
        bodies = bodies[(bodies != 0).any(axis=(1, 2))]
        if not len(bodies):
            continue
        there = np.where((bodies != 0).any(axis=-1, keepdims=True), bodies, np.nan)
        sides = np.nanmax(there, axis=1) - np.nanmin(there, axis=1)
        sizes += sides.max(axis=-1).tolist()
        if landmarks.head >= 0 and landmarks.feet:
            ups.append(
                np.median(bodies[:, landmarks.head] - bodies[:, landmarks.feet].mean(1), axis=0)
            )
        first = x[(x[:, 0] != 0).any(axis=(1, 2)), 0, centre]
        moves.append(np.ptp(first, axis=0).max() if len(first) else 0.0)
    if not sizes:
        return Figure(0.0, "", False)
    size = float(np.median(sizes))
    return Figure(size, _axis(ups), max(moves) <= STILL * size)


def _axis(ups: Sequence[np.ndarray]) -> str:
    """The axis along which a head is above feet in most clips, if it is one clearly."""
    if not ups:
        return ""
    middle = np.median(ups, axis=0)
    second, largest = np.sort(np.abs(middle))[-2:]
    return nearest_axis(middle) if largest >= 2 * second else ""

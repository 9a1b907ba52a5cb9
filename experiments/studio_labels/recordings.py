"""The recordings of both sides: what a label may be, and an encoder's features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import skelf
from skelf.data.clips import ClipSet
from skelf.opening import prepared
from skelf.studio.labels.segment import Segment
from skelf.studio.model import BACKGROUND, Table
from skelf.studio.model.encoding import Known
from skelf.studio.model.features import Kept, made, tabled
from skelf.studio.model.ready import normalization, windows

SHORTEST_PAUSE = 0.2  # seconds; nobody labels a shorter one
STEPS = 187  # of the pretraining, about


@dataclass(frozen=True)
class Task:
    """Recordings of both sides, by one encoder.

    Args:
        table: of the training side.
        truth: all segments of the training side, pauses included: what a label may be.
        test: features of the test recordings, reduced as the table's.
        clips: the test recordings.
    """

    table: Table
    truth: list[Segment]
    test: list[np.ndarray]
    clips: ClipSet


def joined(clips: ClipSet, seed: int = 0) -> ClipSet:
    """One recording of all clips of a person and a camera, in random order."""
    random = np.random.default_rng(seed)
    frames, lengths, segments, people = [], [], [], []
    pairs = sorted({*zip(clips.subject.tolist(), clips.camera.tolist(), strict=True)})
    for number, (subject, camera) in enumerate(pairs):
        own = np.flatnonzero((clips.subject == subject) & (clips.camera == camera))
        at = 0
        for row in random.permutation(own[clips.length[own] >= 8]).tolist():
            frames.append(clips.clip(row))
            end = at + len(frames[-1])
            segments.append((number, at, end, int(clips.label[row])))
            at = end
        lengths.append(at)
        people.append(subject)
    return ClipSet.build(
        np.concatenate(frames), lengths, clips.skeleton, class_names=clips.class_names,
        fps=float(clips.fps[0]), subject=np.array(people), segments=np.array(segments),
        attributes=clips.attributes,
    )  # fmt: skip


def whole_truth(clips: ClipSet) -> list[Segment]:
    """Every segment, and every pause between them as background."""
    found = []
    for number, frames in enumerate(clips.length.tolist()):
        own = clips.segments[clips.segments[:, 0] == number]
        own = own[np.argsort(own[:, 1], kind="stable")]
        shortest, at, name = SHORTEST_PAUSE * float(clips.fps[number]), 0, f"r{number}"
        for _, start, end, label in [*own.tolist(), (number, frames, frames, -1)]:
            if start - at >= shortest:
                found.append(Segment(f"{name}:{at}", name, at, start, BACKGROUND))
            if end > start:
                found.append(Segment(f"{name}:{start}", name, start, end, clips.class_names[label]))
            at = max(at, end)
    return found


def sides(store: Path, by: str, test: str, join: bool) -> tuple[ClipSet, ClipSet]:
    """Training and test recordings of a store, without those in which nobody is.

    Args:
        store: its path.
        by: "subject" or "recording", what `test` has numbers of.
        test: those of the test side, with commas.
        join: recordings are made of cut clips.
    """
    clips = ClipSet.open(store)
    clips = joined(clips) if join else clips
    clips = clips.take(np.flatnonzero([bool(clips.clip(at).any()) for at in range(len(clips))]))
    of = clips.subject if by == "subject" else np.arange(len(clips))
    is_test = np.isin(of, [int(value) for value in test.split(",")])
    return clips.take(np.flatnonzero(~is_test)), clips.take(np.flatnonzero(is_test))


def pretrained(train: ClipSet, out: Path, seed: int) -> Path:
    """An encoder trained without labels on windows of the training recordings."""
    if not (out / "checkpoints").exists():
        some = windows(prepared(train, normalization(train)))
        epochs = max(2, round(STEPS * 64 / len(some)))
        how = (f"train.epochs={epochs}", "train.precision=fp32", "train.save_every=1000")
        skelf.pretrain("partwhole", some, out=out, seed=seed, overrides=how)
    return out


def task(encoder: Known, train: ClipSet, test: ClipSet) -> Task:
    """Both sides' features."""
    names = [f"r{at}" for at in range(len(train))]
    rows = [(int(n), float(fps)) for n, fps in zip(train.length, train.fps, strict=True)]
    table = tabled(names, rows, features(encoder, train))
    other = [table.reduction.of(kept.features) for kept in features(encoder, test)]
    return Task(table, whole_truth(train), other, test)


def features(encoder: Known, clips: ClipSet) -> list[Kept]:
    """The features of each recording."""
    return [made(encoder, clips.take([at])) for at in range(len(clips))]

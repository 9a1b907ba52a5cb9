"""The synthetic set: moving figures of any layout, for the demo and the tests.

Nobody was recorded: every figure is computed. Sets say so in their title and attributes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ...layouts import KINECT20
from ...skeleton import Skeleton
from ..clips import ClipSet
from .actions import ACTIONS, INTERACTIONS, Beat, Pose, smooth
from .figure import Figure
from .scene import film

CHUNK = 1 << 15  # frames posed at once


@dataclass
class Pieces:
    """What happens one after the other, an action or a pause each; every field is `(P,)`."""

    clip: np.ndarray
    length: np.ndarray
    label: np.ndarray  # -1 for a pause


def generate(
    skeleton: Skeleton = KINECT20,
    *,
    clips: int = 1000,
    persons: int = 1,
    subjects: int = 10,
    cameras: int = 3,
    recordings: int = 0,
    fps: float = 30.0,
    seed: int = 0,
    noise: float = 0.01,
) -> ClipSet:
    """Makes a set of moving figures, the same for the same arguments.

    Figures stand 2 to 4 m before the camera: metres, y up, the camera 0.9 m above the floor at the
    origin. Joints are placed by their names; a layout whose names say nothing moves as one body.

    Args:
        skeleton: any layout; always three coordinates.
        clips: trimmed clips of 20 to 120 frames at 30 fps, classes in turn.
        persons: 1: twelve classes. 2: five interactions more; the second person is absent (all
            zeros) from the others.
        subjects: bodies with other proportions.
        cameras: directions that the figures are seen from.
        recordings: untrimmed recordings of 3 to 6 actions with pauses, after the clips; label -1,
            with segments. With two persons they hold interactions only.
        fps: frames a second.
        seed: of everything random.
        noise: standard deviation of the sensor's error, metres.

    Returns:
        The set, with the splits "xsub" (odd subjects train) and "xview" (the last camera tests)
        where both sides have clips.

    Raises:
        InputError: a number out of its range.
    """
    _refuse(clips, persons, subjects, cameras, recordings, fps, seed, noise)
    rng = np.random.default_rng(seed)
    classes = list(ACTIONS | (INTERACTIONS if persons == 2 else {}))
    # Classes take turns, then cameras, so that every camera sees every class equally often.
    turn = np.concatenate([np.arange(clips), np.arange(recordings)])
    trimmed = np.arange(clips + recordings) < clips
    label = np.where(trimmed, turn % len(classes), -1)
    camera = np.where(trimmed, turn // len(classes), turn) % cameras
    subject = rng.permutation(np.arange(clips + recordings) % subjects)
    pieces = _pieces(rng, label, len(classes), persons, fps / 30)
    clipset = ClipSet.build(
        _act(rng, Figure.of(skeleton), pieces, subject, camera, persons, fps, noise),
        np.bincount(pieces.clip, pieces.length).astype(np.int64),
        skeleton,
        class_names=classes,
        name=[
            f"s{s:02d}_c{c}_{classes[k].replace(' ', '_') if k >= 0 else 'recording'}_{i:05d}"
            for i, (s, c, k) in enumerate(zip(subject, camera, label, strict=True))
        ],
        fps=fps,
        label=label,
        subject=subject,
        camera=camera,
        segments=_segments(pieces, label),
        attributes={
            "title": f"synthetic: computed figures, not recordings of people ({skeleton.name})",
            "source": f"skelf.data.synthetic, seed {seed}",
            "synthetic": "true",
        },
    )
    for key, train in (("xsub", subject % 2 == 1), ("xview", camera < cameras - 1)):
        if 0 < train.sum() < len(clipset):
            clipset = clipset.with_split(key, np.where(train, 1, 2))
    return clipset


def _refuse(
    clips: int,
    persons: int,
    subjects: int,
    cameras: int,
    recordings: int,
    fps: float,
    seed: int,
    noise: float,
) -> None:
    rules = {
        "clips": (clips, clips >= 0 and clips + recordings > 0, "1 or more, or recordings"),
        "persons": (persons, persons in (1, 2), "1 or 2"),
        "subjects": (subjects, subjects > 0, "1 or more"),
        "cameras": (cameras, cameras > 0, "1 or more"),
        "recordings": (recordings, recordings >= 0, "0 or more"),
        "fps": (fps, fps > 0, "above 0"),
        "seed": (seed, seed >= 0, "0 or more"),
        "noise": (noise, noise >= 0, "0 or more metres"),
    }
    for key, (value, good, wanted) in rules.items():
        if not good:
            raise InputError(f"synthetic: {key} is {value}; use {wanted}")


def _pieces(
    rng: np.random.Generator, label: np.ndarray, classes: int, persons: int, rate: float
) -> Pieces:
    """One action for each clip; for each recording (label -1) pauses and actions by turns."""
    clip, kind = [], []
    first = len(ACTIONS) if persons == 2 else 0
    for i, k in enumerate(label.tolist()):
        if k >= 0:
            kinds = [k]
        else:
            chosen = rng.integers(first, classes, rng.integers(3, 7))
            kinds = [-1, *(part for c in chosen.tolist() for part in (c, -1))]
        kind += kinds
        clip += [i] * len(kinds)
    kinds_ = np.array(kind)
    frames = np.where(
        kinds_ < 0,
        rng.integers(15, 46, len(kinds_)),
        np.clip(np.exp(rng.normal(np.log(60), 0.4, len(kinds_))), 20, 120),
    )
    return Pieces(np.array(clip), np.maximum(1, np.round(frames * rate)).astype(np.int64), kinds_)


def _segments(pieces: Pieces, label: np.ndarray) -> np.ndarray:
    """`(K, 4)`: the actions of the recordings."""
    end = np.cumsum(pieces.length)
    origin = np.searchsorted(pieces.clip, np.arange(len(label)))  # first piece of each clip
    end = end - (end - pieces.length)[origin[pieces.clip]]
    rows = np.stack([pieces.clip, end - pieces.length, end, pieces.label], axis=1)
    return rows[(label[pieces.clip] < 0) & (pieces.label >= 0)]


def _act(
    rng: np.random.Generator,
    figure: Figure,
    pieces: Pieces,
    subject: np.ndarray,
    camera: np.ndarray,
    persons: int,
    fps: float,
    noise: float,
) -> np.ndarray:
    """The joints of all clips, `(F, M, V, 3)` float32."""
    scene, tempo = film(rng, subject, camera), _tempo(rng, pieces)
    first = np.cumsum(pieces.length) - pieces.length
    begin = first[np.searchsorted(pieces.clip, np.arange(len(subject)))]
    shape = (int(pieces.length.sum()), persons, len(figure.segment), 3)
    joints = np.zeros(shape, np.float32)
    actions = list((ACTIONS | INTERACTIONS).values())
    untrimmed = np.bincount(pieces.clip)[pieces.clip] > 1
    paired = pieces.label >= len(ACTIONS)
    if persons == 2:
        paired |= untrimmed
    for kind in np.unique(pieces.label):
        for members in _chunks(np.flatnonzero(pieces.label == kind), pieces.length):
            steps = pieces.length[members]
            piece = np.repeat(members, steps)
            within = np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps, steps)
            frame, clip = first[piece] + within, pieces.clip[piece]
            pair = bool(paired[members[0]])
            if kind < 0:
                poses: list[Pose] = [{}] * (2 if pair else 1)
            else:
                action, cycles = actions[kind]
                poses = action(_beat(tempo, piece, within / pieces.length[piece], cycles))
            seconds = (frame - begin[clip]) / fps
            for person, pose in enumerate(poses):
                slot = person ^ scene.swapped[clip] if pair else np.zeros_like(clip)
                body = figure.pose(
                    scene.alive(pose, clip, person, seconds), scene.body[person, clip]
                )
                joints[frame, slot] = scene.seen(body, clip, person if pair else None)
    present: np.ndarray = np.any(joints, axis=(2, 3), keepdims=True)
    for at in range(0, len(joints), CHUNK):
        part = joints[at : at + CHUNK]
        error = rng.standard_normal(part.shape, np.float32)
        part += noise * error * present[at : at + CHUNK]
    return joints


def _chunks(members: np.ndarray, length: np.ndarray) -> list[np.ndarray]:
    """Cuts the pieces into groups of about `CHUNK` frames."""
    group = np.cumsum(length[members]) // CHUNK
    return np.split(members, np.flatnonzero(np.diff(group)) + 1)


def _tempo(rng: np.random.Generator, pieces: Pieces) -> np.ndarray:
    """`(P, 7)`: onset, end and rise as shares of the action, cycles (0 to 1), phase, size, turn."""
    draw = rng.uniform(
        [0.0, 0.75, 0.1, 0.0, -0.12, 0.55, -1.0],
        [0.25, 1.0, 0.3, 1.0, 0.12, 1.25, 1.0],
        (len(pieces.clip), 7),
    )
    # The borders of a segment are those of its action.
    untrimmed = np.bincount(pieces.clip)[pieces.clip] > 1
    draw[untrimmed, :2] = 0.0, 1.0
    return draw


def _beat(tempo: np.ndarray, piece: np.ndarray, u: np.ndarray, cycles: tuple[float, float]) -> Beat:
    onset, end, rise, share, phase, size, turn = tempo[piece].T

    def held(delay: float) -> np.ndarray:
        ramps = np.minimum(u - delay - onset, end - u + delay / 2) / rise
        return smooth(np.clip(ramps, 0, 1))

    done = np.clip((u - onset) / (end - onset), 0, 1)
    count = cycles[0] + share * (cycles[1] - cycles[0])
    wave = 2 * np.pi * (np.round(2 * count) / 2 * done + phase)
    return Beat(
        u=done, hold=held(0), late=held(0.15) * smooth(np.clip((1 - u) / 0.1, 0, 1)),
        swing=np.sin(wave), side=np.cos(wave), size=size, turn=np.sign(turn),
    )  # fmt: skip

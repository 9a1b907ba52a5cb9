"""Who is who in a video: poses of single frames joined to tracks, and the tracks to persons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import pairing
from .missing import Missing, fill

GAP = 30  # frames that a track may pause; after a longer pause a new one begins

BLOCK = 4096  # pairs whose joints are compared at once


def persons(
    frames: int,
    frame: np.ndarray,
    track: np.ndarray,
    joints: np.ndarray,
    most: int,
    missing: Missing,
) -> tuple[np.ndarray, int]:
    """The persons of one video, the most present and confident first.

    Tracks are taken by the sum of their poses' mean confidence. Each goes to the first person
    whose frames it leaves alone, so that a body that was lost and found again, or the next one
    after a cut, is not dropped while there is room.

    Args:
        frames: `T` of the video.
        frame: `(D,)` frame of each pose.
        track: `(D,)` of `numbered` or `nearest`.
        joints: `(D, V, C + 1)`, confidence last; 0 where a joint was not found.
        most: persons `M` that are kept.
        missing: what stands for joints that were not found, within a track's first and last
            frame. Their confidence stays 0.

    Returns:
        `(T, M, V, C + 1)` float32, and the number of tracks that had no room.
    """
    joints_of_persons = np.zeros((frames, most, *joints.shape[1:]), np.float32)
    taken = np.zeros((most, frames), bool)
    count = int(track.max(initial=-1)) + 1
    score = np.bincount(track, joints[..., -1].mean(axis=1), minlength=count)
    rows = np.argsort(track, kind="stable")
    groups = np.split(rows, np.bincount(track, minlength=count).cumsum()[:-1]) if count else []
    dropped = 0
    for which in np.argsort(-score, kind="stable"):
        poses = groups[which]
        first, last = int(frame[poses].min()), int(frame[poses].max()) + 1
        free = np.flatnonzero(~taken[:, first:last].any(axis=1))
        if not len(free):
            dropped += 1
            continue
        dense = np.zeros((last - first, *joints.shape[1:]))
        dense[frame[poses] - first] = joints[poses]
        dense[..., :-1] = fill(dense[..., :-1], dense[..., -1] > 0, missing)
        joints_of_persons[first:last, free[0]] = dense
        taken[free[0], first:last] = True
    return joints_of_persons, dropped


def numbered(frame: np.ndarray, person: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Tracks by the numbers that the source gives.

    Of two poses with one number in one frame the more confident is kept.

    Args:
        frame: `(D,)`.
        person: `(D,)` the source's number of each pose.
        joints: `(D, V, C + 1)`, confidence last.

    Returns:
        `(D,)` track from 0 in order of appearance, -1 for poses that are left out.
    """
    order = np.lexsort((-joints[..., -1].sum(axis=1), frame, person))
    same = np.diff(person[order], prepend=person[order][:1]) == 0
    step = np.diff(frame[order], prepend=frame[order][:1])
    begins = ~same | (step > GAP)
    begins[:1] = True
    track = np.empty(len(frame), np.int64)
    track[order] = np.where(same & (step == 0) & ~begins, -1, begins.cumsum() - 1)
    return _by_appearance(track, frame)


def nearest(frame: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """Tracks by place and motion: poses of a frame continue the tracks that they fit best.

    A pair costs the mean distance of its joints from where the track is expected, by its speed so
    far. Of all ways to pair the poses of a frame the best is taken (`pairing`). A pair is refused
    when the centres lie further apart than the larger of the two bodies is wide (its box's
    diagonal). A track that pauses for more than `GAP` frames has ended.

    Args:
        frame: `(D,)`.
        joints: `(D, V, C + 1)`, confidence last.

    Returns:
        `(D,)` track from 0 in order of appearance.
    """
    track = np.full(len(frame), -1, np.int64)
    bodies = _Bodies(
        joints[..., :-1], joints[..., -1] > 0, joints[..., -1].mean(axis=1), *_boxes(joints)
    )
    last = np.zeros(0, np.int64)  # of each live track: its latest pose
    reach = np.zeros(0)  # its largest size so far
    speed = np.zeros((0, joints.shape[2] - 1))  # its motion in a frame
    count = 0
    order = np.argsort(frame, kind="stable")
    times, first = np.unique(frame[order], return_index=True)
    for now, poses in zip(times, np.split(order, first[1:]), strict=True):
        live = now - frame[last] <= GAP
        if not live.all():
            last, reach, speed = last[live], reach[live], speed[live]
        if len(last):
            pause = now - frame[last]
            ahead = pairing.expected(speed, pause)
            old, new, moved = _continued(bodies, last, reach, ahead, poses)
            track[poses[new]] = track[last[old]]
            speed[old] += pairing.SHARE * (moved / pause[old, None] - speed[old])
            last[old], reach[old] = poses[new], np.maximum(reach[old], bodies.size[poses[new]])
        fresh = poses[track[poses] < 0]
        if len(fresh):
            track[fresh] = count + np.arange(len(fresh))
            count += len(fresh)
            last, reach = np.append(last, fresh), np.append(reach, bodies.size[fresh])
            speed = np.concatenate([speed, np.zeros((len(fresh), speed.shape[1]))])
    return track


class _Bodies(NamedTuple):
    """All poses of a video: joints, which are there, mean confidence, centre and size."""

    places: np.ndarray
    seen: np.ndarray
    sure: np.ndarray
    centre: np.ndarray
    size: np.ndarray


def _continued(
    bodies: _Bodies, last: np.ndarray, reach: np.ndarray, ahead: np.ndarray, poses: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which tracks go on in which of a frame's poses, and how these moved `(K, C)`."""
    away = bodies.centre[poses] - bodies.centre[last][:, None]
    wide = np.maximum(reach[:, None], bodies.size[poses])
    old, new = np.nonzero((away * away).sum(axis=2) <= wide * wide)
    a, b = last[old], poses[new]
    parts = [
        pairing.steps(
            bodies.places[b[at]] - bodies.places[a[at]],
            bodies.seen[a[at]] & bodies.seen[b[at]],
            away[old[at], new[at]],
            ahead[old[at]],
        )
        for at in (slice(i, i + BLOCK) for i in range(0, max(1, len(a)), BLOCK))
    ]
    moved, apart = (np.concatenate(part) for part in zip(*parts, strict=True))
    cost = apart / np.maximum(wide[old, new], 1e-12)
    taken = pairing.assigned(old, new, cost, bodies.sure[b])
    return old[taken], new[taken], moved[taken]


def _boxes(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean `(D, C)` and box diagonal `(D,)` of the joints that were found."""
    seen = joints[..., -1:] > 0
    places = joints[..., :-1]
    centre = (places * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    low = np.where(seen, places, np.inf).min(axis=1)
    high = np.where(seen, places, -np.inf).max(axis=1)
    extent = np.where(seen.any(axis=1), high, 0) - np.where(seen.any(axis=1), low, 0)
    return centre, np.linalg.norm(extent, axis=1)


def _by_appearance(track: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Tracks renumbered by the frame in which they begin."""
    poses = np.flatnonzero(track >= 0)
    poses = poses[np.argsort(frame[poses], kind="stable")]
    _, first, inverse = np.unique(track[poses], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    renumbered = np.full(len(track), -1, np.int64)
    renumbered[poses] = rank[inverse]
    return renumbered

"""How often persons change places: two real bodies that cross, meet or stand close, poses shuffled.

`python -m benchmarks.crossings DATA` counts switches of identity with skelf's tracks and with the
pairs that are nearest taken first, and times both on crowds. DATA holds `nw_ucla/nw_ucla.npz` and
`sbu/sbu.npz`, as the tests' data. Bodies are clips of one person, centred, that are led along a
path; poses are seen from the front, in metres, with noise and gaps. Every seed is fixed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skelf.data.motion import tracks

Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]
SCENES = 150
NOISE, UNSEEN = 0.015, 0.05  # metres; share of joints that are not found
SLOWEST, FASTEST = 0.7, 1.6  # metres a second: strolling, hurrying
NEAR = 0.45  # metres between bodies of which one hides the other


class Scene(NamedTuple):
    """Poses of single frames, and whose they are.

    Args:
        frame: `(D,)`.
        joints: `(D, V, 3)`, confidence last.
        person: `(D,)`; -1: nobody's, a double.
    """

    frame: np.ndarray
    joints: np.ndarray
    person: np.ndarray


def switches(scene: Scene, rule: Rule) -> int:
    """How often a person's track is another one than in the pose before."""
    track = rule(scene.frame, scene.joints)
    count = 0
    for person in range(int(scene.person.max()) + 1):
        mine = np.flatnonzero(scene.person == person)
        mine = mine[np.argsort(scene.frame[mine], kind="stable")]
        count += int((np.diff(track[mine]) != 0).sum())
    return count


def closest_first(frame: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """The plain way: the pair whose centres are closest is joined first; no motion, no pose."""
    track = np.full(len(frame), -1, np.int64)
    centre, size = tracks._boxes(joints)
    last, reach, count = np.zeros(0, np.int64), np.zeros(0), 0
    for now in np.unique(frame):
        poses = np.flatnonzero(frame == now)
        live = now - frame[last] <= tracks.GAP
        last, reach = last[live], reach[live]
        apart = np.linalg.norm(centre[last][:, None] - centre[poses][None], axis=2)
        old, new = np.nonzero(apart <= np.maximum(reach[:, None], size[poses][None]))
        for at in np.argsort(apart[old, new], kind="stable"):
            i, j = old[at], new[at]
            if frame[last[i]] < now and track[poses[j]] < 0:
                track[poses[j]] = track[last[i]]
                last[i], reach[i] = poses[j], max(reach[i], size[poses[j]])
        fresh = poses[track[poses] < 0]
        track[fresh] = count + np.arange(len(fresh))
        count += len(fresh)
        last, reach = np.append(last, fresh), np.append(reach, size[fresh])
    return track


def bodies(data: Path) -> list[np.ndarray]:
    """Clips of people who walk about, seen from the front: `(T, V, 2)` about their middle."""
    with np.load(data / "nw_ucla" / "nw_ucla.npz", allow_pickle=False) as file:
        frames, offsets = file["frames"][:, 0, :, :2].astype(np.float64), file["offsets"]
        wanted = [list(file["class_names"]).index(name) for name in ("walk_around", "carry")]
        labels = file["labels"]
    clips = [frames[a:b] for a, b in pairwise(offsets.tolist())]
    walks = [c for c, label in zip(clips, labels, strict=True) if label in wanted and len(c) >= 30]
    return [clip - clip[:, :1] * [1, 0] for clip in walks]


def body(walks: list[np.ndarray], rng: np.random.Generator, count: int, fps: float) -> np.ndarray:
    """A clip to and fro for so many frames, `(count, V, 2)`, at another rate than its 30."""
    walk = walks[int(rng.integers(len(walks)))]
    at = np.abs((np.arange(count) * 30 / fps + len(walk)) % (2 * len(walk) - 2) - (len(walk) - 1))
    low = np.floor(at).astype(int)
    share = (at - low)[:, None, None]
    return walk[low] * (1 - share) + walk[np.minimum(low + 1, len(walk) - 1)] * share


def meeting(
    walks: list[np.ndarray], rng: np.random.Generator, fps: float, kind: str, *, doubles: bool
) -> Scene:
    """Two persons who walk past each other, or who meet, stand a while and part."""
    seconds = 5.0
    count = int(seconds * fps)
    time_ = np.linspace(-seconds / 2, seconds / 2, count)
    speed = rng.uniform(SLOWEST, FASTEST, 2)
    if kind == "past":
        place = [speed[0] * time_, -speed[1] * time_]
    else:
        away = np.maximum(np.abs(time_) - rng.uniform(0.2, 1.0), 0)
        close = rng.uniform(0, 0.3)  # they shake hands, or one stands before the other
        place = [-close - speed[0] * away, close + speed[1] * away]
    size = [1.0, rng.uniform(0.8, 1.0)]  # the second is further away
    people = [
        size[k] * body(walks, rng, count, fps)
        + np.stack([place[k], np.full(count, 0.1 * k)], 1)[:, None]
        for k in range(2)
    ]
    hidden = np.zeros((2, count), bool)
    if rng.random() < 0.7:
        hidden[1] = np.abs(place[0] - place[1]) < NEAR
    hidden |= rng.random(hidden.shape) < 0.03
    return shuffled(np.stack(people), hidden, rng, doubles=doubles)


def crowd(walks: list[np.ndarray], rng: np.random.Generator, fps: float, people: int) -> Scene:
    """People who walk along a street both ways, in rows of one metre, hidden now and then."""
    count = int(5 * fps)
    time_ = np.arange(count) / fps
    parts = []
    for _ in range(people):
        speed = rng.uniform(SLOWEST, FASTEST) * rng.choice([-1, 1])
        path = np.stack(
            [rng.uniform(-4, 4) + speed * time_, np.full(count, rng.uniform(-0.4, 0.4))], 1
        )
        parts.append(rng.uniform(0.8, 1) * body(walks, rng, count, fps) + path[:, None])
    hidden = rng.random((people, count)) < 0.1
    return shuffled(np.stack(parts), hidden, rng, doubles=False)


def shuffled(
    people: np.ndarray, hidden: np.ndarray, rng: np.random.Generator, *, doubles: bool
) -> Scene:
    """What an estimator finds of people `(M, T, V, 2)`: in any order, with noise and gaps."""
    person, frame = np.nonzero(~hidden)
    joints = people[person, frame] + NOISE * rng.normal(size=people[person, frame].shape)
    sure = rng.uniform(0.5, 1, joints.shape[:2]) * (rng.random(joints.shape[:2]) >= UNSEEN)
    poses = np.concatenate([joints, sure[..., None]], axis=2)
    if doubles:  # one body found twice, the second time badly
        some = np.flatnonzero(rng.random(len(poses)) < 0.04)
        again = poses[some] * [1, 1, 0.3]
        again[..., :2] += 0.06 * rng.normal(size=again[..., :2].shape) + rng.normal(0, 0.1, 2)
        poses = np.concatenate([poses, again])
        person = np.concatenate([person, np.full(len(some), -1)])
        frame = np.concatenate([frame, frame[some]])
    order = rng.permutation(len(poses))
    order = order[np.argsort(frame[order], kind="stable")]
    return Scene(frame[order], poses[order], person[order])


def pairs_of_sbu(data: Path) -> Iterator[Scene]:
    """The two persons of SBU's recordings who push, hug and pass things, as they were recorded."""
    rng = np.random.default_rng(0)
    with np.load(data / "sbu" / "sbu.npz", allow_pickle=False) as file:
        frames, offsets = file["frames"][..., :2].astype(np.float64), file["offsets"]
    for a, b in pairwise(offsets.tolist()):
        people = frames[a:b].transpose(1, 0, 2, 3)
        yield shuffled(people, ~people.any(axis=(2, 3)), rng, doubles=False)


def scenes(data: Path, count: int) -> dict[str, list[Scene]]:
    """Every kind of scene."""
    walks = bodies(data)
    made: dict[str, list[Scene]] = {}
    for kind, words in (("past", "walk past each other"), ("part", "meet, stand and part")):
        for fps in (15, 30, 60):
            rng = np.random.default_rng(fps)
            made[f"{words}, {fps} fps"] = [
                meeting(walks, rng, fps, kind, doubles=False) for _ in range(count)
            ]
    rng = np.random.default_rng(1)
    made["walk past, bodies found twice, 30 fps"] = [
        meeting(walks, rng, 30, "past", doubles=True) for _ in range(count)
    ]
    made["eight in a street, 30 fps"] = [
        crowd(walks, rng, 30, 8) for _ in range(max(1, count // 10))
    ]
    made["SBU, as recorded"] = list(pairs_of_sbu(data))[: 2 * count]
    return made


def seconds(rule: Rule, people: int, frames: int = 40, repeats: int = 5) -> float:
    """Of a frame of a crowd, the median of some runs."""
    rng = np.random.default_rng(0)
    place = rng.uniform(0, 2 * np.sqrt(people), (people, 1, 1, 2))
    steps = 0.02 * rng.normal(size=(people, frames, 1, 2)).cumsum(axis=1)
    people_ = place + steps + rng.normal(0, 0.4, (people, 1, 17, 2))
    scene = shuffled(people_, np.zeros((people, frames), bool), rng, doubles=False)
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        rule(scene.frame, scene.joints)
        taken.append((time.process_time() - start) / frames)
    return float(np.median(taken))


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--scenes", type=int, default=SCENES)
    given = parser.parse_args()
    print("| scenes | count | closest first | skelf |\n|---|---|---|---|")
    for name, some in scenes(given.data, given.scenes).items():
        counts = [sum(switches(scene, rule) for scene in some)
                  for rule in (closest_first, tracks.nearest)]  # fmt: skip
        print(f"| {name} | {len(some)} | {counts[0]} | {counts[1]} |")
    print("\n| persons a frame | closest first | skelf |\n|---|---|---|")
    for people in (1, 2, 8, 64, 256):
        taken = [seconds(rule, people) for rule in (closest_first, tracks.nearest)]
        print(f"| {people} | {taken[0] * 1e3:.2f} ms | {taken[1] * 1e3:.2f} ms |")


if __name__ == "__main__":
    main()

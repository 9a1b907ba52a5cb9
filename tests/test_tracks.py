"""Persons of a video: tracks by number and by place, against slow loops."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import crossings
from skelf.data.motion import pairing, tracks

SHAPE = np.array([[-1.0, -2.0], [1.0, -2.0], [0.0, 2.0]])  # a body: 4 high, 2 wide


def pose(x: float, sure: float = 0.5) -> np.ndarray:
    return np.column_stack([SHAPE + np.array([x, 0]), np.full(3, sure)])


def walkers(paths: list[list[float | None]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame, path and joints of bodies that follow paths of x, None where they are absent."""
    rows = [
        (t, k, pose(x)) for k, path in enumerate(paths) for t, x in enumerate(path) if x is not None
    ]
    frame, path, joints = (np.array(v) for v in zip(*rows, strict=True))
    return frame, path, joints


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    return len({*zip(a, b, strict=True)}) == len(set(a)) == len(set(b))


class Slow:
    """A track of the slow loop."""

    def __init__(self, at: int, frame: int, size: float) -> None:
        self.at, self.frame, self.size, self.speed = at, frame, size, np.zeros(2)


def slow_nearest(frame: np.ndarray, joints: np.ndarray) -> list[int]:
    """Every way to pair the poses of a frame is tried, a joint at a time."""
    made = [-1] * len(frame)
    tracks_: list[Slow] = []

    def seen(i: int) -> list[int]:
        return [v for v in range(joints.shape[1]) if joints[i, v, 2] > 0]

    def centre(i: int) -> np.ndarray:
        return np.mean([joints[i, v, :2] for v in seen(i)], axis=0)

    def size(i: int) -> float:
        found = joints[i, seen(i), :2]
        return float(np.linalg.norm(found.max(axis=0) - found.min(axis=0)))

    def step(a: int, b: int) -> tuple[np.ndarray, list[np.ndarray]]:
        both = [v for v in seen(a) if v in seen(b)]
        ways = [joints[b, v, :2] - joints[a, v, :2] for v in both]
        if len(both) < 3:
            ways = [centre(b) - centre(a)]
        return np.mean(ways, axis=0), ways

    for now in sorted(set(frame.tolist())):
        new = [i for i in range(len(frame)) if frame[i] == now]
        live = [k for k, t in enumerate(tracks_) if now - t.frame <= tracks.GAP]
        saved: dict[tuple[int, int], float] = {}
        for k in live:
            t = tracks_[k]
            fade = sum(0.95**n for n in range(now - t.frame))
            for i in new:
                wide = max(t.size, size(i))
                if np.linalg.norm(centre(t.at) - centre(i)) > wide:
                    continue
                ways = step(t.at, i)[1]
                off = min(
                    np.mean([np.linalg.norm(way - go) for way in ways])
                    for go in (np.zeros(2), fade * t.speed)
                )
                trust = 0.3 + 0.7 * joints[i, :, 2].mean()
                saved[k, i] = max(1 - (off / wide) ** 1.25, 1e-3) * trust
        best: dict[int, int] = {}
        most = -1.0
        for way in permutations([*new, *[-1] * len(live)], len(live)):
            pairs = {k: i for k, i in zip(live, way, strict=True) if (k, i) in saved}
            total = sum(saved[pair] for pair in pairs.items())
            if total > most + 1e-12:
                best, most = pairs, total
        for k, i in best.items():
            t = tracks_[k]
            made[i] = k
            t.speed += 0.2 * (step(t.at, i)[0] / (now - t.frame) - t.speed)
            t.at, t.frame, t.size = i, now, max(t.size, size(i))
        for i in new:
            if made[i] < 0:
                made[i] = len(tracks_)
                tracks_.append(Slow(i, now, size(i)))
    return made


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.floats(0.3, 1))
def test_nearest_against_the_loop(seed: int, people: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    starts, steps = rng.uniform(0, 12, people), rng.normal(0, 1.5, (people, 8)).cumsum(axis=1)
    paths = [
        [float(s + x) if rng.random() < share else None for x in walk]
        for s, walk in zip(starts, steps, strict=True)
    ]
    if not any(x is not None for path in paths for x in path):
        return
    frame, _, joints = walkers(paths)
    joints = joints * np.array([rng.uniform(0.5, 2), 1, 1])
    joints[..., :2] += 0.1 * rng.normal(size=joints[..., :2].shape)
    joints[:, 0, 2] *= rng.random(len(joints)) < 0.7  # some joints are not found
    order = rng.permutation(len(frame))
    frame, joints = frame[order], joints[order]
    made = tracks.nearest(frame, joints)
    assert same_partition(made, np.array(slow_nearest(frame, joints)))
    assert made.min() == 0 and set(made.tolist()) == set(range(made.max() + 1))


def test_nearest_keeps_walkers_apart_in_any_order() -> None:
    frame, path, joints = walkers([[0.0, 1, 2, 3], [20.0, 19, 18, 17], [None, 40, 41, 42]])
    order = np.random.default_rng(1).permutation(len(frame))
    made = tracks.nearest(frame[order], joints[order])
    assert same_partition(made, path[order])


def test_persons_who_cross_keep_their_tracks() -> None:
    there = [0.4 * t for t in range(-15, 16)]
    back = [-x + 0.1 for x in there]
    hidden = [None if abs(x) < 1.2 else x for x in back]  # behind the other for some frames
    for other in (back, hidden):
        frame, path, joints = walkers([there, other])
        joints = joints + 0.02 * np.random.default_rng(0).normal(size=joints.shape) * [1, 1, 0]
        order = np.random.default_rng(1).permutation(len(frame))
        assert same_partition(tracks.nearest(frame[order], joints[order]), path[order])


def test_switches_of_real_walkers(real_data: Callable[[str], Path]) -> None:
    walks = crossings.bodies(real_data("nw_ucla").parent.parent)
    rng = np.random.default_rng(15)
    scenes = [crossings.meeting(walks, rng, 15, "past", doubles=False) for _ in range(12)]
    plain, ours = (
        sum(crossings.switches(scene, rule) for scene in scenes)
        for rule in (crossings.closest_first, tracks.nearest)
    )
    assert plain >= 5 and ours <= 1


def test_two_who_start_to_run_the_same_way_are_not_swapped() -> None:
    frame, path, joints = walkers([[0.0, 2, 4, 6], [1.0, 3, 5, 7]])
    assert same_partition(tracks.nearest(frame, joints), path)


def test_who_meets_and_turns_back_keeps_his_track() -> None:
    there = [-0.3 * max(0, abs(t) - 4) - 0.1 for t in range(-15, 16)]
    frame, path, joints = walkers([there, [-x + 0.3 for x in there]])
    joints[path == 1, :, 1] *= 0.9  # not quite as tall
    assert same_partition(tracks.nearest(frame, joints), path)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 7), st.integers(1, 7))
def test_assigned_is_the_best_of_all_ways(seed: int, rows: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    old, new = np.nonzero(rng.random((rows, columns)) < rng.uniform(0.2, 1))
    cost, sure = rng.uniform(0, 1.2, len(old)), rng.random(len(old))
    taken = pairing.assigned(old, new, cost, sure)
    assert len(set(old[taken])) == len(taken) == len(set(new[taken]))
    saved = np.zeros((rows, max(columns, rows) + rows))
    saved[old, new] = np.maximum(1 - cost**1.25, 1e-3) * (0.3 + 0.7 * sure)

    def most(row: int, free: frozenset[int]) -> float:
        if row == rows:
            return 0.0
        ways = [saved[row, j] + most(row + 1, free - {j}) for j in free if saved[row, j]]
        return max([most(row + 1, free), *ways])

    best = most(0, frozenset(range(columns)))
    assert saved[old[taken], new[taken]].sum() == pytest.approx(best)


def test_nearest_ends_tracks() -> None:
    gap = tracks.GAP
    here = [0.0, *[None] * (gap - 1), 0.0]
    assert set(tracks.nearest(*walkers([here])[::2])) == {0}
    longer = [0.0, *[None] * gap, 0.0]
    assert set(tracks.nearest(*walkers([longer])[::2])) == {0, 1}
    assert set(tracks.nearest(*walkers([[0.0, 4.4]])[::2])) == {0}  # the diagonal is 4.47
    assert set(tracks.nearest(*walkers([[0.0, 4.5]])[::2])) == {0, 1}


def test_numbered() -> None:
    frame = np.array([3, 0, 0, 1, 1, 1, 3 + tracks.GAP + 1])
    person = np.array([9, 4, 9, 9, 4, 4, 9])
    joints = np.stack([pose(0, 0.1 * (i + 1)) for i in range(7)])
    made = tracks.numbered(frame, person, joints)
    # Person 4 stands twice in frame 1: the more confident of the two stays.
    assert made[4] == -1 and made[1] == made[5] and made[0] == made[2] == made[3]
    assert made[6] not in made[:6]  # after a long pause
    assert made.max() == 2 and min(made[1], made[0]) == 0


def test_persons_are_the_most_present_and_confident() -> None:
    frame, path, joints = walkers([[0.0] * 3 + [None] * 3, [50.0] * 6, [99.0] * 6])
    joints[path == 2, :, 2] = 0.2
    made, dropped = tracks.persons(6, frame, path, joints, 2, "keep")
    assert made.shape == (6, 2, 3, 3) and made.dtype == np.float32
    assert (made[:, 0, 0, 0] == 49).all()  # 6 frames at 0.5
    assert (made[:3, 1, 0, 0] == -1).all() and not made[3:, 1].any()  # 3 at 0.5, not 6 at 0.2
    assert dropped == 1
    made, dropped = tracks.persons(6, frame, path, joints, 4, "keep")
    assert dropped == 0 and not made[:, 3].any()


def test_a_free_place_takes_the_next_track() -> None:
    frame, path, joints = walkers([[0.0, 0.0, None, None], [None, None, 50.0, 50.0]])
    made, dropped = tracks.persons(4, frame, path, joints, 1, "linear")
    assert dropped == 0 and made[:, 0, 0, 0].tolist() == [-1, -1, 49, 49]
    frame, path, joints = walkers([[0.0, 0.0, None, 0.0], [None, None, 50.0, None]])
    _, dropped = tracks.persons(4, frame, path, joints, 1, "linear")
    assert dropped == 1  # within a pause of the first there is no place


@pytest.mark.parametrize("missing", ["keep", "hold", "linear"])
def test_missing_joints_within_a_track(missing: str) -> None:
    frame, path, joints = walkers([[0.0, None, 4.0], [None, None, None]])
    joints[0, 1, 2] = joints[0, 1, 0] = joints[0, 1, 1] = 0  # joint 1 is seen in frame 2 alone
    made, _ = tracks.persons(5, frame, path, joints, 1, missing)  # type: ignore[arg-type]
    x = made[:, 0, :, 0].tolist()
    assert x[0][0] == -1 and x[2] == [3, 5, 4] and not made[3:].any()
    want = {
        "keep": ([0, 0, 0], 0),
        "hold": ([-1, 5, 0], 5),
        "linear": ([1, 5, 2], 5),
    }[missing]
    assert (x[1], x[0][1]) == want
    assert made[1, 0, :, 2].tolist() == [0, 0, 0] and made[0, 0, 1, 2] == 0  # nobody saw them

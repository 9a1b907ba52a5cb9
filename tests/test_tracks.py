"""Persons of a video: tracks by number and by place, against slow loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelf.data.motion import tracks

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


def slow_nearest(frame: np.ndarray, joints: np.ndarray) -> list[int]:
    """The closest pair first, one pair at a time, everything recomputed."""
    made = [-1] * len(frame)
    count = 0

    def centre(i: int) -> np.ndarray:
        return np.array([j[:2] for j in joints[i] if j[2] > 0]).mean(axis=0)

    def size(i: int) -> float:
        found = np.array([j[:2] for j in joints[i] if j[2] > 0])
        return float(np.linalg.norm(found.max(axis=0) - found.min(axis=0)))

    for now in sorted(set(frame.tolist())):
        new = [i for i in range(len(frame)) if frame[i] == now]
        live = {}
        for i in range(len(frame)):
            if made[i] >= 0 and frame[i] < now:
                live.setdefault(made[i], []).append(i)
        live = {t: m for t, m in live.items() if now - max(frame[m]) <= tracks.GAP}
        while True:
            pairs = []
            for t, mine in live.items():
                last = max(mine, key=lambda i: frame[i])
                for i in new:
                    apart = float(np.linalg.norm(centre(last) - centre(i)))
                    if apart <= max(*(size(k) for k in mine), size(i)):
                        pairs.append((apart, t, i))
            if not pairs:
                break
            _, t, i = min(pairs)
            made[i] = t
            del live[t]
            new.remove(i)
        for i in new:
            made[i] = count
            count += 1
    return made


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.floats(0.3, 1))
def test_nearest_against_the_loop(seed: int, people: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    starts, steps = rng.uniform(0, 12, people), rng.normal(0, 1.5, (people, 12)).cumsum(axis=1)
    paths = [
        [float(s + x) if rng.random() < share else None for x in walk]
        for s, walk in zip(starts, steps, strict=True)
    ]
    if not any(x is not None for path in paths for x in path):
        return
    frame, _, joints = walkers(paths)
    joints = joints * np.array([rng.uniform(0.5, 2), 1, 1])
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

from __future__ import annotations

import re

import numpy as np
import pytest

from skelf.data.clips import ClipSet
from skelf.data.synthetic.actions import ACTIONS, INTERACTIONS
from skelf.data.synthetic.clips import generate
from skelf.data.synthetic.figure import Figure
from skelf.errors import InputError
from skelf.joints.aliases import are_markers, places
from skelf.layouts import LAYOUTS
from skelf.skeleton import Skeleton

CHAIN = Skeleton(
    names=tuple("abcdef"),
    parents=(-1, 0, 1, 1, 3, 0),
    pairs=((2, 3),),
    parts={"body": tuple(range(6))},
    centre=0,
    name="nameless",
)
# Names of a motion capture file, some of them unknown to the rig.
MOCAP = Skeleton(
    names=(
        *("root", "lhipjoint", "lfemur", "ltibia", "lextra", "rhipjoint", "rfemur", "rtibia"),
        *("rextra", "middle", "thorax", "lclavicle", "lhumerus", "rclavicle", "rhumerus"),
    ),
    parents=(-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 10, 13),
    pairs=((1, 5), (2, 6), (3, 7), (4, 8), (11, 13), (12, 14)),
    parts={"body": tuple(range(15))},
    centre=0,
    name="mocap",
)
ALL = [*LAYOUTS.values(), CHAIN, MOCAP]


@pytest.mark.parametrize("skeleton", ALL, ids=lambda s: s.name)
def test_bones_keep_their_length(skeleton: Skeleton) -> None:
    clips = generate(skeleton, clips=34, persons=2, recordings=2, noise=0)
    segment = Figure.of(skeleton).segment
    rigid = np.ones(skeleton.joints, bool)
    if are_markers(skeleton.names):  # along the skin, over joints
        rigid = segment == segment[list(skeleton.bones)]
    fine = [
        j
        for j, name in enumerate(skeleton.names)
        if re.search(r"(?i)face|finger|thumb|(index|middle|ring|pinky)\d", name)
    ]
    shortest = np.full(skeleton.joints, 0.02)
    shortest[fine] = 0.002
    shortest[skeleton.root] = -1
    for i in range(len(clips)):
        for person in clips.clip(i).swapaxes(0, 1):
            body = person[person.any(axis=(1, 2))]
            if len(body):
                bones = np.linalg.norm(body - body[:, skeleton.bones], axis=-1)
                assert np.ptp(bones, axis=0)[rigid].max() < 1e-5
                assert (bones.mean(axis=0) > shortest).all()


@pytest.mark.parametrize("skeleton", LAYOUTS.values(), ids=lambda s: s.name)
def test_rest_pose_is_a_person(skeleton: Skeleton) -> None:
    rest = Figure.of(skeleton).rest
    for left, right in skeleton.pairs:
        np.testing.assert_allclose(rest[left] * [-1, 1, 1], rest[right], atol=1e-12)
        assert rest[left, 0] < 0
    at = places(skeleton.names)

    def height(part: str) -> float:
        weights = at["left", part]
        return float(sum(rest[joint, 1] * weight for joint, weight in weights.items()))

    assert 0 <= rest[:, 1].min() < 0.1 and 1.6 < rest[:, 1].max() < 1.8
    assert height("knee") < height("elbow") < height("shoulder")


def test_same_seed_same_set() -> None:
    a, b = (generate(clips=30, persons=2, recordings=1, seed=3) for _ in range(2))
    assert a.digest() == b.digest() and a.joints.tobytes() == b.joints.tobytes()
    assert a.digest() != generate(clips=30, persons=2, recordings=1, seed=4).digest()


def test_clips() -> None:
    clips = generate(clips=360, subjects=4, cameras=3)
    assert clips.class_names == tuple(ACTIONS) and clips.persons == 1
    assert np.bincount(clips.label).tolist() == [30] * 12
    by_camera = clips.label * 3 + clips.camera
    assert np.bincount(by_camera).tolist() == [10] * 36
    assert np.bincount(clips.subject).tolist() == [90] * 4
    assert clips.length.min() >= 20 and clips.length.max() <= 120 and np.ptp(clips.length) > 60
    assert 2 < clips.joints[..., 2].mean() < 4 and (clips.fps == 30).all()
    floor = clips.joints[..., 1].min(axis=(1, 2))
    assert abs(float(np.median(floor)) + 0.9) < 0.05  # feet on the floor, 0.9 m below the camera


def test_splits() -> None:
    clips = generate(clips=120)
    train, test = clips.split("xsub")
    assert set(train.subject % 2) == {1} and set(test.subject % 2) == {0}
    train, test = clips.split("xview")
    assert set(train.camera) == {0, 1} and set(test.camera) == {2}
    assert generate(clips=12, subjects=1, cameras=1).splits == {}


def test_it_says_that_it_is_synthetic() -> None:
    clips = generate(clips=12)
    assert clips.attributes["synthetic"] == "true" and "synthetic" in clips.attributes["title"]


def test_two_persons() -> None:
    clips = generate(clips=170, persons=2)
    assert clips.class_names == (*ACTIONS, *INTERACTIONS)
    for i in range(len(clips)):
        present = clips.clip(i).any(axis=(2, 3)).all(axis=0)
        assert present.tolist() == [True, clips.label[i] >= len(ACTIONS)]


@pytest.mark.parametrize("persons", [1, 2])
def test_recordings(persons: int) -> None:
    clips = generate(clips=5, recordings=6, persons=persons, noise=0)
    assert (clips.label[5:] == -1).all() and len(clips) == 11
    clip, start, end, label = clips.segments.T
    assert set(clip) == set(range(5, 11))
    assert (label >= (len(ACTIONS) if persons == 2 else 0)).all()
    for i in range(5, 11):
        mine = clip == i
        assert 3 <= mine.sum() <= 6
        borders = np.concatenate([[0], *np.stack([start, end], 1)[mine], [clips.length[i]]])
        assert (np.diff(borders) >= 15).all()  # pauses and actions by turns
        speed = np.abs(np.diff(clips.clip(i), axis=0)).max()
        assert speed < 0.6  # no jumps where actions meet: metres a frame
        assert clips.clip(i).any(axis=(2, 3)).all()


def test_an_action_moves_what_it_should() -> None:
    clips = generate(clips=12, noise=0, cameras=1)
    names = clips.skeleton.names

    def travel(action: str, joint: str) -> float:
        x = clips.clip(clips.class_names.index(action))[:, 0]
        x = x - x[:, :1]
        return float(np.linalg.norm(np.ptp(x[:, names.index(joint)], axis=0)))

    assert travel("wave left", "HandLeft") > 3 * travel("wave left", "HandRight")
    assert travel("wave right", "HandRight") > 3 * travel("wave right", "HandLeft")
    assert travel("kick left", "FootLeft") > 2 * travel("kick left", "FootRight")
    assert travel("bow", "Head") > 0.25 > travel("clap", "FootLeft")


def test_frame_rate_scales_time() -> None:
    slow, fast = generate(clips=24, fps=15), generate(clips=24, fps=60)
    assert (np.abs(fast.length - 4 * slow.length) <= 4).all()


@pytest.mark.parametrize(
    "options",
    [
        *({"clips": -1}, {"clips": 0}, {"persons": 3}, {"persons": 0}, {"cameras": 0}),
        *({"noise": -1}, {"fps": 0}, {"subjects": 0}, {"recordings": -1}, {"seed": -1}),
    ],
)
def test_bad_numbers(options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="synthetic: "):
        generate(**options)


def test_cross_view_is_neither_trivial_nor_hopeless() -> None:
    """1-NN on raw joints, centred in each frame and stretched to 64 frames: 58 % at 1,000 clips."""

    def features(clips: ClipSet) -> np.ndarray:
        rows = []
        for i in range(len(clips)):
            x = clips.clip(i) - clips.clip(i)[:, :, :1]
            rows.append(x[np.linspace(0, len(x) - 1, 64).round().astype(int)].ravel())
        return np.array(rows)

    train, test = generate(clips=600).split("xview")
    a, b = features(train), features(test)
    nearest = (((b**2).sum(1)[:, None] - 2 * b @ a.T) + (a**2).sum(1)).argmin(axis=1)
    assert 0.4 < (train.label[nearest] == test.label).mean() < 0.7

"""Forward kinematics against slow references, and what it must keep."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from skelf.data.motion.kinematics import descent, euler_rotation, forward, places
from skelf.errors import InputError

PARENTS = [2, 0, -1, 2, 3, 3]  # out of order: the root is the third


@pytest.mark.parametrize("axes", ["", "x", "zy", "xyz", "zxy", "yzx", "zyx", "xyx"])
def test_euler_angles_agree_with_scipy(axes: str) -> None:
    angles = np.random.default_rng(0).uniform(-7, 7, (5, 4, len(axes)))
    found = euler_rotation(axes, angles)
    assert found.shape == (5, 4, 3, 3)
    for at in np.ndindex(5, 4):
        # Capital letters are scipy's intrinsic rotations: the first is the outermost.
        expected = Rotation.from_euler(axes.upper(), angles[at]).as_matrix() if axes else np.eye(3)
        np.testing.assert_allclose(found[at], expected, atol=1e-12)


def random_pose(frames: int = 7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    turns = Rotation.random(frames * 6, rng).as_matrix().reshape(frames, 6, 3, 3)
    return rng.normal(size=(frames, 6, 3)), turns


def test_forward_agrees_with_chains_of_4x4_matrices() -> None:
    offsets, turns = random_pose()
    positions, orientations = forward(offsets, turns, PARENTS)
    for t, joint in np.ndindex(7, 6):
        world, at = np.eye(4), joint
        while at >= 0:
            local = np.eye(4)
            local[:3, :3], local[:3, 3] = turns[t, at], offsets[t, at]
            world, at = local @ world, PARENTS[at]
        np.testing.assert_allclose(positions[t, joint], world[:3, 3], atol=1e-12)
        np.testing.assert_allclose(orientations[t, joint], world[:3, :3], atol=1e-12)


def test_bones_keep_their_length_and_inputs_stay() -> None:
    offsets, turns = random_pose()
    fixed, before = offsets[0], turns.copy()
    positions, _ = forward(fixed, turns, PARENTS)
    for joint, parent in enumerate(PARENTS):
        if parent >= 0:
            length = np.linalg.norm(positions[:, joint] - positions[:, parent], axis=-1)
            np.testing.assert_allclose(length, np.linalg.norm(fixed[joint]), rtol=1e-12)
    np.testing.assert_array_equal(turns, before)


def test_no_turn_adds_offsets_up() -> None:
    eye = np.broadcast_to(np.eye(3), (1, 3, 3, 3))
    positions, _ = forward(np.array([[1.0, 0, 0], [0, 2, 0], [0, 0, 3]]), eye, [-1, 0, 1])
    assert positions.tolist() == [[[1, 0, 0], [1, 2, 0], [1, 2, 3]]]


def test_descent_is_depth_first() -> None:
    assert descent([-1, 0, 0, 1, 2, 1]) == [0, 1, 3, 5, 2, 4]
    assert descent(PARENTS) == [2, 0, 1, 3, 4, 5]
    assert descent([-1, *range(50_000)]) == list(range(50_001))  # no recursion


@pytest.mark.parametrize(
    ("parents", "match"),
    [([-1, 2, 1], "joint 1 form a cycle"), ([0], "cycle"), ([-1, 2], "unknown parent 2")],
)
def test_what_is_no_tree(parents: list[int], match: str) -> None:
    with pytest.raises(InputError, match=match):
        forward(np.zeros((1, len(parents), 3)), np.zeros((1, len(parents), 3, 3)), parents)


def test_places_are_those_of_matrices() -> None:
    rng = np.random.default_rng(3)
    parents = [2, 2, -1, 0, 3, -1]
    orders = ["zxy", "xyz", "yzx", "", "z", "xzyx"]
    angles = [rng.uniform(-9, 9, (len(order), 11)) for order in orders]
    for shape in ((6, 3, 11), (6, 3, 1)):
        offsets = rng.normal(size=shape)
        turns = [list(zip(o, a, strict=True)) for o, a in zip(orders, angles, strict=True)]
        rotations = [euler_rotation(o, a.T) for o, a in zip(orders, angles, strict=True)]
        still = np.broadcast_to(offsets, (6, 3, 11)).transpose(2, 0, 1)
        expected, _ = forward(still, np.stack(rotations, axis=1), parents)
        found = places(offsets, turns, parents)
        np.testing.assert_allclose(found.transpose(2, 0, 1), expected, atol=1e-12)

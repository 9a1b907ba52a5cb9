"""Which axis points up, and where a figure's camera stands: one rule each for all that ask."""

from __future__ import annotations

import numpy as np
import pytest

from skelf.data.motion.axes import UPS, Up, nearest_axis, upright
from skelf.layouts import COCO17, KINECT20
from skelf.pages import camera
from skelf.skeleton import Skeleton

UNIT = {"y": (0, 1, 0), "-y": (0, -1, 0), "z": (0, 0, 1), "-z": (0, 0, -1)}


@pytest.mark.parametrize("up", UPS)
def test_what_pointed_up_is_y_and_nobody_is_mirrored(up: Up) -> None:
    turn = upright(np.eye(3), up).T  # columns: where x, y and z go
    assert (turn @ UNIT[up]).tolist() == [0, 1, 0]
    assert np.linalg.det(turn) == 1
    assert nearest_axis(np.array(UNIT[up])) == up


def test_images_keep_left_and_right() -> None:
    points = np.array([[3.0, 4.0]], np.float32)
    assert upright(points, "-y").tolist() == [[3, -4]] and upright(points, "y") is points
    assert upright(points, "-y").dtype == np.float32


@pytest.mark.parametrize("skeleton", [KINECT20, COCO17], ids=lambda s: s.name)
@pytest.mark.parametrize("turned", [-2.0, 0.0, 1.0])
def test_the_camera_turns_with_the_body(skeleton: Skeleton, turned: float) -> None:
    x = np.random.default_rng(0).normal(size=(3, 1, skeleton.joints, 3))
    seen = np.ones(x.shape[:3], bool)
    cos, sin = np.cos(turned), np.sin(turned)
    about_y = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    change = camera.yaw(x @ about_y.T, seen, skeleton) - camera.yaw(x, seen, skeleton)
    assert np.isclose(np.cos(change), cos) and np.isclose(np.sin(change), -sin)


def test_two_persons_are_seen_from_the_side() -> None:
    x = np.zeros((2, 2, KINECT20.joints, 3))
    x[:, 1] = (0, 0, 2)  # the second stands behind the first
    assert camera.yaw(x, np.ones(x.shape[:3], bool), KINECT20) == pytest.approx(np.pi / 2)
    alone = np.ones(x.shape[:3], bool)
    alone[:, 1] = False
    assert camera.yaw(x, alone, KINECT20) == camera.TURN


def test_the_box_is_that_of_all_points() -> None:
    centre, radius, half = camera.box(np.array([[0.0, 0, 0], [6, 2, 8]]))
    assert centre.tolist() == [3, 1, 4] and radius == 5 and half == 1
    assert camera.box(np.array([[0.0, 0], [6, 2]]))[1:] == (3, 1)

"""Rules for missing joints against slow loops over one joint at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelf.data.motion.missing import fill

RULES = ("keep", "hold", "linear")


def slow(coordinates: np.ndarray, seen: np.ndarray, rule: str) -> np.ndarray:
    made = np.zeros_like(coordinates)
    frames, joints = seen.shape
    for joint in range(joints):
        known = [t for t in range(frames) if seen[t, joint]]
        for t in range(frames):
            if t in known:
                made[t, joint] = coordinates[t, joint]
                continue
            before = [k for k in known if k < t]
            after = [k for k in known if k > t]
            if rule == "keep" or not known:
                continue
            if rule == "hold":
                made[t, joint] = coordinates[before[-1] if before else after[0], joint]
            elif not before or not after:
                made[t, joint] = coordinates[(before or after)[-1 if before else 0], joint]
            else:
                a, b = before[-1], after[0]
                share = (t - a) / (b - a)
                made[t, joint] = coordinates[a, joint] * (1 - share) + coordinates[b, joint] * share
    return made


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 4), st.floats(0, 1))
def test_against_the_loop(seed: int, frames: int, joints: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    seen = rng.random((frames, joints)) < share
    coordinates = rng.normal(size=(frames, joints, 2))
    for rule in RULES:
        made = fill(coordinates, seen, rule)
        np.testing.assert_allclose(made, slow(coordinates, seen, rule), atol=1e-12)
        assert made[seen].tobytes() == coordinates[seen].tobytes()  # to the bit


def test_by_hand() -> None:
    x = np.array([9.0, 1.0, 9.0, 9.0, 7.0, 9.0])[:, None, None]
    seen = np.array([0, 1, 0, 0, 1, 0], bool)[:, None]
    assert fill(x, seen, "keep").ravel().tolist() == [0, 1, 0, 0, 7, 0]
    assert fill(x, seen, "hold").ravel().tolist() == [1, 1, 1, 1, 7, 7]
    assert fill(x, seen, "linear").ravel().tolist() == [1, 1, 3, 5, 7, 7]


@pytest.mark.parametrize("rule", RULES)
def test_never_seen_stays_zero(rule: str) -> None:
    x = np.ones((5, 2, 3), np.float32)
    seen = np.zeros((5, 2), bool)
    seen[2, 1] = True
    made = fill(x, seen, rule)
    assert made.dtype == np.float32 and not made[:, 0].any()
    assert made[:, 1].any(axis=1).sum() == (1 if rule == "keep" else 5)
    np.testing.assert_array_equal(x, 1)  # the input is left alone
    assert fill(x[:0], seen[:0], rule).shape == (0, 2, 3)


def test_linear_lies_between_its_neighbours() -> None:
    rng = np.random.default_rng(0)
    line = np.linspace(0, 1, 20)[:, None, None] * rng.normal(size=(1, 4, 3))
    seen = rng.random((20, 4)) < 0.5
    seen[[0, -1]] = True
    np.testing.assert_allclose(fill(line, seen, "linear"), line, atol=1e-12)

"""Boundary F1 against the best of all ways to pair, tried one by one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelf.errors import InputError
from skelf.metrics.boundaries import boundary_f1, pairs

MOMENTS = st.lists(st.integers(0, 12), max_size=5)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), max_size=5), MOMENTS)
def test_pairs_are_the_most_of_all_ways(ranges: list[tuple[int, int]], points: list[int]) -> None:
    bounds = np.array([(low, low + wide) for low, wide in ranges], float).reshape(-1, 2)
    longer = [*points, *[99] * len(bounds)]
    best = max(
        sum(low <= point <= high for (low, high), point in zip(bounds, order, strict=False))
        for order in permutations(longer, len(bounds))
    )
    assert pairs(bounds, np.array(points, float)) == best


@given(MOMENTS, MOMENTS, st.integers(0, 4))
def test_either_side_may_be_the_truth(a: list[int], b: list[int], tolerance: int) -> None:
    x, y = np.array(a, float), np.array(b, float)
    assert boundary_f1(x, y, tolerance) == boundary_f1(y, x, tolerance)
    assert boundary_f1(x, x, tolerance) == 1


def test_by_hand_over_two_recordings() -> None:
    truth = [np.array([1.0, 5.0]), np.array([2.0])]
    found = [np.array([1.4, 1.6, 9.0]), np.zeros(0)]
    assert boundary_f1(truth, found, 0.5) == pytest.approx(2 * 1 / 6)
    assert boundary_f1([np.zeros(0)], [np.zeros(0)], 1) == 1
    assert boundary_f1([np.zeros((0, 2))], [np.array([3.0])]) == 0


def test_what_does_not_fit() -> None:
    one = np.array([1.0])
    with pytest.raises(InputError, match="1 recordings, truth: 2"):
        boundary_f1([one, one], [one], 1)
    for truth, tolerance in ((one, None), (np.array([[1.0, 2.0]]), 1.0), (one, -1.0)):
        with pytest.raises(InputError, match="tolerance"):
            boundary_f1(truth, one, tolerance)
    with pytest.raises(InputError, match=r"ranges, got \(1, 2\)"):
        boundary_f1(one, np.array([[1.0, 2.0]]), 1)

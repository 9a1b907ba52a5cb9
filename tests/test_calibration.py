"""Calibration: the error by a slow loop, temperature and interval by what labels are drawn from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import binomtest

from skelf.errors import InputError
from skelf.metrics.calibration import (
    expected_calibration_error,
    fitted_temperature,
    threshold,
)
from skelf.metrics.clustered import wilson_of_groups
from skelf.metrics.interval import wilson


def slow_error(p, labels, bins=15):
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        mine = [i for i in range(len(p)) if low < max(p[i]) <= high]
        if mine:
            sure = sum(max(p[i]) for i in mine) / len(mine)
            right = sum(int(np.argmax(p[i]) == labels[i]) for i in mine) / len(mine)
            total += len(mine) / len(p) * abs(sure - right)
    return total


@pytest.mark.parametrize("bins", [5, 15])
def test_the_error_is_the_loops(bins):
    rng = np.random.default_rng(0)
    p, labels = softmax(rng.normal(size=(200, 4)) * 2, axis=1), rng.integers(4, size=200)
    assert expected_calibration_error(p, labels, bins) == pytest.approx(slow_error(p, labels, bins))


def test_the_error_at_the_ends():
    sure = np.array([[1.0, 0.0]] * 4)
    assert expected_calibration_error(sure, np.zeros(4, int)) == 0
    assert expected_calibration_error(sure, np.ones(4, int)) == 1
    with pytest.raises(InputError, match="no clips"):
        expected_calibration_error(sure[:0], np.zeros(0, int))


def drawn(temperature, count=4000, seed=0):
    """Logits whose labels are drawn with the probabilities at a temperature."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(count, 5)) * 3
    p = softmax(z / temperature, axis=1)
    return z, (p.cumsum(axis=1) > rng.random((count, 1))).argmax(axis=1)


@pytest.mark.parametrize("temperature", [0.02, 0.5, 1.0, 4.0])
def test_the_temperature_that_labels_were_drawn_at_comes_back(temperature):
    z, labels = drawn(1.0)
    z = z * temperature
    assert fitted_temperature(z, labels) == pytest.approx(temperature, rel=0.06)
    after = expected_calibration_error(softmax(z / fitted_temperature(z, labels), axis=1), labels)
    assert after < 0.02


def test_a_temperature_where_all_answers_are_right_or_a_class_cannot_be():
    z = np.eye(3) * 2.0
    t = fitted_temperature(z, np.arange(3))
    assert 0.1 < t < 1  # one clip more keeps it from 0
    z[:, 2] = -np.inf
    assert 0.1 < fitted_temperature(z[:2], np.arange(2)) < 1.5


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.floats(0, 0.99))
@settings(max_examples=60, deadline=None)
def test_the_threshold_loses_no_more_than_it_may(pairs, lost):
    p, right = np.array([p for p, _ in pairs]), np.array([r for _, r in pairs])
    at = threshold(p, right, lost)
    assert (p[right] < at).sum() <= lost * right.sum()
    higher = np.nextafter(at, 2)
    if right.any():  # and the next one up would lose more
        assert (p[right] < higher).sum() > lost * right.sum() - 1e-9


def test_independent_clips_have_wilsons_interval():
    right = np.random.default_rng(0).random(200) < 0.7
    assert wilson_of_groups(right, np.arange(200)) == wilson(right.mean(), 200)
    assert wilson_of_groups(right, np.zeros(200)) == wilson(right.mean(), 200)
    of_test = binomtest(int(right.sum()), 200).proportion_ci(method="wilson")
    assert wilson_of_groups(right, np.arange(200)) == pytest.approx((of_test.low, of_test.high))


def test_the_interval_of_people_who_differ_holds_the_truth():
    rng, held = np.random.default_rng(0), {"people": 0, "clips": 0}
    for _ in range(300):  # each person is recognised with a share of his own, 0.7 on average
        share = rng.beta(7, 3, size=6)
        right = rng.random((6, 20)) < share[:, None]
        low, high = wilson_of_groups(right.ravel(), np.repeat(np.arange(6), 20))
        held["people"] += low <= 0.7 <= high
        low, high = wilson(right.mean(), 120)
        held["clips"] += low <= 0.7 <= high
    assert held["people"] >= 0.93 * 300
    assert held["clips"] < 0.85 * 300  # so that it is needed

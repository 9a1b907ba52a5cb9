"""Frame rates: linear motion stays exact, the duration stays, gaps do not spread."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skelf.data.motion.resample import resample
from skelf.errors import InputError

RATES = st.one_of(st.sampled_from([15, 24, 25, 29.97, 30, 60, 100, 120]), st.floats(1, 240))


@settings(max_examples=60, deadline=None)
@given(RATES, RATES, st.integers(1, 200))
def test_linear_motion_and_duration_stay(fps: float, to: float, frames: int) -> None:
    start, speed = np.array([1.0, -2.0, 0.5]), np.array([0.3, 0.0, -4.0])
    path = start + speed * (np.arange(frames) / fps)[:, None]
    found = resample(path, fps, to)
    moments = np.arange(len(found)) / (fps if found is path else to)
    np.testing.assert_allclose(found, start + speed * moments[:, None], atol=1e-4)
    before, after = (frames - 1) / fps, (len(found) - 1) / to
    assert -1e-4 <= before - after < (1 + 1e-4) / to


def test_a_whole_ratio_takes_frames_as_they_are() -> None:
    frames = np.random.default_rng(0).normal(size=(101, 4, 3))
    np.testing.assert_array_equal(resample(frames, 120, 30, filtered=False), frames[::4])
    np.testing.assert_array_equal(resample(frames, 30, 90)[::3], frames)
    assert resample(frames, 30, 30) is frames
    assert resample(frames, 30.0000001, 30) is frames
    np.testing.assert_array_equal(resample(frames[:1], 30, 25), frames[:1])


def test_between_frames_against_np_interp() -> None:
    frames = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
    found = resample(frames, 30, 25, filtered=False)
    moments = np.arange(33) / 25
    assert found.dtype == np.float32 and len(found) == 33
    for channel in range(3):
        expected = np.interp(moments, np.arange(40) / 30, frames[:, channel])
        np.testing.assert_allclose(found[:, channel], expected, atol=1e-5)


def test_a_gap_stays_where_it_is() -> None:
    frames = np.arange(6.0)[:, None]
    frames[2] = np.nan
    assert np.isnan(resample(frames, 10, 20)[:, 0]).tolist() == [
        *[False, False, False, True, True, True, False, False, False, False, False]
    ]
    np.testing.assert_array_equal(resample(frames, 10, 5)[:, 0], [0, np.nan, 4])
    frames[2:4] = [[2], [np.nan]]
    assert resample(frames, 10, 5)[:, 0].tolist() == [0, 2, 4]  # exact hits beside gaps


@pytest.mark.parametrize(
    ("hertz", "least", "most"), [(2, 0.99, 1.01), (20, 0, 0.05), (35, 0, 1e-3)]
)
def test_what_is_too_fast_for_a_lower_rate_does_not_come_back(
    hertz: float, least: float, most: float
) -> None:
    """120 to 30 frames a second: unfiltered, 20 Hz would be seen as 10 Hz, 35 Hz as 5 Hz."""
    swing = np.sin(2 * np.pi * hertz * np.arange(2400) / 120 + 0.4)[:, None]
    inside = slice(30, -30)
    height = np.sqrt(2) * resample(swing, 120, 30)[inside].std()
    assert least <= height <= most
    assert np.sqrt(2) * resample(swing, 120, 30, filtered=False)[inside].std() > 0.99


def test_the_filter_runs_only_towards_a_lower_rate() -> None:
    frames = np.random.default_rng(2).normal(size=(50, 2))
    for rates in ((30, 60), (30, 29.97), (30, 30)):
        left = resample(frames, *rates, filtered=False)
        np.testing.assert_array_equal(resample(frames, *rates), left)
    assert np.abs(resample(frames, 30, 15)[1:-1] - frames[2:-2:2]).max() > 0.1


def test_the_filter_does_not_reach_over_a_gap() -> None:
    frames = np.random.default_rng(3).normal(size=(90, 2, 3))
    frames[40:50, 1] = np.nan
    found = resample(frames, 60, 30)
    np.testing.assert_array_equal(found[:20, 1], resample(frames[:40, 1], 60, 30))
    np.testing.assert_array_equal(found[25:, 1], resample(frames[50:, 1], 60, 30))
    np.testing.assert_array_equal(found[:, 0], resample(frames[:, 0], 60, 30))


@pytest.mark.parametrize("rates", [(0, 30), (30, 0), (30, -1), (np.nan, 30), (30, 1e9), (1e-9, 30)])
def test_bad_rates(rates: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"fps: .* frames a second; rates are 0\.1 to 10000"):
        resample(np.zeros((5, 3)), *rates)


def test_no_frames() -> None:
    with pytest.raises(InputError, match="no frames"):
        resample(np.zeros((0, 3)), 30, 15)

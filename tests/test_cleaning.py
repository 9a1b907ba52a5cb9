"""Cleaning against slow references, and what must not change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data.cleaning.clean import cleaned
from skelf.data.cleaning.gaps import fill_gaps
from skelf.data.cleaning.options import Clean, window
from skelf.data.cleaning.outliers import outliers
from skelf.data.cleaning.smooth import median_filter, savgol
from skelf.data.clips import ClipSet
from skelf.data.motion.lowpass import lowpass
from skelf.data.motion.runs import runs
from skelf.data.synthetic.clips import generate
from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.skeleton import Skeleton

ARM = Skeleton(
    names=("hip", "chest", "elbow", "hand"),
    parents=(-1, 0, 1, 2),
    pairs=(),
    parts={"body": (0, 1, 2, 3)},
    centre=0,
)
ALL = Clean(outliers=True, gaps=0.2, median=0.1, savgol=0.3, lowpass=5)


def swing(frames: int, fps: float = 30) -> np.ndarray:
    """`(T, 4, 3)`: an arm that swings slowly, with bones of constant length."""
    angle = np.sin(2 * np.pi * 0.5 * np.arange(frames) / fps)
    place = np.tile(
        np.array([[1.0, 1, 3], [1, 1.5, 3], [1.3, 1.5, 3], [1.6, 1.5, 3]]), (frames, 1, 1)
    )
    place[:, 2, :2] = place[:, 1, :2] + 0.3 * np.stack([np.cos(angle), np.sin(angle)], 1)
    place[:, 3, :2] = place[:, 2, :2] + 0.3 * np.stack([np.cos(2 * angle), np.sin(2 * angle)], 1)
    return place.astype(np.float32)


def one(joints: np.ndarray, **others: object) -> ClipSet:
    skeleton = ARM if joints.shape[1] == 4 else KINECT20
    return ClipSet.build(joints[:, None], [len(joints)], skeleton, **others)  # type: ignore[arg-type]


# Filters.


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("cutoff", [0.5, 6, 14])
def test_the_cutoff_is_where_half_of_the_power_is_left_after_both_passes(
    order: int, cutoff: float
) -> None:
    time = np.arange(3000) / 30
    wave = np.sin(2 * np.pi * cutoff * time + 0.3)
    made = lowpass(wave[:, None, None], np.ones((3000, 1), bool), 30, cutoff, order)[:, 0, 0]
    inside = slice(600, -600)
    assert np.isclose(made[inside].std() / wave[inside].std(), np.sqrt(0.5), rtol=1e-3)
    assert np.corrcoef(made[inside], wave[inside])[0, 1] > 0.9999  # no lag


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.floats(0.2, 14.9), st.integers(0, 2**32))
def test_steady_motion_and_ends_stay_however_short_the_clip(
    frames: int, cutoff: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    seen = np.ones((frames, 2), bool)
    line = rng.normal(size=(1, 2, 3)) + np.arange(frames)[:, None, None] * rng.normal(size=(2, 3))
    np.testing.assert_allclose(lowpass(line, seen, 30, cutoff), line, atol=1e-9)
    noise = rng.normal(size=(frames, 2, 3))
    made = lowpass(noise, seen, 30, cutoff)
    assert np.isfinite(made).all()
    np.testing.assert_allclose(made[[0, -1]], noise[[0, -1]], atol=1e-4)


FILTERS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "lowpass": lambda x, seen: lowpass(x, seen, 30, 4),
    "median": lambda x, seen: median_filter(x, seen, 5),
    "savgol": lambda x, seen: savgol(x, seen, 7, 3),
}


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(FILTERS)), st.integers(0, 2**32), st.floats(0.3, 1))
def test_a_filter_sees_one_stretch_of_one_joint_at_a_time(
    name: str, seed: int, share: float
) -> None:
    rng, smooth = np.random.default_rng(seed), FILTERS[name]
    x, seen = rng.normal(size=(40, 3, 2)), rng.random((40, 3)) < share
    seen[:, 2] = seen[:, 1]  # two that come and go together
    wild = np.where(seen[..., None], x, np.nan)
    made = smooth(wild, seen)
    assert np.isnan(made[~seen]).all()
    for joint in range(3):
        for start, end in runs(seen[:, joint]):
            alone = smooth(x[start:end, joint : joint + 1], np.ones((end - start, 1), bool))
            np.testing.assert_allclose(made[start:end, joint], alone[:, 0], atol=1e-12)


def test_median_and_savgol_against_loops() -> None:
    x = np.random.default_rng(0).normal(size=(30, 2, 3))
    seen = np.ones((30, 2), bool)
    padded = np.concatenate([x[:1], x[:1], x, x[-1:], x[-1:]])
    expected = np.stack([np.median(padded[t : t + 5], axis=0) for t in range(30)])
    np.testing.assert_array_equal(median_filter(x, seen, 5), expected)
    made = savgol(x, seen, 7, 3)
    time = np.arange(-3, 4)
    for t in range(3, 27):
        fit = np.polynomial.polynomial.polyfit(time, x[t - 3 : t + 4].reshape(7, 6), 3)
        np.testing.assert_allclose(made[t].ravel(), fit[0], atol=1e-12)


# Gaps.


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 25),
    st.integers(0, 4),
    st.sampled_from(["pchip", "linear"]),
)
def test_gaps_against_a_loop(seed: int, frames: int, longest: int, how: str) -> None:
    rng = np.random.default_rng(seed)
    x, seen = rng.normal(size=(frames, 3, 2)), rng.random((frames, 3)) < 0.6
    made, filled = fill_gaps(x, seen, longest, how)  # type: ignore[arg-type]
    expected, wanted = x.copy(), np.zeros_like(seen)
    for joint in range(3):
        known = np.flatnonzero(seen[:, joint]).tolist()
        pieces: list[list[int]] = [known[:1]]
        for before, after in pairwise(known):
            if after - before - 1 > longest:
                pieces.append([])
            pieces[-1].append(after)
        for piece in pieces:
            inside = [
                t for t in range(min(piece, default=0), max(piece, default=0)) if t not in piece
            ]
            wanted[inside, joint] = True
            for axis in range(2) if inside else ():
                y = x[piece, joint, axis]
                curve = PchipInterpolator(piece, y)(inside)
                line = np.interp(inside, piece, y)
                expected[inside, joint, axis] = curve if how == "pchip" else line
    np.testing.assert_array_equal(filled, wanted)
    np.testing.assert_allclose(made, expected, atol=1e-12)


def test_gaps_of_a_set_keep_confidence_zero_and_long_ones_stay() -> None:
    joints = np.concatenate([swing(60), np.full((60, 4, 1), 0.9, np.float32)], axis=2)
    truth = joints.copy()
    joints[10:13, 3] = 0
    joints[30:50, 2] = 0  # longer than 0.2 s
    joints[55:58, 1, 3] = 0  # its place was made up by the import
    joints[55:58, 1, :3] = 7
    clips = one(joints, attributes={"confidence": "true"})
    made, changes = cleaned(clips, Clean(gaps=0.2))
    found = made.clip(0)[:, 0]
    np.testing.assert_allclose(found[10:13, 3, :3], truth[10:13, 3, :3], atol=5e-3)
    np.testing.assert_allclose(found[55:58, 1, :3], truth[55:58, 1, :3], atol=1e-6)
    assert not found[10:13, 3, 3].any() and not found[55:58, 1, 3].any()
    assert not found[30:50, 2].any()
    assert (changes.filled, changes.left, changes.clips) == (6, 20, 1)
    assert "6 joints filled by pchip in gaps of up to 0.2 s, 20 left" in made.attributes["cleaned"]


# Outliers.


def test_a_joint_that_jumps_away_and_back_is_out_and_nothing_else() -> None:
    x = swing(60)
    x[20, 3] += [2, 0, 0]
    x[40:43, 3] -= [0, 3, 0]
    x[0, 2] += 2
    fast, odd = outliers(x, np.ones((60, 4), bool), ARM, 30, speed=10, bone=0.5)
    assert [tuple(map(int, at)) for at in np.argwhere(fast)] == [
        (0, 2), (20, 3), (40, 3), (41, 3), (42, 3)
    ]  # fmt: skip
    assert not odd.any()


def test_who_stays_away_was_right_to_go_and_a_body_may_leap() -> None:
    x = swing(60)
    x[30:] += 5  # all of it
    x[20:, 3] += 0.9  # and a hand, for good: the bones are left to the other rule
    seen = np.ones((60, 4), bool)
    assert not outliers(x, seen, ARM, 30, speed=10, bone=100)[0].any()


def test_by_bones_the_joint_is_found_that_explains_them() -> None:
    x = swing(60)
    x[10, 2, 2] += 0.35  # too slow for a jump; both of its bones are off
    x[30:50, 3, 2] += 0.35  # a leaf, for longer than a jump may last
    fast, odd = outliers(x, np.ones((60, 4), bool), ARM, 30, speed=30, bone=0.3)
    assert not fast.any()
    assert [tuple(map(int, at)) for at in np.argwhere(odd)] == [
        (10, 2),
        *((t, 3) for t in range(30, 50)),
    ]
    flat = np.ascontiguousarray(x[..., 1:])
    assert not outliers(flat, np.ones((60, 4), bool), ARM, 30, speed=30, bone=0.3)[1].any()


def test_outliers_become_gaps_and_gaps_are_filled_with_what_was_there() -> None:
    truth = swing(90)
    wild = truth.copy()
    wild[45:47, 3] += 4
    made, changes = cleaned(one(wild), Clean(outliers=True))
    assert not made.clip(0)[45:47, 0, 3].any() and changes.fast == 2
    made, changes = cleaned(one(wild), Clean(outliers=True, gaps=0.2))
    np.testing.assert_allclose(made.clip(0)[:, 0], truth, atol=1e-2)
    assert changes.filled == 2 and changes.left == 0


# Whole sets.


def test_noise_goes_down_on_a_made_up_set() -> None:
    truth = generate(KINECT20, clips=6, seed=3)
    noise = np.random.default_rng(0).normal(0, 0.02, truth.joints.shape).astype(np.float32)
    noisy = replace(truth, joints=truth.joints + noise)
    made, _ = cleaned(noisy, Clean(lowpass=4))
    error = lambda clips: float(np.sqrt(np.square(clips.joints - truth.joints).mean()))  # noqa: E731
    assert error(made) < 0.75 * error(noisy)
    assert made.names == truth.names and made.joints.dtype == np.float32
    np.testing.assert_array_equal(made.label, truth.label)


def test_absent_persons_and_joints_at_the_origin_stay() -> None:
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(50, 2, 20, 3)).astype(np.float32)
    joints[:, :, 0] = 0  # centred
    joints[20:40, 1] = 0
    made, changes = cleaned(ClipSet.build(joints, [30, 20], KINECT20), ALL)
    assert not made.joints[20:40, 1].any() and not made.joints[:, :, 0].any()
    assert made.joints[:, 0, 1:].any(axis=2).all() or changes.left
    # Clip 0 and clip 1 are apart: the second alone gives the same.
    alone, _ = cleaned(ClipSet.build(joints[30:], [20], KINECT20), ALL)
    np.testing.assert_array_equal(alone.joints, made.joints[30:])


def test_blocks_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = generate(KINECT20, clips=9, persons=2, seed=1)
    whole, changes = cleaned(clips, ALL)
    monkeypatch.setattr("skelf.data.motion.runs.AT_ONCE", 100)
    monkeypatch.setattr(ClipSet.blocks, "__defaults__", (1,))
    pieces, again = cleaned(clips, ALL)
    np.testing.assert_allclose(pieces.joints, whole.joints, rtol=1e-5, atol=1e-6)
    assert (again.seen, again.filled, again.clips) == (changes.seen, changes.filled, 9)


def test_one_frame_and_an_empty_clip() -> None:
    joints = np.zeros((3, 1, 4, 3), np.float32)
    joints[0] = 1
    made, _ = cleaned(ClipSet.build(joints, [1, 2], ARM), ALL)
    np.testing.assert_array_equal(made.joints, joints)
    with pytest.raises(InputError, match="nobody is in any frame"):
        cleaned(ClipSet.build(np.zeros_like(joints), [3], ARM), ALL)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"lowpass": 12.5}, r"clean\.lowpass: 12\.5 Hz .*'clip1'\) has 25 .* less than 12\.5"),
        (
            {"median": 0.05},
            r"clean\.median: a window of 0\.05 s is 1 of at least 3 .*0\.08 or more",
        ),
        ({"savgol": 0.1}, r"clean\.savgol: .* at least 5"),
        ({"savgol": 0.3, "degree": 7}, r"clean\.savgol: .* at least 9"),
    ],
)
def test_what_the_rate_of_a_clip_cannot_do(options: dict[str, float], told: str) -> None:
    clips = ClipSet.build(np.ones((4, 1, 4, 3)), [2, 2], ARM, fps=np.array([60, 25]))
    with pytest.raises(InputError, match=told):
        cleaned(clips, Clean(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options", [{}, {"lowpass": -1}, {"gaps": float("nan")}, {"fill": "spline"}]
)
def test_settings_that_do_not_hold(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"clean\."):
        Clean(**options)  # type: ignore[arg-type]


def test_a_window_is_odd() -> None:
    assert [window(0.1, fps) for fps in (20, 30, 60, 120)] == [3, 3, 7, 13]


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["clean", *map(str, words)], env={"COLUMNS": "120"})


def test_the_command_says_what_it_did_and_keeps_it(tmp_path: Path) -> None:
    store, out = tmp_path / "a.h5", tmp_path / "b.h5"
    one(swing(60)).save(store)
    done = call(store, "--out", out, "gaps=0.2", "lowpass=6")
    assert done.exit_code == 0, done.output + repr(done.exception)
    note = ClipSet.open(out).attributes["cleaned"]
    assert all(line in done.output for line in note.split("; "))
    assert "lowpass: 6 Hz, Butterworth of order 2 there and back" in note
    assert "exists already" in str(call(store, "--out", out, "lowpass=6").exception)
    assert "store that is read" in str(call(store, "--out", store, "lowpass=6").exception)
    assert "write KEY=VALUE" in str(call(store, "--out", out, "lowpass").exception)
    assert call(out, "--out", tmp_path / "c.h5", "clean.median=0.1").exit_code == 0
    again = ClipSet.open(tmp_path / "c.h5").attributes["cleaned"]
    assert again.startswith("median: window 0.1 s (3 frames); ") and again.endswith(note)
    assert "What is done, in this order" in call("--help").output

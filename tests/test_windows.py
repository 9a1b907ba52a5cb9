"""Windows: every frame is asked about, and what is said of it finds its way back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_fakes import recordings

from skelf.augment.basic import resize
from skelf.data.batch import ClipBatches
from skelf.errors import InputError
from skelf.protocols.windows import (
    as_clips,
    average,
    draw,
    draw_centred,
    frame_labels,
    lay,
    rows,
    to_frames,
)

FRAMES = np.array([100, 1, 64, 65, 7, 128])


def asked(windows, frames):
    """How often each frame of each recording is asked about."""
    counts = [np.zeros(n, int) for n in frames]
    for recording, start, length, begin, count in zip(*windows, strict=True):
        assert 0 <= start <= begin and begin + count <= start + length <= frames[recording]
        counts[recording][begin : begin + count] += 1
    return counts


@pytest.mark.parametrize(("window", "stride"), [(64, 32), (64, 64), (64, 1), (10, 7), (1, 1)])
def test_overlapping_windows_cover_every_frame(window, stride):
    windows = lay(FRAMES, "overlap", window, stride)
    assert all(count.min() >= 1 for count in asked(windows, FRAMES))
    assert (windows.length == np.minimum(FRAMES, window)[windows.recording]).all()
    for number, frames in enumerate(FRAMES):
        starts = windows.start[windows.recording == number]
        last = max(0, frames - window)
        assert starts.tolist() == sorted({*range(0, last, stride), last})


@pytest.mark.parametrize("window", [64, 10, 1])
def test_disjoint_windows_ask_once(window):
    windows = lay(FRAMES, "disjoint", window, 999)
    assert all((count == 1).all() for count in asked(windows, FRAMES))
    assert (windows.length == np.minimum(FRAMES, window)[windows.recording]).all()


def test_every_frame_has_its_centred_window():
    """The released rule: from frame 0, to the end, or as many frames before as behind."""
    windows = lay(FRAMES, "centred", 64, 1)
    assert all((count == 1).all() for count in asked(windows, FRAMES))
    for recording, start, length, t, _ in zip(*windows, strict=True):
        n, width = FRAMES[recording], min(64, FRAMES[recording])
        expected = t - 32
        if t < 32 or n < 64:
            expected = 0
        elif t > n - 32:
            expected = n - 64
        assert (start, length) == (expected, width)
    some = lay(FRAMES, "centred", 64, 4)
    assert some.begin[some.recording == 0].tolist() == list(range(0, 100, 4))
    assert some.begin[some.recording == 1].tolist() == [0]


def test_gaps_are_refused():
    with pytest.raises(InputError, match=r"eval\.stride: 9 frames between windows of 8"):
        lay(FRAMES, "overlap", 8, 9)


@pytest.mark.parametrize("place", [draw, draw_centred])
def test_drawn_windows_lie_inside_and_everywhere(place):
    recording = np.repeat(np.arange(len(FRAMES)), 300)
    drawn = place(FRAMES, recording, 64, torch.Generator().manual_seed(0))
    counts = asked(drawn, FRAMES)
    assert all(count.min() >= 1 for count in (counts[1], counts[4]))
    starts = drawn.start[drawn.recording == 0]
    assert starts.min() == 0 and starts.max() == 36
    again = place(FRAMES, recording, 64, torch.Generator().manual_seed(0))
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))


@pytest.mark.parametrize("way", ["overlap", "disjoint", "centred"])
def test_average_against_a_slow_loop(way):
    windows = lay(FRAMES, way, 20, 8 if way == "overlap" else 1)
    window, within, frame = rows(windows, FRAMES)
    rng = np.random.default_rng(0)
    said = rng.random((len(windows.start), 20, 3))  # of every frame of every window
    total = [np.zeros((n, 3)) for n in FRAMES]
    times = [np.zeros((n, 1)) for n in FRAMES]
    for w, (recording, start, _, begin, count) in enumerate(zip(*windows, strict=True)):
        for t in range(begin, begin + count):
            total[recording][t] += said[w, t - start]
            times[recording][t] += 1
    expected = np.concatenate([a / b for a, b in zip(total, times, strict=True)])
    values = torch.from_numpy(said[window, within])
    found = average(values, torch.from_numpy(frame), int(FRAMES.sum()))
    np.testing.assert_allclose(found.numpy(), expected)


def test_frames_nobody_speaks_of_are_zero():
    found = average(torch.ones(2, 1), torch.tensor([0, 2]), 3)
    assert found[:, 0].tolist() == [1, 0, 1]


@pytest.mark.parametrize("count", [4, 16, 40])
def test_way_back_is_linear_in_time(count):
    """What is linear in time within a window stays so: resized to the encoder's frames and back."""
    lengths = torch.tensor([16, 9, 1])
    time = torch.zeros(3, 1, 16, 1, 1)
    for clip, length in enumerate(lengths):
        time[clip, 0, :length, 0, 0] = torch.arange(length).float()
    there = resize(time, lengths, count)[:, 0, :, 0, 0]
    back = to_frames(there[..., None], lengths)[..., 0]
    assert back.shape == (3, 16)
    for clip, length in enumerate(lengths.tolist()):
        own = back[clip, :length]
        # Both ways clamp at the ends, over half a frame of the coarser of both.
        edge = 0 if count == length else -(-length // count)
        inner = slice(edge, length - edge)
        torch.testing.assert_close(own[inner], torch.arange(length).float()[inner])
        assert (own.diff() >= 0).all()


def test_as_many_frames_come_back_bit_equal():
    rows_ = torch.randn(3, 8, 5)
    assert torch.equal(to_frames(rows_, torch.tensor([8, 8, 8])), rows_)


def test_windows_as_clips_hold_their_frames():
    made = recordings(3)
    windows = lay(made.length, "overlap", 20, 13)
    clips = as_clips(made, windows)
    x, lengths = ClipBatches(clips, resident=False)(np.arange(len(clips)))
    for w, (recording, start, length, _, _) in enumerate(zip(*windows, strict=True)):
        own = made.clip(recording)[start : start + length]  # (T, M, V, C)
        assert int(lengths[w]) == length
        np.testing.assert_array_equal(x[w, :, :length].permute(1, 3, 2, 0).numpy(), own)
    assert not len(clips.segments) and not clips.splits


def test_frame_labels():
    segments = np.array([[1, 2, 5, 0], [0, 4, 8, 1], [0, 1, 6, 2]])
    labels = frame_labels(np.array([10, 5]), segments)
    assert labels.tolist() == [0, 3, 3, 3, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1, 1]
    none = frame_labels(np.array([3]), np.zeros((0, 4), np.int64))
    assert none.tolist() == [0, 0, 0]
    made = recordings(2)
    moved = replace(made, segments=made.segments[::-1])
    assert np.array_equal(
        frame_labels(made.length, made.segments), frame_labels(moved.length, moved.segments)
    )

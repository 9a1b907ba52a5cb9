"""Frames that come one after the other: the numbers of the whole recording."""

import numpy as np
import pytest
import torch

from skelf.data.normalize import normalize
from skelf.data.normalize_frames import FrameNormalizer
from skelf.data.normalize_names import MOVES, NORMALISERS, STEPS, keeping_time
from skelf.encoders.gru import GRU
from skelf.layouts import KINECT20
from skelf.streams import STREAMS

EXACT = [name for name in STEPS if name not in (*MOVES, "scale", "facing-frames")]


def recording(frames=12, persons=2, channels=3):
    """Person 0 comes in frame 1, person 1 in frame 4; a joint and a whole frame are missing."""
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(1, channels, frames, 20, persons, generator=generator) + 2
    x[:, :, 0] = 0
    x[:, :, :4, :, 1:] = 0
    x[:, :, 6, 7, 0] = 0
    x[:, :, 8, :, 0] = 0
    return x


def frames_of(x):
    return list(x[0].permute(1, 0, 2, 3).numpy())


def whole(x, name, coordinates=None):
    lengths = torch.tensor([x.shape[2]])
    return normalize(x, lengths, keeping_time(name), KINECT20, coordinates)[0]


def by_frame(x, name, coordinates=None, window=64):
    step = FrameNormalizer(name, KINECT20, coordinates or x.shape[1], window)
    return torch.from_numpy(np.stack([step(frame) for frame in frames_of(x)], axis=1))[None]


@pytest.mark.parametrize("name", [*EXACT, "agcn", "agcn-noz", "root+centre+facing"])
def test_normalised_as_the_whole_recording(name):
    x = recording()
    before = x.clone()
    torch.testing.assert_close(by_frame(x, name), whole(x, name), rtol=1e-5, atol=1e-5)
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", ["centre", "root", "centre-frames", "scale"])
def test_a_confidence_stays_as_it_is(name):
    x = recording(channels=3)
    x[:, 2] = x[:, 2].abs() * (x[:, 0] != 0)
    found = by_frame(x, name, coordinates=2)
    assert torch.equal(found[:, 2], x[:, 2])
    if name != "scale":
        torch.testing.assert_close(found, whole(x, name, 2))


@pytest.mark.parametrize("name", ["scale", "facing-frames", "aimclr", "centre+scale"])
@pytest.mark.parametrize("window", [3, 64])
def test_steps_over_a_clip_look_back_on_the_latest_frames(name, window):
    x = recording()
    found = by_frame(x, name, window=window)
    for t in range(x.shape[2]):
        first = max(0, t + 1 - window) if "centre" not in name else 0
        if "centre" in name and window < 64:
            continue  # the origin is that of the first frame, and the box that of the latest
        seen = whole(x[:, :, first : t + 1], name)
        torch.testing.assert_close(found[:, :, t], seen[:, :, -1], rtol=1e-5, atol=1e-5)


def test_every_normalisation_has_its_steps():
    for name in NORMALISERS:
        assert by_frame(torch.zeros(1, 3, 2, 20, 1), name).eq(0).all()


def encoder_and_clip(stream, persons=2, confidence=False):
    torch.manual_seed(0)
    encoder = GRU(KINECT20, 3, persons, stream, confidence, dim=8, layers=3, frames=12).eval()
    x = recording(persons=persons)
    with torch.no_grad():
        encoder.norm.running_mean.normal_()
        encoder.norm.running_var.uniform_(0.5, 2)
        encoder.norm.weight.uniform_(0.5, 2)
        encoder.norm.bias.normal_()
    return encoder, x


def stepped(encoder, x):
    step = encoder.steps()
    state, rows = step.start(), []
    for frame in frames_of(x):
        vector, state = step(frame, state)
        rows += [] if vector is None else [vector]
    last, state = step.finish(state)
    rows += [] if last is None else [last]
    return torch.from_numpy(np.stack(rows))[None]


@torch.no_grad()
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("persons, confidence", [(1, False), (2, False), (2, True)])
def test_a_gru_steps_as_it_reads_the_whole(stream, persons, confidence):
    encoder, x = encoder_and_clip(stream, persons, confidence)
    rows = stepped(encoder, x)
    torch.testing.assert_close(rows, encoder.frames(x), rtol=0, atol=1e-5)
    torch.testing.assert_close(rows[:, -1], encoder(x), rtol=0, atol=1e-5)


def test_a_step_leaves_its_state_as_it_was():
    encoder, x = encoder_and_clip("motion")
    step, frames = encoder.steps(), frames_of(x)
    _, state = step(frames[0], step.start())
    kept = state.hidden.copy(), state.waiting.copy()
    first = [step(frame, state)[0] for frame in (frames[1], frames[2])]
    again = [step(frame, state)[0] for frame in (frames[1], frames[2])]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(*first)
    assert np.array_equal(state.hidden, kept[0]) and np.array_equal(state.waiting, kept[1])
    assert step.delay == 1


def test_steps_do_not_overflow_and_take_double():
    encoder, x = encoder_and_clip("joint")
    assert np.isfinite(stepped(encoder, x * 1e30).numpy()).all()
    double = encoder.double()
    rows = stepped(double, x.double())
    torch.testing.assert_close(rows, double.frames(x.double()).detach(), rtol=0, atol=1e-12)


def test_a_gru_that_looks_ahead_cannot_step():
    with pytest.raises(ValueError, match="causal"):
        GRU(KINECT20, dim=4, causal=False).steps()

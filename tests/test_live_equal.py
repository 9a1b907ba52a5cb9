"""What is answered live equals what the model says of the whole sequence, or of the same window."""

import numpy as np
import pytest
import torch
from live_fakes import KINECT20, NAMES, Played, clip, model

from skelf.data.clips import ClipSet
from skelf.data.normalize import normalize
from skelf.data.normalize_names import keeping_time
from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.live.options import Live
from skelf.live.plan import Plan, planned
from skelf.live.timeline import Stamped
from skelf.live.ways import Sliding
from skelf.protocols.dense import Reader, outputs
from skelf.protocols.features import extract
from skelf.protocols.windows import lay
from skelf.streams import STREAMS


def batch(frames):
    """`(1, C, T, V, M)`."""
    return torch.from_numpy(frames).permute(1, 0, 2, 3)[None]


def score(event):
    return [event["probabilities"][name] for name in NAMES]


@torch.no_grad()
def whole(made, frames):
    """Probabilities `(T, K)` of the whole sequence."""
    x, lengths = batch(frames), torch.tensor([len(frames)])
    name = keeping_time(made.encoder.normalize)
    x = normalize(x, lengths, name, KINECT20, made.encoder.coordinates)[0]
    made.encoder.num_frames = len(frames)
    return made.probabilities(made.encoder.frames(x))[0].numpy()


@pytest.mark.parametrize("normalize", ["centre", "agcn-noz", "root"])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_gru_steps_as_it_reads_the_whole(stream, normalize):
    made, frames = model(stream=stream, normalize=normalize, persons=2), clip(30, persons=2)
    frames[:, :, 5, 0] = 0
    frames[12, :, :, 1] = 0
    played = Played(made, stride=1 / 30, top=3)
    played.play(frames)
    assert len(played.events) == 30 - (stream == "motion")
    events = played.finish()
    assert [event["t"] for event in events] == pytest.approx(np.arange(30) / 30, abs=1e-6)
    np.testing.assert_allclose([score(e) for e in events], whole(made, frames), atol=1e-4)


@pytest.mark.parametrize("stream", ["joint", "motion"])
def test_a_detectors_events_are_those_of_the_whole(stream):
    made, frames = model(kind="detector", stream=stream, frames=16, sharp=8.0), clip(60)
    frames += np.random.default_rng(0).normal(size=frames.shape).astype(np.float32)
    played = Played(made, smoothing=0, enter=0.5, leave=0.5)
    played.play(frames)
    events = played.finish()
    p = whole(made, frames)[:, 1:]
    best = np.where(p.max(axis=1) >= 0.5, p.argmax(axis=1), -1)
    starts = [(t, NAMES[b]) for t, b in enumerate(best) if b >= 0 and (t == 0 or best[t - 1] != b)]
    assert len(starts) > 2
    begun = [(round(e["t"] * 30), e["label"]) for e in events if e["event"] == "start"]
    assert begun == starts
    assert sum(e["event"] == "end" for e in events) == len(starts)


@pytest.mark.parametrize("name", list(ENCODERS))
def test_a_sliding_window_is_answered_as_the_clip_that_it_is(name):
    made, frames = model(name, normalize="agcn-noz"), clip(40)
    played = Played(made, way="slide", window=0.4, stride=0.2, top=3)  # 12 frames, every 6
    played.play(frames)
    ends = [12, 18, 24, 30, 36]
    assert [round(e["t"] * 30) + 1 for e in played.events] == ends
    joints = frames.transpose(0, 3, 2, 1)  # (T, M, V, C)
    windows = np.concatenate([joints[end - 12 : end] for end in ends])
    clips = ClipSet.build(windows, [12] * len(ends), KINECT20)
    features = extract(made.encoder, clips)
    with torch.no_grad():
        expected = made.probabilities(features).numpy()
    np.testing.assert_allclose([score(e) for e in played.events], expected, atol=1e-4)


PLAN = Plan(False, None, 12, 6, "frames", 1, "window", 0.0)


@pytest.mark.parametrize("normalize_on", ["window", "recording"])
@pytest.mark.parametrize("name", list(ENCODERS))
def test_a_sliding_detector_reads_windows_as_detection_does(name, normalize_on):
    made = model(name, "detector", normalize="agcn", windows={"window": 0.4})
    frames = clip(30)
    way = Sliding(
        made.encoder, "agcn", made.probabilities, PLAN._replace(normalize_on=normalize_on)
    )
    moments = [m for t, x in enumerate(frames) for m in way(Stamped(t, x))] + way.finish()
    assert [moment.time for moment in moments] == list(range(30))
    clips = ClipSet.build(frames.transpose(0, 3, 2, 1), [30], KINECT20)
    reader = Reader(made.encoder, clips, "cpu", normalize_on=normalize_on, window=12)
    windows = lay(np.array([30]), "overlap", 12, 6)
    rows = torch.cat([r for _, r in outputs(made.encoder, reader, windows, made.head)])
    rows = torch.softmax(rows / made.temperature, dim=1).detach()
    rows = rows.view(4, 12, -1)  # windows from frames 0, 6, 12 and 18
    expected = torch.cat([rows[0], *(row[-6:] for row in rows[1:])])
    np.testing.assert_allclose([m.p for m in moments], expected, atol=1e-4)


@pytest.mark.parametrize("name, read", [("gru", 1), ("gru", 2), ("sttr", 2)])
def test_a_centred_detector_answers_for_the_middle(name, read):
    made, frames = model(name, "detector"), clip(20)
    plan = PLAN._replace(asks="centre", read=read)
    way = Sliding(made.encoder, "centre", made.probabilities, plan)
    moments = [m for t, x in enumerate(frames) for m in way(Stamped(t, x))] + way.finish()
    assert [moment.time for moment in moments] == [6, 12]
    clips = ClipSet.build(frames.transpose(0, 3, 2, 1), [20], KINECT20)
    reader = Reader(made.encoder, clips, "cpu", centred=True, step=read, window=12)
    windows = lay(np.array([20]), "centred", 12, 1).take(np.array([6, 12]))
    if name == "gru":
        made.encoder.num_frames = reader.frames
    expected = torch.cat([r for _, r in outputs(made.encoder, reader, windows, made.probabilities)])
    np.testing.assert_allclose([m.p for m in moments], expected, atol=1e-5)


def test_what_a_short_visit_leaves_is_answered_at_its_end():
    made, frames = model("sttr"), clip(9)
    played = Played(made, window=0.5)
    played.play(frames)
    assert not played.events
    (event,) = played.finish()
    clips = ClipSet.build(frames.transpose(0, 3, 2, 1), [9], KINECT20)
    with torch.no_grad():
        expected = made.probabilities(extract(made.encoder, clips))[0]
    np.testing.assert_allclose(score(event), expected, atol=1e-4)
    assert event["unknown"] == (event["score"] < 0.4) and event["person"] is None


def plan(made, fps=30.0, **how):
    return planned(
        made.encoder, made.needs, Live(**how), fps, windows=made.windows, rules=made.rules
    )


def test_the_way_that_is_taken():
    assert plan(model()).steps and not plan(model("sttr")).steps
    assert not plan(model(), way="slide").steps
    centred = {"windows": "centred", "window": 0.5, "step": 0.1}
    found = plan(model(kind="detector", windows=centred))
    assert (found.steps, found.asks, found.window, found.read) == (False, "centre", 15, 3)
    with pytest.raises(InputError, match="STTR cannot go frame by frame"):
        plan(model("sttr"), way="step")
    with pytest.raises(InputError, match="looks ahead"):
        plan(model(kind="detector", windows=centred), way="step")
    ahead = model()
    ahead.encoder.causal = False
    assert not plan(ahead).steps


def test_the_rate_that_is_taken():
    trained = model(source={"fps": [20, 30]})
    assert plan(trained, 30.0).rate is None and plan(trained, 32.0).rate is None
    assert plan(trained, 60.0).rate == 30 and plan(trained, 10.0).rate == 20
    assert plan(model(), 200.0).rate is None  # nobody knows what it was trained on
    assert plan(trained, 30.0, rate=15).rate == 15
    # A GRU's frames are those of the windows that its detector learnt from: 8 in 8 / 15 s.
    detector = model(kind="detector", windows={"window": 8 / 15})
    assert plan(detector, 30.0).rate == pytest.approx(15)
    assert plan(detector, 30.0, way="slide").rate is None
    assert plan(detector, 30.0, way="slide").window == 16
    frames = model(kind="detector", windows={"window": 8}, rules={"unit": "frames"})
    assert plan(frames, 30.0).rate is None and plan(frames, 30.0, way="slide").window == 8

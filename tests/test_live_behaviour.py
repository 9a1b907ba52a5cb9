"""What happens with frames that come as they like: the table in docs/live.md, line by line."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_fakes import KINECT20, Played, clip, message, model

from skelf.data.joints.mapping import apply
from skelf.data.joints.origins import origins
from skelf.data.motion.resample import resample
from skelf.errors import InputError
from skelf.layouts import NTU25
from skelf.live.counts import Counts
from skelf.live.message import REQUESTS
from skelf.live.timeline import Timeline

FRAMES = clip(40)


def shown(**how):
    """A stepping classifier that answers every frame, with its events."""
    made = how.pop("made", None) or model(**how.pop("model", {}))
    return Played(made, **{"stride": 1 / 30, **how})


def scores(events):
    return [event["score"] for event in events]


def test_late_frames_go_and_are_counted():
    played, other = shown(), shown()
    played.play(FRAMES[:20])
    played(message(FRAMES[0], 0.1), message(FRAMES[1], 0.2))
    played.play(FRAMES[20:], start=20 / 30)
    other.play(FRAMES)
    assert played.counts["late"] == 2 and played.counts["frames"] == 40
    assert played.events == other.events


@pytest.mark.parametrize("same", ["time", "number"])
def test_repeated_frames_go_and_are_counted(same):
    played, other = shown(), shown()
    other.play(FRAMES)
    for at, frame in enumerate(FRAMES):
        played(message(frame, at / 30, frame=at))
        later = at / 30 + (0.001 if same == "number" else 0)
        played(message(FRAMES[0], later, frame=at if same == "number" else at + 1))
    assert played.counts["repeated"] == 40
    assert played.events == other.events


def test_a_short_gap_is_filled_by_a_straight_line():
    filled = FRAMES.copy()
    filled[21:24] = FRAMES[20] + np.arange(1, 4).reshape(3, 1, 1, 1) / 4 * (FRAMES[24] - FRAMES[20])
    played, other = shown(), shown()
    other.play(filled)
    played.play(FRAMES[:21])
    played.play(FRAMES[24:], start=24 / 30)
    assert played.counts["filled"] == 3 and played.counts["gaps"] == 0
    assert scores(played.events) == pytest.approx(scores(other.events), abs=2e-4)
    assert [e["t"] for e in played.events] == pytest.approx([e["t"] for e in other.events])


def test_a_joint_that_is_missing_beside_a_gap_is_missing_in_it():
    timeline = Timeline(None, 0.1, 1.0, Counts().of)
    frame = np.ones((3, 4, 1), np.float32)
    timeline(0.0, frame)
    half = frame.copy()
    half[:, 2] = 0
    between, after = timeline(0.2, half)
    assert between.time == pytest.approx(0.1) and after.joints is half
    assert between.joints.any(axis=0)[:, 0].tolist() == [True, True, False, True]


def test_after_a_longer_gap_the_state_goes_on():
    played, other = shown(), shown()
    played.play(FRAMES[:20])
    played.play(FRAMES[20:], start=20 / 30 + 1.0)  # away for a second
    other.play(FRAMES)
    assert played.counts["gaps"] == 1 and played.counts["left"] == played.counts["filled"] == 0
    assert scores(played.events) == scores(other.events)


def test_whoever_was_away_for_long_begins_anew():
    played, anew = shown(), shown()
    played.play(FRAMES[:20])
    fresh = played.play(FRAMES[20:], start=20 / 30 + 2.5)
    anew.play(FRAMES[20:])
    assert played.counts["left"] == 1
    assert scores(fresh) == scores(anew.events)


def test_an_open_action_ends_where_the_person_was_last_seen():
    played = Played(model(kind="detector"), enter=0.0, leave=0.0)
    played.play(FRAMES[:20], person="a")
    assert played.events[0]["event"] == "start"
    played.play(FRAMES[:2], start=2.0, person="b")
    assert not [e for e in played.events if e["event"] == "end" and e["person"] == "a"][1:]
    fresh = played.play(FRAMES[:1], start=4.0, person="b")
    ended = [e for e in fresh if e["event"] == "end" and e["person"] == "a"]
    assert [e["t"] for e in ended] == [pytest.approx(19 / 30, abs=1e-6)]
    assert ended[0]["start"] >= 0


def test_silence_is_leaving_too():
    played = shown()
    played.play(FRAMES[:20])
    assert played.session.idle(1.0) == [] and played.counts["left"] == 0
    played.session.idle(2.1)
    assert played.counts["left"] == 1 and not played.session.tracks.by_person


def test_somebody_who_is_not_there_is_away():
    played = shown()
    played.play(FRAMES[:20])
    played(*(json.dumps({"t": 1 + t, "joints": None}).encode() for t in range(3)))
    played(message(np.zeros((3, 20)), 4.0))
    assert played.counts["empty"] == 4 and played.counts["left"] == 1


def test_each_person_has_a_state_of_their_own():
    both, first, second = shown(), shown(), shown()
    other = clip(40, seed=5)
    for at in range(40):
        both(message(FRAMES[at], at / 30, "a"), message(other[at], at / 30, 7))
    first.play(FRAMES, person="a")
    second.play(other, person=7)
    for person, alone in (("a", first), (7, second)):
        assert [e for e in both.events if e["person"] == person] == alone.events


def test_persons_in_one_message_are_judged_together():
    made, frames = model(persons=2), clip(20, persons=2)
    played, swapped = Played(made, stride=1 / 30), Played(made, stride=1 / 30)
    played.play(frames)
    swapped.play(frames[..., ::-1])
    assert played.events and scores(played.events) != scores(swapped.events)
    one = shown()
    one.play(frames)
    assert one.rubbish == {"persons": 20} and "send each on its own" in one.said[0]


def test_of_too_many_persons_the_one_unseen_for_longest_goes():
    played = shown()
    played.play(FRAMES[:10], person="first")
    for who in range(32):
        played(message(FRAMES[0], 0.4, who))
    assert played.counts["crowded"] == 1 and "first" not in played.session.tracks.by_person


@pytest.mark.parametrize("fps, rate", [(60, 30), (30, 20), (10, 30), (29.7, 30)])
def test_another_rate_is_changed_on_the_fly(fps, rate):
    counts = Counts()
    timeline = Timeline(rate, 1 / fps, 0.5, counts.of)
    found = [s for t, x in enumerate(FRAMES) for s in timeline(t / fps, x)]
    count = 1 + int(np.floor(39 * rate / fps + 1e-6))
    moments, old = np.arange(count) / rate, np.arange(40) / fps
    lines = [np.interp(moments, old, line) for line in FRAMES.reshape(40, -1).T]
    expected = np.stack(lines, axis=1).reshape(count, *FRAMES.shape[1:])
    if rate >= fps:
        np.testing.assert_allclose(resample(FRAMES, fps, rate), expected, atol=1e-5)
    assert [s.time for s in found] == pytest.approx(np.arange(len(expected)) / rate)
    np.testing.assert_allclose([s.joints for s in found], expected, atol=1e-5)
    assert not +counts.of


def test_a_rate_that_the_model_does_not_know_is_said():
    source = {"fps": [30, 30]}
    played, plain = shown(model={"source": source}), shown(model={"source": source})
    played.play(FRAMES, fps=60)
    plain.play(FRAMES[::2])
    assert played.said == [
        "the source: 60 frames a second; step by step, brought to 30 frames a second"
    ]
    assert scores(played.events) == pytest.approx(scores(plain.events), abs=2e-4)
    assert plain.said == ["the source: 30 frames a second; step by step"]


def test_a_clock_that_begins_anew():
    played, anew = shown(), shown()
    played.play(FRAMES, start=1000.0)
    fresh = played.play(FRAMES)
    anew.play(FRAMES[9:])
    assert played.counts["restarts"] == 1 and played.counts["late"] == 10
    assert scores(fresh) == scores(anew.events)


def test_a_clock_that_begins_anew_with_others():
    played, anew = shown(), shown()
    played.play(FRAMES, start=1000.0, person="before")
    fresh = played.play(FRAMES, person="after")
    anew.play(FRAMES[9:])
    assert played.counts["restarts"] == 1 and played.counts["late"] == 10
    assert scores(fresh) == scores(anew.events)


def test_a_person_whose_clock_is_behind_is_late():
    played, alone = shown(), shown()
    for at, frame in enumerate(FRAMES):
        played(message(frame, 100 + at / 30, "a"), message(frame, 90 + at / 30, "b"))
    alone.play(FRAMES)
    found = [event for event in played.events if event["person"] == "a"]
    assert scores(found) == scores(alone.events)
    assert played.counts["restarts"] == 0 and played.counts["late"] >= 36


def test_a_time_may_be_left_out():
    played, other = shown(fps=30.0), shown()
    played(*(message(frame, frame=at) for at, frame in enumerate(FRAMES)))
    other.play(FRAMES)
    assert played.events == other.events
    arrived = shown()
    arrived(*(message(frame) for frame in FRAMES))  # the fake's clock: one a second
    assert arrived.said == ["the source: 1 frames a second; step by step"]


RUBBISH = {
    b"\xff\x00 no json": "json",
    b"[1, 2]": "json",
    b"[" * 100_000: "json",
    b'{"t": 1}': "joints",
    b'{"t": 1e400, "joints": []}': "t",
    b'{"t": true, "joints": []}': "t",
    b'{"t": "1", "joints": []}': "t",
    b'{"frame": {}, "joints": []}': "frame",
    b'{"person": [1], "joints": []}': "person",
    b'{"request": "dance"}': "request",
    b'{"joints": 5}': "joints",
    b'{"joints": [[1, 2, 3]]}': "count",
    b'{"joints": {"here": [1, 2, 3]}}': "names",
    b'{"joints": {}}': "numbers",
    json.dumps({"joints": [[1, 2]] * 20}).encode(): "coordinates",
    json.dumps({"joints": [[1, 2, 3, 4, 5]] * 20}).encode(): "coordinates",
    json.dumps({"joints": [[1e300, 2, 3]] * 20}).encode(): "coordinates",
    json.dumps({"joints": [[1, 2, 3]] * 19 + [[1, 2]]}).encode(): "numbers",
    json.dumps({"joints": [["a", "b", "c"]] * 20}).encode(): "numbers",
    json.dumps({"joints": [5] * 20}).encode(): "numbers",
    json.dumps({"joints": [[[[1, 2, 3]]] * 20]}).encode(): "numbers",
    b" " * (1 << 20) + b"1": "size",
}


def test_rubbish_is_counted_and_nothing_is_lost():
    played, other = shown(), shown()
    for at, frame in enumerate(FRAMES):
        played(*RUBBISH if at % 20 == 5 else (), message(frame, at / 30))
    other.play(FRAMES)
    assert played.events == other.events and played.counts["frames"] == 40
    kinds = list(RUBBISH.values())
    assert played.rubbish == {kind: 2 * kinds.count(kind) for kind in kinds}
    lines = [line for line in played.said if "only counted" in line]
    assert len(lines) == len(set(kinds)) and all("\n" not in line for line in lines)


joint = st.none() | st.lists(st.none() | st.floats() | st.text(max_size=2), max_size=4)
some_joints = st.lists(joint, max_size=21) | st.dictionaries(st.sampled_from(KINECT20.names), joint)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
messages = st.fixed_dictionaries(
    {"joints": some_joints | st.lists(some_joints, max_size=2) | anything},
    optional={"t": st.floats() | anything, "frame": anything, "person": anything},
)


KEPT = ("frames", "empty", "late", "repeated")


def seen(played):
    """Messages that are accounted for; the first of a new clock is late, too."""
    kept = sum(played.counts[key] for key in KEPT) - played.counts["restarts"]
    return kept + sum(played.rubbish.values())


@pytest.fixture(scope="module")
def lasting():
    played = shown()
    played.play(FRAMES)
    return played


@settings(max_examples=25, deadline=None)
@given(strange=st.lists(messages | anything, min_size=1, max_size=5))
def test_no_message_stops_it(lasting, strange):
    before = seen(lasting)
    lasting(*(json.dumps(each).encode() for each in strange))
    requests = sum(isinstance(each, dict) and each.get("request") in REQUESTS for each in strange)
    assert seen(lasting) == before + len(strange) - requests
    assert len(lasting.session.tracks.by_person) <= 32


def test_joints_come_by_name_in_any_layout():
    frames = clip(12)[..., 0]
    source = NTU25.names
    full = np.random.default_rng(0).normal(size=(12, 3, 25)).astype(np.float32) * 0.5 + 2
    by_name, by_list, ready = shown(), shown(layout=NTU25), shown()
    for at, x in enumerate(full):
        joints = {name: x[:, v].tolist() for v, name in enumerate(source)}
        if at == 4:
            del joints[source[3]]
            x[:, 3] = 0
        by_name(json.dumps({"t": at / 30, "joints": joints}).encode())
        by_list(message(x, at / 30))
        plan = origins(NTU25, KINECT20)
        mapped = apply(plan, x.T[None, None])[0, 0].T
        ready(message(mapped, at / 30))
    assert by_name.events == by_list.events == ready.events and len(ready.events) == len(frames)
    assert by_name.said[0] == "joints: the source brought to kinect20 by name; stand-in: Spine"


def test_a_layout_without_the_joints_is_refused():
    with pytest.raises(InputError, match=r"only 0 of the 20 joints .*: send more of"):
        shown(layout=NTU25.__class__(("a", "b"), (-1, 0), (), {"body": (0, 1)}, 0))


def test_confidence_is_taken_or_left():
    flat = clip(12, channels=2)
    with_confidence = np.concatenate([flat, np.full_like(flat[:, :1], 0.5)], axis=1)
    for confidence in (False, True):
        made = {"channels": 2 + confidence, "confidence": confidence}
        played = shown(model=made)
        played.play(flat)
        assert len(played.events) == 12
        other = shown(model=made)
        other.play(with_confidence)
        if confidence:
            assert scores(other.events) != scores(played.events)
        else:
            assert other.rubbish == {"coordinates": 12}  # a third coordinate, it may be


def test_units_and_axes():
    source = {"size": 2.0, "unit": "metre", "up": "y"}
    plain, scaled = shown(model={"source": source}), shown(model={"source": source}, unit="mm")
    turned = shown(model={"source": source}, up="z")
    plain.play(FRAMES)
    scaled.play(FRAMES * 1000)
    turned.play(FRAMES[:, [0, 2, 1]] * np.array([1, -1, 1], np.float32)[:, None, None])
    assert scores(scaled.events) == pytest.approx(scores(plain.events), abs=2e-4)
    assert scores(turned.events) == pytest.approx(scores(plain.events), abs=2e-4)
    assert "multiplied by 0.001" in scaled.said[0] and "z turned to y" in turned.said[0]
    with pytest.raises(InputError, match=r"by a factor of .*--unit mm"):
        shown(model={"source": source}).play(FRAMES * 1000)
    with pytest.raises(InputError, match="unknown unit 'parsec'"):
        shown(unit="parsec")


def test_statistics_on_request():
    played = shown()
    played.play(FRAMES)
    played(b"rubbish")
    played.session.counts.seconds.extend([0.001, 0.003])
    (event,) = played(b'{"request": "stats"}')
    assert event["frames"] == 40 and event["events"] == 40 and event["rubbish"] == {"json": 1}
    assert event["latency_ms"] == {"median": 2.0, "p99": 2.98}
    assert "40 frames, 40 events; 1 not readable; latency 2.00 ms" in played.session.counts.said()
    played(b'{"request": "end"}')
    assert played.session.ended


def test_a_source_that_ends_at_once():
    played = shown()
    assert played.finish() == [] and played.session.counts.said() == "0 frames, 0 events"
    played = shown()
    played.play(FRAMES[:1])
    assert len(played.finish()) == 1 and "too few frames" in played.said[0]

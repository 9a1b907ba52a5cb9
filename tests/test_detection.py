"""Detection: from recordings to numbers, what is kept of them, and their fusion."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_runs
import torch
from protocol_fakes import assert_same, clips, snapshot
from recording_fakes import CLASSES, Frames, recordings

import skelf
from skelf.data.clips import ClipSet
from skelf.data.normalize_names import keeping_time
from skelf.data.synthetic.clips import generate
from skelf.encoders.gru import GRU
from skelf.errors import InputError
from skelf.layouts import KINECT20
from skelf.metrics.detection import mean_ap
from skelf.protocols import PROTOCOLS
from skelf.protocols.dense import Reader, dense, outputs, taking
from skelf.protocols.detection import Detection, detection
from skelf.protocols.outcome import Outcome
from skelf.protocols.recordings import Recordings, find, fused
from skelf.protocols.rules import Rules
from skelf.protocols.windows import frame_labels, lay
from skelf.report.evidence import Evidence
from skelf.report.gather import _read_scores
from skelf.results import recordings as scores_recordings
from skelf.results import scores
from skelf.results.fusion import fuse
from skelf.settings.evaluation import evaluation
from skelf.settings.options import from_flat, table

FAST = {
    **{"unit": "frames", "window": 16, "epochs": 4, "lr": 0.1, "milestones": (), "test_every": 2},
    **{"smoothing": 1, "proposals": "background"},
}
TUNE = FAST | {"tune": True, "draws": 4, "batch_size": 8, "epochs": 8, "batchnorm": "frozen"}
FIRST = ["map_a_voc@0.5", "map_a_pku@0.5", "map_v_voc@0.5", "map_v_pku@0.5"]
ROW = {
    **{"protocol": "detection", "definition": "what was found", "method": "pcm3"},
    **{"form": "official", "encoder": "gru", "stream": "joint", "data": "set", "split": "half"},
    **{"seed": 0, "eval_seed": 0, "seconds": 1.0, "version": "1", "config": {"eval": {}}},
}


@pytest.mark.parametrize(
    "options",
    [
        FAST,
        FAST | {"windows": "disjoint", "proposals": "class", "threshold": 0.4},
        FAST
        | {
            "standardize": True,
            "normalize_on": "recording",
            "proposals": "growing",
            "threshold": 0.5,
        },
        FAST | {"window": 9, "windows": "centred", "step": 3, "smoothing": 0, "epochs": 20},
        TUNE,
        TUNE | {"batchnorm": "update", "normalize_on": "recording", "epochs": 12},
    ],
)
def test_separable_recordings_are_found_and_the_encoder_stays(options):
    encoder = Frames(num_frames=16).train()
    before = snapshot(encoder)
    values = detection(
        encoder, recordings(8), recordings(4, 1), from_flat(Detection, options)
    ).values
    assert_same(encoder, before)
    centred = options.get("windows") == "centred"  # a mean over nine frames blurs the ends
    assert values["map_a_voc@0.5.last"] > (0.8 if centred else 0.95)
    assert values["frame_accuracy.last"] > (0.75 if centred else 0.9)
    assert values["f1@50.last"] > 0.8 and values["edit.last"] > 0.8
    assert all(0 <= value <= 1 for value in values.values())


def test_values_are_those_of_what_is_kept():
    outcome = detection(
        Frames(), recordings(), recordings(3, 1), from_flat(Detection, FAST | {"tious": (0.1, 0.7)})
    )
    names = [key for key in outcome.values if key.endswith(".last")]
    assert [name.removesuffix(".last") for name in names[:4]] == FIRST
    maps = {f"map_{o}_{d}@{t}" for o in "av" for d in ("voc", "pku") for t in ("0.1", "0.5", "0.7")}
    others = {"frame_accuracy", "edit", "f1@10", "f1@25", "f1@50"}
    assert {name.removesuffix(".last") for name in names} == maps | others
    assert len(outcome.values) == 2 * len(names)
    kept = outcome.recordings
    assert list(kept.probabilities) == ["last", "best_on_test"]
    p = kept.probabilities["last"]
    assert p.shape == (kept.frames.sum(), CLASSES + 1) and p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    expected = mean_ap(kept.segments, kept.detections(), 0.7, definition="pku", over="video")
    assert outcome.values["map_v_pku@0.7.last"] == expected
    assert outcome.scores is None and not outcome.by_selection() and not len(outcome.labels)
    assert "\n" not in outcome.definition
    for part in (
        "windows of 16 frames every 8",
        "(background, its default",
        "smoothed over 1 frames",
    ):
        assert part in outcome.definition
    assert PROTOCOLS["detection"] is detection


def test_best_on_test_is_the_best_check():
    some = recordings(4, noise=3.0), recordings(3, 1, noise=3.0)
    options = FAST | {"lr": 0.5, "test_every": 1, "epochs": 6}
    values = detection(Frames(), *some, from_flat(Detection, options)).values
    checks = [
        detection(Frames(), *some, from_flat(Detection, options | {"epochs": e})).values[
            "map_a_voc@0.5.last"
        ]
        for e in range(1, 7)
    ]
    assert values["map_a_voc@0.5.best_on_test"] == max(checks)
    assert values["map_a_voc@0.5.last"] == checks[-1]


def test_chance_on_shuffled_labels():
    some = [recordings(12, seed, length=(90, 120)) for seed in range(2)]
    rng = np.random.default_rng(0)
    for part in some:
        part.segments[:, 3] = rng.integers(0, CLASSES, len(part.segments))
    values = detection(Frames(), *some, from_flat(Detection, FAST)).values
    assert values["map_a_voc@0.5.last"] < 0.55
    # Where something happens is still seen.
    merged = [replace(part, segments=part.segments * [1, 1, 1, 0]) for part in some]
    assert (
        detection(Frames(), *merged, from_flat(Detection, FAST)).values["map_a_voc@0.5.last"] > 0.95
    )


@pytest.mark.parametrize("options", [FAST, TUNE, FAST | {"windows": "centred", "step": 4}])
def test_recordings_shorter_than_the_window(options):
    some = recordings(6, length=(20, 90)), recordings(4, 1, length=(20, 40))
    values = detection(
        Frames(num_frames=12), *some, from_flat(Detection, options | {"window": 64})
    ).values
    assert values["frame_accuracy.last"] > 0.4


def test_a_class_that_training_never_shows():
    learned, judged = recordings(used=[0, 1]), recordings(4, 1)
    outcome = detection(Frames(), learned, judged, from_flat(Detection, FAST))
    assert 2 in judged.segments[:, 3]
    assert 0.3 < outcome.values["map_a_voc@0.5.last"] < 0.75
    assert 2 not in outcome.recordings.detections().label


@pytest.mark.parametrize("options", [FAST | {"epochs": 2}, TUNE | {"epochs": 2}])
def test_same_seed_same_numbers_and_the_global_generator_stays(options):
    some = recordings(4, noise=2.0), recordings(3, 1, noise=2.0)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, again = (
        detection(Frames(), *some, from_flat(Detection, options), seed=1) for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert first.values == again.values
    pairs = [one.recordings.probabilities["last"] for one in (first, again)]
    assert np.array_equal(*pairs)
    other = detection(Frames(), *some, from_flat(Detection, options), seed=2)
    assert not np.array_equal(pairs[0], other.recordings.probabilities["last"])


def test_background_weight_moves_the_balance():
    some = recordings(4, noise=3.0), recordings(3, 1, noise=3.0)
    shares = [
        detection(Frames(), *some, from_flat(Detection, FAST | {"background_weight": w}))
        .recordings.probabilities["last"][:, 0]
        .mean()
        for w in (0.1, 1.0, 10.0)
    ]
    assert shares[0] < shares[1] < shares[2]


def gru(frames=8, seed=0):
    torch.manual_seed(seed)
    return GRU(KINECT20, dim=4, layers=1, frames=frames, persons=1).eval()


def test_dense_features_against_a_slow_loop():
    made = recordings(2, length=(30, 40))
    encoder = gru(12)
    windows = lay(made.length, "overlap", 12, 5)
    reader = Reader(encoder, made, "cpu", window=12)
    found = dense(encoder, reader, windows)
    expected = []
    for recording, start, length, _, _ in zip(*windows, strict=True):
        own = torch.from_numpy(made.clip(recording)[start : start + length])  # (T, M, V, C)
        with torch.no_grad():
            expected.append(encoder.frames(own.permute(3, 0, 2, 1)[None])[0])
    torch.testing.assert_close(found, torch.cat(expected))
    head = torch.nn.Linear(8, 3)
    with torch.no_grad():
        made_of = torch.cat([z for _, z in outputs(encoder, reader, windows, head, batch_size=3)])
        torch.testing.assert_close(made_of, head(found))


def test_centred_windows_of_a_gru_are_the_released_ones():
    """16 frames, every fourth of 64, as they are, whatever number the encoder was trained on."""
    made = recordings(2, length=(90, 99))
    encoder = gru(8)
    reader = Reader(encoder, made, "cpu", centred=True, step=4, window=64)
    windows = lay(made.length, "centred", 64, 7)
    found = dense(encoder, reader, windows)
    assert encoder.num_frames == 8
    with taking(encoder, 16), torch.no_grad():
        for w, (recording, start, *_) in enumerate(zip(*windows, strict=True)):
            own = torch.from_numpy(made.clip(recording)[start : start + 64 : 4])
            states = encoder.frames(own.permute(3, 0, 2, 1)[None])
            torch.testing.assert_close(found[w], states[0, -1])
    other = Frames(num_frames=8)
    detection(
        other,
        made,
        made,
        from_flat(Detection, FAST | {"window": 64, "windows": "centred", "step": 4}),
    )
    assert {shape[2] for shape in other.seen} == {8}


def test_jitter_draws_the_step():
    encoder = gru(8)
    options = TUNE | {"windows": "centred", "window": 32, "step": 4, "jitter": 1, "epochs": 1}
    before = snapshot(encoder)
    outcome = detection(encoder, recordings(3), recordings(2, 1), from_flat(Detection, options))
    assert_same(encoder, before)
    assert encoder.num_frames == 8 and "jitter 1" in outcome.definition


def test_normalised_by_window_or_by_recording():
    """A step by the first frame knows which one it is; one that treats frames alone does not."""
    walking = recordings(2)
    walking.joints[..., 0] += np.arange(len(walking.joints))[:, None, None] / 10
    for name, same in (("centre", False), ("root", True)):
        made = replace(walking, normalize=name)
        windows = lay(made.length, "overlap", 10, 10)
        read = [
            Reader(Frames(10), made, "cpu", normalize_on=on, window=10)(windows)[0]
            for on in ("window", "recording")
        ]
        assert torch.allclose(*read, atol=1e-5) == same
        if not same:
            hip = KINECT20.centre
            assert (read[0][:, :, 0, hip].abs() < 1e-5).all()
            assert read[1][1, 0, 0, hip].abs() > 0.5


@pytest.mark.parametrize("name", ["trim+root", "resize50", "aimclr", "agcn"])
def test_steps_that_move_frames_are_left_out_and_the_definition_says_so(name):
    made, still = recordings(2), keeping_time(name)
    encoder = Frames(10)
    encoder.normalize = name  # as one that comes from a run has it
    windows = lay(made.length, "overlap", 10, 10)
    expected = Reader(Frames(10), replace(made, normalize=still), "cpu", window=10)(windows)
    for given in (made, replace(made, normalize=name), replace(made, normalize=still)):
        x, lengths = Reader(encoder, given, "cpu", window=10)(windows)
        assert torch.equal(x, expected[0]) and torch.equal(lengths, expected[1])
    options = from_flat(Detection, FAST)
    assert (
        f"({still}, steps that move frames left out)"
        in detection(encoder, made, made, options).definition
    )


def test_recordings_without_segments_are_refused():
    good, bare = recordings(), clips(np.arange(6))
    with pytest.raises(InputError, match="segments: the training split has none"):
        detection(Frames(), bare, good)
    with pytest.raises(InputError, match="segments: the test split has none"):
        detection(Frames(), good, bare)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tune": True, "standardize": True}, r"eval\.standardize: "),
        ({"jitter": 1, "windows": "centred", "step": 4}, r"eval\.jitter, eval\.draws: "),
        ({"draws": 3}, r"eval\.jitter, eval\.draws: they belong to eval\.tune=true"),
        ({"windows": "disjoint", "stride": 8}, r"eval\.stride: disjoint windows"),
        ({"step": 4}, r"eval\.step, eval\.jitter: they belong to eval\.windows=centred"),
        (
            {"windows": "centred", "step": 2, "jitter": 2, "tune": True},
            r"eval\.step: 2 with eval\.jitter=2",
        ),
        ({"windows": "centred", "step": 17}, r"eval\.step: 17 .* windows of 16"),
        ({"stride": 17}, r"eval\.stride: 17"),
        ({"window": 0}, r"eval\.window: "),
        ({"windows": "none"}, r"eval\.windows: "),
        ({"proposals": "other"}, r"eval\.proposals: "),
        ({"threshold": 1.5}, r"eval\.threshold: "),
        ({"tious": (0.5, 0.0)}, r"eval\.tious: "),
        ({"smoothing": -1}, r"eval\.smoothing: "),
        ({"lr": float("nan")}, r"eval\.lr: "),
        ({"momentum": 0.0}, r"eval\.nesterov: "),
        ({"lr": 1e38}, r"diverged in epoch"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        detection(Frames(), recordings(2), recordings(2), from_flat(Detection, FAST | options))


def test_documented_settings_exist():
    """Each setting that the page names, and each released pipeline as it stands there."""
    page = (Path(__file__).parents[1] / "docs/detection.md").read_text()
    known = table(Detection)
    named = set(re.findall(r"`eval\.(\w+)`", page))
    assert len(named) > 12 and named <= known.keys()
    pipelines = page.split("## The released pipelines")[1].split("Where we cannot")[0]
    lines = re.findall(r"\| (and )?`(eval.*)` \|", pipelines)
    assert [bool(more) for more, _ in lines] == [False, True, False, False]
    words = []
    for more, line in lines:
        words = [*(words if more else ()), *shlex.split(line)]
        evaluation({"detection": detection}, overrides=words)


def test_clips_that_are_cut_are_left_out(tmp_path):
    """They have no segments, and are not background either."""
    cut = clips(np.arange(6) % CLASSES)
    sides = [
        replace(part, fps=np.arange(1, len(part) + 1, dtype=np.float32))
        for part in (recordings(), recordings(3, 1))
    ]
    mixed = [
        ClipSet.build(
            np.concatenate([cut.joints, part.joints]),
            [*cut.length, *part.length],
            KINECT20,
            class_names=part.class_names,
            fps=np.concatenate([np.full(len(cut), 99), part.fps]).astype(np.float32),
            name=[*cut.names, *part.names],
            label=np.concatenate([cut.label, part.label]),
            segments=part.segments + np.array([len(cut), 0, 0, 0]),
        )
        for part in sides
    ]
    expected = detection(Frames(), *sides, from_flat(Detection, FAST))
    made = detection(Frames(), *mixed, from_flat(Detection, FAST))
    assert made.values == expected.values
    path = tmp_path / "a.npz"
    assert scores.save(path, made, mixed[1], ROW)
    found = scores_recordings.read(path)
    assert found.names == sides[1].names
    assert found.recordings.fps.tolist() == [1, 2, 3]


def test_the_definition_names_the_rate_of_the_head():
    options = FAST | {"epochs": 1, "head_lr": 0.25, "clip_norm": 3.0}
    said = detection(
        Frames(), recordings(2), recordings(2), from_flat(Detection, options)
    ).definition
    assert "lr 0.1 (head 0.25)" in said and "gradient norm up to 3" in said


def test_features_that_are_not_finite_are_refused():
    encoder = Frames()
    encoder.scale.data[3] = float("nan")
    with pytest.raises(InputError, match="hold NaN or Inf"):
        detection(encoder, recordings(2), recordings(2), from_flat(Detection, FAST))


def test_features_that_no_memory_holds_are_refused(monkeypatch):
    from skelf.protocols import frame_heads

    monkeypatch.setattr(frame_heads, "MEMORY_SHARE", 1e-9)
    with pytest.raises(InputError, match=r"use eval\.tune=true, which keeps none"):
        detection(Frames(), recordings(2), recordings(2), from_flat(Detection, FAST))


def test_released_smoothing_stays_inside():
    p = np.zeros((30, 2))
    p[20:, 1] = p[:20, 0] = 1
    rules = Rules(unit="frames", smoothing=5, smoothing_form="official", proposals="background")
    counts = [rules.counts(30, 1)] * 2
    found = find(np.concatenate([p, p[::-1]]), np.array([30, 30]), rules, counts)
    assert found.recording.tolist() == [0, 1]
    assert found.end.tolist()[0] == 30 and found.start.tolist()[1] == 0


def test_suppression_drops_weaker_ones_of_other_classes():
    p = np.full((20, 3), 0.01)
    p[:, 1], p[4:16, 2], p[:, 0] = 0.6, 0.3, 0.1
    rules = Rules(unit="frames", smoothing=0, proposals="class", threshold=0.2)
    for nms, labels in ((0.0, [0, 1]), (0.5, [0]), (0.7, [0, 1])):
        some = replace(rules, nms=nms)
        assert find(p, np.array([20]), some, [some.counts(30, 1)]).label.tolist() == labels


def test_a_check_that_is_last_and_best_is_judged_once(monkeypatch):
    made, calls = kept(0), []
    p = made.probabilities["last"]
    made = made._replace(probabilities={"last": p, "best_on_test": p})
    whole = Recordings.judge
    monkeypatch.setattr(Recordings, "judge", lambda *of: calls.append(of) or whole(*of))
    values = made.values()
    assert len(calls) == 1
    assert {k.removesuffix(".last"): v for k, v in values.items() if k.endswith(".last")} == {
        k.removesuffix(".best_on_test"): v for k, v in values.items() if k.endswith("test")
    }


def kept(seed, frames=(40, 25), classes=CLASSES, rules=None):
    """Frame probabilities that lean towards the truth."""
    rng = np.random.default_rng(seed)
    segments = np.array([[0, 5, 15, 0], [0, 25, 36, 2], [1, 4, 14, 1]])
    frames = np.array(frames)
    labels = frame_labels(frames, segments)
    made = {}
    for name in ("last", "best_on_test"):
        p = rng.random((len(labels), classes + 1)) ** 3
        p[np.arange(len(labels)), labels] += 0.35
        made[name] = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    rules = rules or Rules(unit="frames", smoothing=1, tious=(0.3, 0.5))
    fps = np.array([30, 15], np.float32)
    return Recordings(frames, made, segments, rules, fps, short_action=0.5)


class Test:
    """What is saved of a test split."""

    names = ("one", "two")
    label = np.array([-1, -1])
    fps = np.array([30, 15])
    segments = np.array([[0, 5, 15, 0], [0, 25, 36, 2], [1, 4, 14, 1]])
    class_names = tuple(f"class {i}" for i in range(CLASSES))


def put(path, made, **row):
    outcome = Outcome(made.values(), None, np.empty(0), "", recordings=made)
    assert scores.save(path, outcome, Test, ROW | row)
    return path


def test_frame_probabilities_round_trip(tmp_path):
    made = kept(0)
    path = put(tmp_path / "a.npz", made)
    assert scores_recordings.holds(path)
    found = scores_recordings.read(path)
    assert found.names == ["one", "two"] and found.class_names == list(Test.class_names)
    assert found.recordings.fps.tolist() == [30, 15]
    assert found.recordings.short_action == 0.5
    assert found.recordings.rules == made.rules
    assert found.recordings.values() == made.values()
    for name, p in made.probabilities.items():
        assert np.array_equal(found.recordings.probabilities[name], p)
    with np.load(path, allow_pickle=False) as plain:
        assert set(plain.files) == {
            *("probabilities", "probabilities_best_on_test", "frames", "fps", "segments", "found"),
            *("found_scores", "names", "class_names", "row", "short_action"),
        }
        assert np.array_equal(plain["found"][:, 1], made.detections().start)
        assert np.array_equal(plain["found_scores"], made.detections().score)
    with pytest.raises(InputError, match=r"a\.npz: field 'labels' is missing"):
        scores.read(path)


@pytest.mark.parametrize("weights", [None, (1.0, 3.0), (1.0, 0.0)])
def test_fusion_against_a_slow_loop(tmp_path, weights):
    streams = {name: kept(seed) for seed, name in enumerate(("joint", "motion"))}
    files = [put(tmp_path / f"{n}.npz", made, stream=n) for n, made in streams.items()]
    rows = fuse(files, weights=weights, out=tmp_path / "fused.json")
    written = json.loads((tmp_path / "fused.json").read_text())
    assert [{k: v for k, v in row.items() if k != "checksum"} for row in written] == rows
    used = weights or (0.6, 0.4)
    for selection in ("last", "best_on_test"):
        one, other = (made.probabilities[selection] for made in streams.values())
        mixed = np.zeros(one.shape)
        for t in range(len(one)):
            for k in range(CLASSES + 1):
                mixed[t, k] = used[0] * float(one[t, k]) + used[1] * float(other[t, k])
                mixed[t, k] /= sum(used)
        first = streams["joint"]
        expected = first._replace(probabilities={selection: mixed}).values()
        found = {
            f"{row['metric']}.{selection}": row["value"]
            for row in rows
            if row["selection"] == selection
        }
        assert found.keys() == expected.keys() and next(iter(found)).startswith(FIRST[0])
        for key, value in expected.items():
            assert found[key] == pytest.approx(value), key
    assert {row["stream"] for row in rows} == {"joint+motion"}
    inputs = rows[0]["config"]["inputs"]
    assert inputs[0]["values"] == streams["joint"].values()
    assert "weighted mean of frame probabilities" in rows[0]["definition"]


def test_fusion_helps_where_streams_err_apart():
    streams = [kept(seed) for seed in range(6)]
    alone = np.mean([one.judge("last")["frame_accuracy"] for one in streams])
    together = fused(streams, [1.0] * 6).judge("last")["frame_accuracy"]
    assert together > alone


def test_what_does_not_belong_together(tmp_path):
    first = put(tmp_path / "a.npz", kept(0))
    class_rule = Rules(unit="frames", smoothing=1, tious=(0.3, 0.5), proposals="class")
    for other, message in (
        (put(tmp_path / "b.npz", kept(1, rules=class_rule)), r"eval\.proposals.* differ: 'growing"),
        (put(tmp_path / "c.npz", kept(1, frames=(41, 25))), r"frames\[0\] differ: 40 and 41"),
        (put(tmp_path / "d.npz", kept(1), protocol="linear"), "protocol differ"),
    ):
        with pytest.raises(InputError, match=message):
            fuse([first, other])


BAD = [
    ({"probabilities": None}, "field 'labels' is missing"),
    ({"probabilities": np.ones((65, 3))}, r"probabilities \(last\): shape \(65, 3\), expected"),
    ({"probabilities": np.full((65, 4), np.nan)}, r"probabilities \(last\): not all in \[0, 1\]"),
    ({"frames": np.array([40])}, "frames: 1 entries for 2 names"),
    ({"frames": np.array([65, 0])}, "frames: 2 entries for 2 names, each at least 1"),
    ({"segments": np.zeros((0, 4), int)}, "segments: shape"),
    ({"segments": np.array([[2, 0, 1, 0]])}, "segments: not all lie in"),
    ({"segments": np.array([[1, 0, 26, 0]])}, "segments: not all lie in"),
    ({"segments": np.array([[0, 0, 9, 3]])}, "segments: not all lie in"),
    ({"row": np.array(json.dumps(ROW | {"selection": "last"}))}, "row: rules"),
    (
        {"row": np.array(json.dumps(ROW | {"selection": "last", "rules": {"smoothing": -1}}))},
        "row: rules",
    ),
]


@pytest.mark.parametrize(("arrays", "message"), BAD)
def test_wrong_fields(tmp_path, arrays, message):
    first, path = put(tmp_path / "a.npz", kept(0)), put(tmp_path / "b.npz", kept(1))
    with np.load(path) as file:
        data = dict(file) | arrays
    np.savez(path, **{key: value for key, value in data.items() if value is not None})
    with pytest.raises(InputError, match=rf"b\.npz: {message}"):
        fuse([first, path])


def test_from_a_run_to_fused_detections(tmp_path):
    """`evaluate` saves frame probabilities beside results, `fuse` and the report read them.

    The run knows the rate of its clips, and recordings of another are spoken of.
    """
    made = generate(clips=20, recordings=6, seed=1, noise=0.002)
    only = made.take(made.label < 0)
    only = only.with_split("half", [1, 1, 1, 1, 2, 2])
    only = replace(only, fps=np.full(6, 7.5, np.float32))
    run, files = tmp_path / "run", []
    tiny_runs.pretrain(run, "train.epochs=1")
    for seed in (0, 1):
        with pytest.warns(UserWarning, match=r"pretrained on clips of 30 .* has 7\.5") as caught:
            rows = skelf.evaluate(
                ["detection"], run, only, split="half", out=tmp_path / f"{seed}.json", seed=seed,
                overrides=["eval.epochs=1", "eval.window=4", "eval.tious=[0.1]"],
            )  # fmt: skip
        assert sum("pretrained" in str(w.message) for w in caught) == 1
        assert rows[0]["config"]["source"]["fps"] == [30.0, 30.0]
        assert "recordings of 7.5 frames a second" in rows[0]["definition"]
        assert [row["metric"] for row in rows[:4]] == FIRST
        assert {row["selection"] for row in rows} == {"last", "best_on_test"}
        files.append(tmp_path / f"{seed}.detection.scores.npz")
        found = scores_recordings.read(files[-1])
        assert found.names == only.names[4:]
        values = found.recordings.values()
        for row in rows:
            assert row["value"] == values[f"{row['metric']}.{row['selection']}"]
    with pytest.warns(UserWarning, match="all of stream joint"):
        assert len(skelf.fuse(files)) == len(rows)
    found = Evidence()
    _read_scores(files[0], files[0].name.split(".")[0], found)
    assert not found.notes and not found.scored_clips

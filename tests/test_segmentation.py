"""Segmentation: whole recordings, from windows to numbers, and at several frame rates."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_fakes import assert_same, clips, snapshot
from recording_fakes import CLASSES, Frames, recordings

from skelf.data.clips import ClipSet
from skelf.data.readers import READERS
from skelf.data.synthetic.clips import generate
from skelf.encoders.gru import GRU
from skelf.encoders.joints import Joints
from skelf.errors import InputError
from skelf.inference.rate import retimed
from skelf.layouts import KINECT20, SBU15
from skelf.metrics.detection import mean_ap
from skelf.protocols import PROTOCOLS
from skelf.protocols.dense import dense
from skelf.protocols.detection import Detection, detection, reader_of
from skelf.protocols.dilated import Dilated
from skelf.protocols.laying import Laying
from skelf.protocols.recipe import Annealed
from skelf.protocols.recording_heads import Side, answers, encoded, moved, standardise, still
from skelf.protocols.segmentation import Segmentation, segmentation
from skelf.protocols.windows import average, lay, rows
from skelf.settings.evaluation import evaluation
from skelf.settings.options import from_flat

FAST = {
    **{"unit": "frames", "window": 16, "epochs": 12, "field": 7, "width": 16, "dropout": 0.0},
    **{"smoothing": 1, "proposals": "background", "test_every": 4, "lr": 0.01},
}


def how(**options):
    return from_flat(Segmentation, FAST | options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"windows": "disjoint", "proposals": "class", "threshold": 0.4},
        {"normalize_on": "recording", "proposals": "growing", "threshold": 0.5},
        {"window": 9, "windows": "centred", "step": 3, "smoothing": 0, "epochs": 20},
        {"tune": True},
        {"tune": True, "batchnorm": "update", "encoder_lr": 1e-3, "windows": "disjoint"},
    ],
)
def test_separable_recordings_are_found_and_the_encoder_stays(options):
    encoder = Frames(num_frames=16).train()
    before = snapshot(encoder)
    values = segmentation(encoder, recordings(8), recordings(4, 1), how(**options)).values
    assert_same(encoder, before)
    assert values["map_a_voc@0.5.last"] > 0.9 and values["frame_accuracy.last"] > 0.8
    assert values["f1@50.last"] > 0.8 and values["edit.last"] > 0.8
    assert all(0 <= value <= 1 for value in values.values())


def announced(count, seed):
    """Recordings whose actions look alike, each announced by a pose some frames before it."""
    rng = np.random.default_rng(seed)
    pose = np.random.default_rng(7).normal(size=(5, 1, 20, 3))
    joints, segments, lengths = [], [], []
    for number in range(count):
        shown = []
        for _ in range(3):
            label = int(rng.integers(2))
            start = len(shown) + 16
            segments.append((number, start, start + 10, label))
            shown += [0] * 6 + [1 + label] * 4 + [0] * 6 + [3] * 10
        shown += [0] * 6
        joints.append(pose[shown] + 0.05 * rng.normal(size=(len(shown), 1, 20, 3)))
        lengths.append(len(shown))
    return ClipSet.build(
        np.concatenate(joints), lengths, KINECT20, class_names=["a", "b"],
        segments=np.array(segments),
    )  # fmt: skip


def test_the_head_sees_what_happened_before():
    """A linear head on single frames is at chance here; so is a field that ends too early."""
    some = announced(12, 0), announced(6, 1)
    wide, narrow = (
        segmentation(Frames(), *some, how(field=field, epochs=25)).values["map_a_voc@0.5.last"]
        for field in (31, 3)
    )
    linear = from_flat(
        Detection, {"unit": "frames", "window": 16, "epochs": 10, "proposals": "background"}
    )
    alone = detection(Frames(), *some, linear).values["map_a_voc@0.5.last"]
    assert wide > 0.95 and max(narrow, alone) < 0.7


def test_values_are_those_of_what_is_kept_and_detections_numbers():
    some = recordings(), recordings(3, 1)
    outcome = segmentation(Frames(), *some, how(tious=(0.1, 0.7)))
    kept = outcome.recordings
    assert list(kept.probabilities) == ["last", "best_on_test"]
    p = kept.probabilities["last"]
    assert p.shape == (kept.frames.sum(), CLASSES + 1) and p.dtype == np.float32
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)
    expected = mean_ap(kept.segments, kept.detections(), 0.7, definition="pku", over="video")
    assert outcome.values["map_v_pku@0.7.last"] == expected
    other = from_flat(Detection, {"unit": "frames", "window": 16, "epochs": 1, "tious": (0.1, 0.7)})
    assert list(outcome.values) == list(detection(Frames(), *some, other).values)
    assert outcome.scores is None and not outcome.by_selection() and not len(outcome.labels)
    assert "\n" not in outcome.definition
    for part in ("windows of 16 frames every 8", "features averaged", "3 layers of width 16"):
        assert part in outcome.definition
    assert PROTOCOLS["segmentation"] is segmentation


def test_best_on_test_is_the_best_check():
    some = recordings(4, noise=3.0), recordings(3, 1, noise=3.0)
    outcome = segmentation(Frames(), *some, how(test_every=1, epochs=6))
    key = "map_a_voc@0.5"
    best, last = (outcome.values[f"{key}.{which}"] for which in ("best_on_test", "last"))
    assert best >= last and outcome.recordings.headline("best_on_test") == best
    one = segmentation(Frames(), *some, how(test_every=6, epochs=6))
    assert one.values[f"{key}.last"] == one.values[f"{key}.best_on_test"] == last


def test_seeds():
    some = recordings(4, noise=1.0), recordings(3, 1, noise=1.0)
    for tune in (False, True):
        options = how(epochs=3, dropout=0.3, tune=tune)
        first, again, other = (
            segmentation(Frames(), *some, options, seed=seed).recordings.probabilities["last"]
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first, again)
        assert np.abs(first - other).max() > 1e-3


def test_a_tuned_copy_learns_what_the_head_alone_cannot():
    """The encoder's scale hides all joints; only a copy that trains can bring them back."""

    def blind():
        encoder = Frames(num_frames=16)
        encoder.scale.data.zero_()
        return encoder

    some = recordings(8), recordings(4, 1)
    options = {"epochs": 20, "encoder_lr": 0.1}
    alone, with_it = (
        segmentation(blind(), *some, how(tune=tune, **options)).values["frame_accuracy.last"]
        for tune in (False, True)
    )
    assert with_it > 0.9 > alone + 0.1


@pytest.mark.parametrize("windows", ["overlap", "disjoint", "centred"])
def test_features_are_averaged_as_detection_averages(windows):
    encoder, some = Frames(num_frames=12).eval(), recordings(5, length=(20, 70))
    laying = from_flat(Laying, {"windows": windows, "window": 24})
    laid = laying.laid(some.fps, "frames")
    side = Side(reader_of(encoder, some, laying, laid, "cpu"), laid, some.length)
    stride = 1 if windows == "centred" else laid.between
    laid_out = lay(some.length, windows, laid.window, stride)
    at = torch.from_numpy(rows(laid_out, some.length)[2])
    expected = average(dense(encoder, side.reader, laid_out), at, some.frames_total)
    torch.testing.assert_close(torch.cat(list(still(encoder, side))), expected)
    chosen = np.array([3, 0])
    with torch.no_grad():
        parts = encoded(encoder, side, chosen)
    for part, index in zip(parts, chosen, strict=True):
        torch.testing.assert_close(part, expected.split(some.length.tolist())[index])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=4),
    st.integers(2, 30),
    st.data(),
)
def test_moved_windows_still_cover_every_frame(frames, window, data):
    between = data.draw(st.integers(1, window))
    most = np.full(len(frames), min(between - 1, window - between))
    frames = np.array(frames)
    fixed = lay(frames, "overlap", window, between)
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 9)))
    now = moved(fixed, frames, most, generator)
    assert (now.start >= 0).all() and (now.start <= fixed.start).all()
    assert (now.start + now.length <= frames[now.recording]).all()
    assert (now.begin == now.start).all() and (now.span == now.length).all()
    covered = np.bincount(rows(now, frames)[2], minlength=frames.sum())
    assert covered.min() >= 1


def test_standardise_is_the_mean_and_deviation_of_all_frames():
    torch.manual_seed(0)
    parts = [torch.randn(n, 4) * torch.tensor([1.0, 10, 0, 1e-3]) + 5 for n in (3, 40, 1)]
    head = Dilated(4, 2)
    standardise(head, iter(parts))
    whole = torch.cat(parts)
    torch.testing.assert_close(head.mean, whole.mean(dim=0))
    deviation = whole.std(dim=0, correction=0)
    torch.testing.assert_close(head.deviation[[0, 1, 3]], deviation[[0, 1, 3]], rtol=1e-3, atol=0)
    assert head.deviation[2] == 1


# Frame rates


def test_recordings_of_several_rates_are_given_to_the_head_at_one():
    half = generate(clips=0, recordings=6, subjects=6)
    mixed = retimed(half, np.array([30.0, 15, 7.5, 30, 15, 60]))
    options = {"epochs": 1, "width": 8, "field": 2.0, "window": 1.0}
    outcome = segmentation(
        Joints(mixed.skeleton, persons=1, frames=16), mixed, mixed, from_flat(Segmentation, options)
    )
    assert len(outcome.recordings.probabilities["last"]) == mixed.frames_total
    assert "at 22.5 steps a second, 2.8 s on either side" in outcome.definition
    slow = segmentation(
        Joints(mixed.skeleton, persons=1, frames=16), mixed, mixed,
        from_flat(Segmentation, options | {"rate": 10.0}),
    )  # fmt: skip
    assert "5 layers of width 8 at 10 steps a second, 3.1 s on either side" in slow.definition


def test_answers_come_back_at_the_recordings_frames():
    torch.manual_seed(0)
    head = Dilated(3, 2, layers=2, width=4).eval()
    steady = [torch.randn(1, 3).expand(steps, 3) for steps in (8, 30)]
    with torch.no_grad():
        same = answers(head, steady, [8, 30])
        stretched = answers(head, steady, [16, 15])
    assert same.shape == (2, 30, 2) and stretched.shape == (2, 16, 2)
    # Far from the ends nothing changes, whatever the number of frames.
    torch.testing.assert_close(stretched[0, 7:9], same[0, 3:5])
    torch.testing.assert_close(stretched[1, 6:9], same[1, 12:15])


@pytest.mark.parametrize("fps", [15.0, 7.5])
def test_a_slower_store_is_read_over_as_many_seconds(fps):
    """The field in seconds is that of 30 frames a second, or a little more: one layer goes."""
    fast = generate(clips=0, recordings=4, subjects=4)
    slow = retimed(fast, np.full(len(fast), fps))
    texts = [
        segmentation(
            Joints(one.skeleton, persons=1, frames=16), one, one,
            from_flat(Segmentation, {"epochs": 1, "width": 4}),
        ).definition
        for one in (fast, slow)
    ]  # fmt: skip
    layers = 7 - int(np.log2(30 / fps))
    assert "7 layers of width 4 at 30 steps a second, 4.23 s" in texts[0]
    assert f"{layers} layers of width 4 at {fps:g} steps a second, 4." in texts[1]


# Wrong input


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"jitter": 0.1, "windows": "centred", "step": 0.2}, r"eval\.jitter, eval\.draws: they"),
        ({"draws": 3}, r"eval\.jitter, eval\.draws: they belong to the protocol detection"),
        ({"windows": "centred", "tune": True}, r"eval\.windows: centred ones give every frame"),
        ({"windows": "centred", "stride": 0.5}, r"eval\.windows: centred ones"),
        ({"unit": "frames", "rate": 15.0}, r"eval\.rate: with eval\.unit=frames"),
        ({"unit": "frames", "field": 1.5}, r"eval\.field: 1\.5 frames; .* whole numbers"),
        ({"field": 240.0}, r"eval\.field: 240 seconds; it is at most 120.*eval\.unit=frames"),
        ({"window": 64.0}, r"eval\.window: 64 seconds"),
        ({"width": 0}, r"eval\.width: .*greater than or equal to 1"),
        ({"field": 0.0}, r"eval\.field: "),
        ({"dropout": 1.0}, r"eval\.dropout: .*less than 1"),
        ({"steady": -1.0}, r"eval\.steady: "),
        ({"epochs": 0}, r"eval\.epochs: "),
        ({"lr": 0.0}, r"eval\.lr: "),
    ],
)
def test_options_that_do_not_go_together(options, match):
    with pytest.raises(InputError, match=match):
        from_flat(Segmentation, options)


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(InputError, match=r"eval\.widht.*eval\.width"):
        evaluation({"segmentation": segmentation}, overrides=["eval.widht=3"])


def test_recordings_that_cannot_be_judged():
    good = recordings(4)
    still_clips = clips([0, 1])
    with pytest.raises(InputError, match="segments: the training split has none"):
        segmentation(Frames(), still_clips, good)
    with pytest.raises(InputError, match="segments: the test split has none"):
        segmentation(Frames(), good, still_clips)
    unknown = replace(good, fps=np.zeros(len(good), np.float32))
    with pytest.raises(InputError, match=r"fps of recording 0: 0; .*eval\.unit=frames"):
        segmentation(Frames(), good, unknown, from_flat(Segmentation, {"epochs": 1}))
    segmentation(Frames(), good, unknown, how(epochs=1))  # frames need no rate
    with pytest.raises(InputError, match=r"20 joints \(kinect20\), the encoder takes 15"):
        segmentation(Joints(SBU15), good, good, how())


def test_a_training_that_diverged_names_its_rates():
    some = recordings(3), recordings(2, 1)
    with pytest.raises(InputError, match=r"epoch 1 at lr 1e\+30: lower eval\.lr$"):
        segmentation(Frames(), *some, how(lr=1e30))
    with pytest.raises(InputError, match=r"lower eval\.lr and eval\.encoder_lr"):
        segmentation(Frames(), *some, how(lr=1e30, encoder_lr=1e30, tune=True))


def test_features_that_are_no_numbers():
    encoder = Frames()
    encoder.scale.data[0] = torch.nan
    for tune in (False, True):
        with pytest.raises(InputError, match="hold NaN or Inf: the encoder's weights"):
            segmentation(encoder, recordings(3), recordings(2, 1), how(tune=tune))


def test_few_recordings_are_read_more_often():
    """As many steps as it takes; of many recordings 40 passes, and what is set stays."""
    recipe = Annealed()
    assert [recipe.passes(count) for count in (1, 7, 29, 48, 5000)] == [300, 150, 40, 40, 40]
    assert from_flat(Annealed, {"epochs": 3}).passes(7) == 3
    some = recordings(2), recordings(1, 1)
    brief = from_flat(Segmentation, {"width": 2, "field": 0.1, "batch_size": 1, "test_every": 999})
    assert "150 epochs" in segmentation(Frames(), *some, brief).definition


# Other encoders, real recordings


def test_a_recurrent_encoder_takes_windows_as_they_are():
    encoder = GRU(KINECT20, dim=4, layers=1, frames=8, persons=1)
    before = snapshot(encoder)
    some = recordings(3), recordings(2, 1)
    for options in ({"windows": "centred", "step": 2}, {"tune": True}):
        segmentation(encoder, *some, how(epochs=2, **options))
        assert_same(encoder, before)
    assert encoder.num_frames == 8


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*frame_labels")
@pytest.mark.parametrize("fps", [30.0, 7.5])
def test_joints_alone_on_the_real_recordings(real_data, fps):
    """What the rival reaches on PRECOG, other subjects, with half of the usual epochs."""
    whole = READERS["arrays"](real_data("precog"))
    whole = replace(retimed(whole, np.full(len(whole), fps)), normalize="root+facing-frames")
    judged = whole.subject % 3 == 2
    encoder = Joints(KINECT20, persons=1)
    values = segmentation(
        encoder, whole.take(~judged), whole.take(judged), from_flat(Segmentation, {"epochs": 20})
    ).values
    assert values["map_a_voc@0.5.last"] > 0.85 and values["frame_accuracy.last"] > 0.75
    assert values["f1@50.last"] > 0.8

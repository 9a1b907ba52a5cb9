"""A detector: fitted on recordings, streaming over others, equal to what `eval detection` says."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import typer
from recording_fakes import Frames, half_untrimmed, recordings, run_on
from typer.testing import CliRunner

from skelf.cli.fit_detector import fit_detector as command
from skelf.data.clips import ClipSet
from skelf.data.synthetic.clips import generate
from skelf.encoders.folded import frame_logits
from skelf.encoders.gru import GRU
from skelf.encoders.sttr import STTR
from skelf.errors import InputError
from skelf.inference import detect
from skelf.inference.detect import probabilities, segments, settings
from skelf.inference.detector_choices import FitDetector
from skelf.inference.fit_detector import fit_detector
from skelf.inference.held_out import groups_of, held_out
from skelf.inference.model import Model, load_model
from skelf.inference.parts import parts_of
from skelf.layouts import KINECT20, NTU25
from skelf.metrics.detection import mean_ap
from skelf.metrics.matching import Detections
from skelf.protocols.detection import Detection, detection
from skelf.protocols.laying import Laying
from skelf.runs.load import judged_encoder
from skelf.settings.options import flat, from_flat

BRIEF = {"epochs": 3, "milestones": (), "lr": 0.5, "batch_size": 256}
OPTIONS = [
    {},
    {"standardize": True, "windows": "disjoint", "proposals": "class", "threshold": 0.2},
    {"windows": "centred", "window": 0.8, "step": 0.2, "background_weight": 0.05},
    {"unit": "frames", "window": 20, "stride": 7, "normalize_on": "recording"},
    {"tune": True, "draws": 2, "batch_size": 8, "proposals": "class", "smoothing_form": "official"},
]


@pytest.fixture(scope="module")
def untrimmed():
    return half_untrimmed()


@pytest.fixture(scope="module")
def run(tmp_path_factory, untrimmed):
    return run_on(untrimmed, tmp_path_factory.mktemp("runs") / "run")


def as_detections(found, clips):
    number = {name: at for at, name in enumerate(clips.names)}
    label = {name: at for at, name in enumerate(clips.class_names)}
    rows = [(number[s.name], s.start_frame, s.end_frame, label[s.label], s.score) for s in found]
    columns = np.array(rows, np.float64).reshape(-1, 5).T
    return Detections(*columns[:4].astype(np.int64), columns[4])


@pytest.mark.parametrize("options", OPTIONS)
def test_a_detector_finds_what_the_protocol_finds(run, untrimmed, options, tmp_path):
    how = from_flat(Detection, {**BRIEF, **options})
    fit = FitDetector(choose=False, parts=2, head="linear", detection=how)
    fitted = fit_detector(run, untrimmed, split="half", how=fit)
    model = load_model(fitted.save(tmp_path / "model"))
    train, test = untrimmed.split("half")
    encoder, _ = judged_encoder(run, None, False, 0)
    judged = detection(encoder, train, test, how)
    kept = judged.recordings
    laying, rules = settings(model)
    one = [
        np.concatenate([p for p, _ in probabilities(model, test.take([at]), laying, rules)])
        for at in range(len(test))
    ]
    np.testing.assert_allclose(np.concatenate(one), kept.probabilities["last"], atol=1e-5)
    found = as_detections(segments(model, test), test)
    ap = mean_ap(kept.segments, found, 0.5, definition="voc", over="action")
    assert ap == judged.values["map_a_voc@0.5.last"]
    assert len(found.start) == len(kept.detections().start) > 0
    assert model.about.expected["parts"] == 2 and model.kind == "detector"


def test_choice_and_expectation_by_people_who_were_not_learnt_from(run, untrimmed):
    lines, steps = [], []
    detector = from_flat(Detection, {**BRIEF, "lr": 0.5})
    how = FitDetector(parts=3, spans=(1.0, 2.0), head="linear", detection=detector)
    model = fit_detector(
        run, untrimmed, how=how, say=lines.append, step=lambda *done: steps.append(done)
    )
    assert steps[-1] == (7, 7)
    told = model.about.expected
    low, high = told["interval"]
    assert 0 <= low <= told["value"] <= high <= 1
    assert told["grouped_by"] == "subject" and set(told["per_class"]) <= set(model.class_names)
    tried = [line for line in lines if line.startswith("map_a_voc")]
    assert len(tried) == 6 and "standard error" in lines[len(tried)]
    laying, rules = settings(model)
    assert laying.windows in ("overlap", "disjoint") and rules.smoothing is not None
    assert model.rules["short_action"] > 0


def test_what_is_set_is_not_chosen(run, untrimmed):
    lines = []
    detector = from_flat(Detection, {**BRIEF, "window": 3.0, "smoothing": 0.1, "threshold": 0.3})
    fitted = fit_detector(
        run,
        untrimmed,
        how=FitDetector(parts=2, head="linear", detection=detector),
        say=lines.append,
    )
    assert settings(fitted)[0] == Laying(window=3.0)
    assert settings(fitted)[1].smoothing == 0.1 and settings(fitted)[1].threshold == 0.3
    assert not any(line.startswith("map_a_voc") for line in lines)


def test_a_single_recording_is_said_to_tell_nothing(run, untrimmed):
    lines = []
    one = untrimmed.take([12])
    model = fit_detector(run, one, how=from_flat(FitDetector, dilated_epochs=2), say=lines.append)
    assert model.about.expected is None and "nothing can be held out" in lines[-1]


def test_held_out_probabilities_are_those_of_a_training_without_them():
    clips = recordings(6)
    how = from_flat(Detection, {"unit": "frames", "window": 16, **BRIEF, "standardize": True})
    part = np.array([0, 1, 0, 1, 1, 0])
    ours = held_out(Frames(16), clips, how, part, seed=0, device="cpu").recordings
    ends = np.cumsum(clips.length)[:-1]
    by_recording = np.split(ours.probabilities["last"], ends)
    for fold in (0, 1):
        judged = np.flatnonzero(part == fold)
        alone = detection(Frames(16), clips.take(part != fold), clips.take(judged), how).recordings
        expected = np.concatenate([by_recording[at] for at in judged])
        np.testing.assert_allclose(expected, alone.probabilities["last"], atol=1e-5)


def test_people_stay_on_one_side():
    clips = generate(clips=1, recordings=9, subjects=4, seed=1)
    kind, groups = groups_of(clips.take(np.arange(1, 10)))
    part = parts_of(groups, clips.length[1:], 3)
    assert kind == "subject" and len(np.unique(part)) == 3
    assert all(len(np.unique(part[groups == group])) == 1 for group in groups)
    assert groups_of(replace(clips, subject=np.full(10, -1)))[0] == "recording"


def built(encoder, classes=4, seed=0, **windows):
    generator = torch.Generator().manual_seed(seed)
    head = torch.nn.Linear(encoder.dim, classes + 1)
    for weight in head.parameters():
        weight.data = torch.randn(weight.shape, generator=generator) * 0.3
    names = tuple(f"class {k}" for k in range(classes))
    rules = {"smoothing": 0.0, "shortest": 0.0, "short_action": 1.0}
    rules |= {"proposals": "class", "threshold": 0.2}
    table = {"kind": "detector", "class_names": names, "windows": windows, "rules": rules}
    return Model(encoder, head, {"model": table | {"head": {"kind": "linear"}}})


def moving(lengths, skeleton=KINECT20, persons=1, **columns):
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(sum(lengths), persons, skeleton.joints, 3)).cumsum(axis=0) * 0.05
    return ClipSet.build(joints + 1, lengths, skeleton, **columns)


@pytest.mark.parametrize("windows", [{}, {"windows": "disjoint"}, {"window": 1.0, "stride": 0.3}])
def test_neither_batches_nor_blocks_nor_other_recordings_change_what_is_found(windows, monkeypatch):
    model = built(STTR(KINECT20, persons=1, dim=8, frames=16).eval(), **flat(Laying(**windows)))
    clips = moving([3, 700, 64, 500])
    whole = segments(model, clips)
    assert len(whole) > 10
    alone = [s for at in range(4) for s in segments(model, clips.take([at]))]
    monkeypatch.setattr(detect, "AT_ONCE", 5)
    blocks = segments(model, clips, batch_size=3)
    for other in (alone, blocks):
        assert [s[:6] for s in other] == [s[:6] for s in whole]
        np.testing.assert_allclose([s.score for s in other], [s.score for s in whole], atol=1e-5)


def test_each_person_is_looked_at_by_a_model_of_one():
    model = built(STTR(KINECT20, persons=1, dim=8, frames=16).eval(), **flat(Laying()))
    both = moving([300], persons=2)
    found = segments(model, both)
    assert {s.person for s in found} == {0, 1}
    second = segments(model, replace(both, joints=both.joints[:, 1:]))
    assert [s[:6] for s in found if s.person == 1] == [s[:6] for s in second]


def test_a_mapped_recording_leaves_no_pages_behind(tmp_path):
    moving([2000]).save(tmp_path / "long.h5")
    model = built(STTR(KINECT20, persons=1, dim=8, frames=16).eval(), **flat(Laying()))
    ours, seen = segments(model, ClipSet.open(tmp_path / "long.h5")), []
    segments(model, moving([2000]), listener=seen.append)
    assert ours == segments(model, moving([2000])) and sum(seen) == 2000


def test_what_is_no_detector_or_no_recording_is_refused():
    model = built(STTR(KINECT20, persons=1, dim=8, frames=16).eval(), **flat(Laying()))
    with pytest.raises(InputError, match="rate above 0"):
        segments(model, replace(moving([40]), fps=np.zeros(1)))
    model.head.weight.data.fill_(float("nan"))
    with pytest.raises(InputError, match="is no number"):
        segments(model, moving([40]))
    classifier = Model(model.encoder, model.head, {"model": {
        "kind": "classifier", "class_names": ["a"], "head": {"kind": "linear"}}})  # fmt: skip
    with pytest.raises(InputError, match="fit a detector"):
        segments(classifier, moving([40]))


@pytest.mark.parametrize("stream", ["joint", "motion", "bone"])
@pytest.mark.parametrize("persons", [1, 2])
def test_folded_products_say_the_same(stream, persons, monkeypatch):
    torch.manual_seed(0)
    encoder = STTR(NTU25, persons=persons, stream=stream, dim=32, layers=3, frames=16).eval()
    for weight in encoder.parameters():  # biases and norms start at 0 and 1
        weight.data += 0.1 * torch.randn_like(weight)
    x, head = torch.randn(5, 3, 16, 25, persons), torch.nn.Linear(encoder.dim, 7)
    with torch.no_grad():
        slow = head(encoder.frames(x))
        torch.testing.assert_close(
            frame_logits(encoder, head.weight, head.bias)(x), slow, atol=1e-5, rtol=1e-5
        )
        monkeypatch.setattr("skelf.encoders._products._AVX512", True)  # oneDNN's products
        torch.testing.assert_close(
            frame_logits(encoder, head.weight, head.bias)(x), slow, atol=1e-5, rtol=1e-5
        )


def test_encoders_that_cannot_be_folded_are_called():
    x = torch.randn(2, 3, 16, 20, 1)
    for encoder in (
        STTR(KINECT20, persons=1, dim=16, frames=16, heads=2),
        GRU(KINECT20, persons=1, dim=8, frames=16),
    ):
        head = torch.nn.Linear(encoder.dim, 3)
        with torch.no_grad():
            torch.testing.assert_close(
                frame_logits(encoder.eval(), head.weight, head.bias)(x), head(encoder.frames(x))
            )


def test_the_command_line_writes_a_model_and_refuses_wrong_settings(run, untrimmed, tmp_path):
    untrimmed.save(tmp_path / "store.h5")
    app = typer.Typer()
    app.command()(command)
    given = ["--run", str(run), "--data", str(tmp_path / "store.h5"), "--split", "half"]
    given += ["--out", str(tmp_path / "model")]
    brief = ["fit.choose=false", "parts=2", "fit.dilated_epochs=2", "width=8"]
    done = CliRunner().invoke(app, [*given, *brief])
    assert done.exit_code == 0 and "expected map_a_voc@0.5" in done.stdout
    assert "dilated, of 12 classes on a frozen encoder" in done.stdout
    assert load_model(tmp_path / "model").kind == "detector"
    for more, message in (
        (brief, "exists already"),
        (["--force", "fit.window=90"], "fit.unit=frames"),
        (["--force", "fit.folds=3"], "unknown key 'fit.folds'"),
        (["--force", "fit.epochs=3"], "fit.epochs: of head=linear; set fit.head=linear"),
        (["--force", "head=linear", "fit.width=8"], "fit.width: of head=dilated"),
        (["--force", "head=round"], "fit.head"),
    ):
        refused = CliRunner().invoke(app, [*given, *more])
        assert isinstance(refused.exception, InputError) and message in str(refused.exception)

"""A detector's dilated head: what segmentation says, block by block, and where it cannot go."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from recording_fakes import Frames, half_untrimmed, recordings, run_on

from skelf.errors import InputError
from skelf.export.subject import read_subject
from skelf.inference import detect, over_time
from skelf.inference.detector_choices import FitDetector
from skelf.inference.fit_detector import fit_detector
from skelf.inference.fit_over_time import kept
from skelf.inference.held_out import held_out
from skelf.inference.model import load_model
from skelf.inference.over_time import OverTime, Stream
from skelf.live.session import Session
from skelf.metrics.detection import mean_ap
from skelf.metrics.matching import Detections
from skelf.protocols.detection import Detection
from skelf.protocols.dilated import Dilated
from skelf.protocols.segmentation import Segmentation, segmentation, steps_of
from skelf.protocols.windows import to_frames
from skelf.runs.load import judged_encoder
from skelf.settings.options import from_flat

BRIEF = {"width": 8, "field": 0.5}
OPTIONS = [
    {},
    {"rate": 7.0, "proposals": "class", "threshold": 0.2, "background_weight": 0.3},
    {"unit": "frames", "window": 20, "stride": 7, "field": 9, "normalize_on": "recording"},
    {"windows": "centred", "window": 0.8, "step": 0.2},
    {"tune": True, "windows": "disjoint"},
]


@pytest.fixture(scope="module")
def untrimmed():
    return half_untrimmed()


@pytest.fixture(scope="module")
def run(tmp_path_factory, untrimmed):
    return run_on(untrimmed, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def model_folder(run, untrimmed, tmp_path_factory):
    how = from_flat(FitDetector, {**BRIEF, "dilated_epochs": 2, "choose": False})
    made = fit_detector(run, untrimmed, split="half", how=how)
    return made.save(tmp_path_factory.mktemp("models") / "model")


@pytest.mark.parametrize("options", OPTIONS)
def test_a_model_finds_what_the_protocol_finds(run, untrimmed, options, tmp_path, monkeypatch):
    monkeypatch.setattr(over_time, "BLOCK", 16)
    monkeypatch.setattr(detect, "AT_ONCE", 3)
    given = {**BRIEF, **options}
    fit = {**given, "dilated_epochs": 3, "choose": False, "parts": 2}
    fitted = fit_detector(run, untrimmed, split="half", how=from_flat(FitDetector, fit))
    model = load_model(fitted.save(tmp_path / "model"))
    assert model.about.head["kind"] == "dilated" and model.about.expected["parts"] == 2
    train, test = untrimmed.split("half")
    encoder, _ = judged_encoder(run, None, False, 0)
    judged = segmentation(encoder, train, test, from_flat(Segmentation, {**given, "epochs": 3}))
    truth = judged.recordings
    laying, rules = detect.settings(model)
    said = [
        np.concatenate([p for p, _ in detect.probabilities(model, test.take([at]), laying, rules)])
        for at in range(len(test))
    ]
    assert [len(p) for p in said] == test.length.tolist()
    np.testing.assert_allclose(np.concatenate(said), truth.probabilities["last"], atol=1e-4)
    number = {name: at for at, name in enumerate(test.names)}
    label = {name: at for at, name in enumerate(test.class_names)}
    rows = [
        (number[s.name], s.start_frame, s.end_frame, label[s.label], s.score)
        for s in detect.segments(model, test)
    ]
    columns = np.array(rows, np.float64).reshape(-1, 5).T
    found = Detections(*columns[:4].astype(np.int64), columns[4])
    ap = mean_ap(truth.segments, found, 0.5, definition="voc", over="action")
    assert ap == pytest.approx(judged.values["map_a_voc@0.5.last"], abs=1e-6)


def test_windows_and_rules_are_chosen_for_it(run, untrimmed):
    lines, steps = [], []
    how = from_flat(FitDetector, {**BRIEF, "dilated_epochs": 3, "parts": 2, "spans": (1.0,)})
    model = fit_detector(
        run, untrimmed, how=how, say=lines.append, step=lambda *done: steps.append(done)
    )
    assert steps[-1] == (4, 4) and len([s for s in lines if s.startswith("map_a_voc")]) == 3
    assert 0 <= model.about.expected["value"] <= 1 and isinstance(model.head, OverTime)
    assert "dilated" in model.about.learnt_from["head"]


def test_held_out_probabilities_are_those_of_a_training_without_them():
    clips = recordings(6)
    given = {"unit": "frames", "window": 16, "field": 7, "width": 8, "epochs": 3}
    how, part = from_flat(Segmentation, given), np.array([0, 1, 0, 1, 1, 0])
    ours = held_out(Frames(16), clips, how, part, seed=0, device="cpu").recordings
    said = np.split(ours.probabilities["last"], np.cumsum(clips.length)[:-1])
    judged = np.flatnonzero(part == 0)
    theirs = segmentation(Frames(16), clips.take(part != 0), clips.take(judged), how)
    expected = theirs.recordings.probabilities["last"]
    np.testing.assert_allclose(np.concatenate([said[n] for n in judged]), expected, atol=1e-5)


@pytest.mark.parametrize("rate", [10.0, 4.0, 23.0, 0.05])
@pytest.mark.parametrize("frames", [1, 7, 230])
@pytest.mark.parametrize("block", [1, 20, 1000])
def test_block_by_block_is_the_whole_recording_at_once(rate, frames, block, monkeypatch):
    monkeypatch.setattr(over_time, "BLOCK", block)
    torch.manual_seed(1)
    head = kept(Dilated(5, 3, width=6, layers=3).eval(), rate)
    x = torch.randn(frames, 5)
    steps = int(steps_of(np.array([frames]), np.array([10.0]), rate)[0])
    rows = to_frames(x[None], torch.tensor([steps]))[0]
    expected = to_frames(head(rows)[None], torch.tensor([frames]))[0]
    stream, told, at = Stream(head, frames, 10.0, "seconds"), [], 0
    sizes = np.random.default_rng(0).integers(0, 30, 400)
    for size in sizes:
        last = at + size >= frames
        told.append(stream.add(x[at : at + size].numpy(), bool(last)))
        at += size
        if last:
            break
    told = [part for part in told if len(part)]
    torch.testing.assert_close(torch.cat(told), expected, rtol=1e-4, atol=1e-5)


def test_a_stream_keeps_what_it_needs_and_no_more(monkeypatch):
    monkeypatch.setattr(over_time, "BLOCK", 8)
    head = kept(Dilated(5, 3, width=6, layers=3).eval(), 10.0)
    stream = Stream(head, 10_000, 20.0, "seconds")
    for _ in range(400):
        stream.add(np.zeros((25, 5), np.float32), False)
        assert len(stream.features.rows) < 30 and len(stream.logits.rows) < 40
        assert len(stream.inputs.rows) < 2 * head.reach + 40


def test_live_and_export_refuse_it_and_say_what_to_do(model_folder):
    model = load_model(model_folder)
    for refused in (lambda: Session(model), lambda: read_subject(model_folder)):
        with pytest.raises(
            InputError, match=r"head=dilated\) sees .* fit one with fit.head=linear"
        ):
            refused()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"layers": 10**9}, "layers=1000000000"),
        ({"layers": 3}, "head and config.json do not match"),
        ({"rate": 0.0}, "rate above 0"),
        ({"width": 9}, "head and config.json do not match"),
        ({"classes": 4}, "model.head|do not match"),
        ({"depth": 4}, "model.head"),
    ],
)
def test_a_damaged_head_is_refused(model_folder, changed, message, tmp_path):
    model = load_model(model_folder)
    table = model.config["model"]
    table = table | {"head": table["head"] | changed}
    folder = replace(model, config=model.config | {"model": table}).save(tmp_path / "model")
    with pytest.raises(InputError, match=message):
        load_model(folder)


def test_settings_of_the_other_head_are_refused():
    for values, message in (
        ({"head": "linear", "field": 2.0}, "field: of head=dilated"),
        ({"lr": 0.1}, "lr: of head=linear"),
        ({"standardize": True}, "standardize: of head=linear"),
        ({"head": "dilated", "tune": True, "draws": 3}, "draws: of head=linear"),
        ({"rate": 5.0, "unit": "frames"}, "fit.rate: with fit.unit=frames"),
    ):
        with pytest.raises(InputError, match=message):
            from_flat(FitDetector, values).protocol(False)
    assert isinstance(from_flat(FitDetector, {"head": "linear"}).protocol(True), Detection)
    assert from_flat(FitDetector, {"field": 2.0}).protocol(True).tune

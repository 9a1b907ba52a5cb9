"""The same answer from Python, the exported file and its runtime, of model folders as they lie."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny_runs
import torch
from export_subjects import SIZES, shaken
from typer.testing import CliRunner

import skelf
from skelf.cli.main import app
from skelf.contracts import Encoder
from skelf.data.synthetic.clips import generate
from skelf.export import check
from skelf.export.subject import read_subject
from skelf.inference import detect
from skelf.inference.adapt import adapted
from skelf.inference.heads import Linear
from skelf.inference.model import assembled
from skelf.inference.source import read_data
from skelf.protocols.features import extract
from skelf.protocols.laying import Laying
from skelf.protocols.rules import Rules
from skelf.runs.build import build_encoder
from skelf.runs.load import judged_encoder
from skelf.settings.options import flat
from skelf.settings.run import Config
from skelf.settings.values import Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))

from skelf_runtime import Model

pytestmark = pytest.mark.slow
NAMES = ("walk", "wave", "sit")


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    run = tiny_runs.pretrain(
        tmp_path_factory.mktemp("runs") / "run", "train.epochs=1", "train.milestones=[]"
    )
    return judged_encoder(run, None, False, 0)[1]


def encoder_of(name: str, described: Settings, normalize: str) -> tuple[Encoder, Settings]:
    """An encoder with random weights, and the config of a run that has it."""
    config = {
        **described,
        "encoder": {"name": name, **SIZES[name]},
        "data": {**described["data"], "normalize": normalize},
    }
    built = build_encoder(Config.from_dict(config, source="test"), config["input"], "test")
    return shaken(built).eval(), config


@pytest.fixture(scope="module", params=list(SIZES))
def classifier(
    request: pytest.FixtureRequest, described: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a model folder, and the file that was exported of it."""
    place = tmp_path_factory.mktemp(request.param)
    encoder, config = encoder_of(request.param, described, "centre+scale")
    head = shaken(Linear(dim=encoder.dim, classes=3), 1)
    about = {"kind": "classifier", "class_names": NAMES, "temperature": 1.5, "unknown_below": 0.5}
    folder = assembled(encoder, head, config, **about).save(place / "model")
    made = skelf.export_onnx(folder, place / "model.onnx", data=generate(clips=12))
    assert made.checked.largest < 1e-4 and made.rows == "clip"
    return place


def test_real_clips(classifier: Path, real_data: Callable[[str], Path]) -> None:
    of = read_subject(classifier / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        real = adapted(read_data(real_data("nw_ucla")), of.needs, say=lambda line: None)
    content = (classifier / "model.onnx").read_bytes()
    checked = check.compare(content, of, False, real)
    assert checked.clips == 200 and checked.real < 1e-4


def test_a_classifier(classifier: Path) -> None:
    folder, tmp_path = classifier / "model", classifier
    model, clips = skelf.load_model(folder), generate(clips=9, seed=2)
    features = extract(model.encoder, clips)
    with torch.no_grad():
        expected = model.probabilities(features).numpy()
    ran = Model(tmp_path / "model.onnx", threads=1)
    joints = [clips.clip(i) for i in range(len(clips))]
    for found, wanted in zip(ran.predict_all(joints), expected, strict=True):
        np.testing.assert_allclose(list(found.probabilities.values()), wanted, atol=1e-4)
        assert found.label == NAMES[int(wanted.argmax())]
        assert found.unknown == bool(wanted.max() < 0.5)
    clips.save(tmp_path / "clips.h5")
    words = [
        "predict",
        str(folder),
        str(tmp_path / "clips.h5"),
        "--out",
        str(tmp_path / "rows.json"),
    ]
    assert CliRunner().invoke(app, [*words, "--force"]).exit_code == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    for row, found in zip(rows, ran.predict_all(joints), strict=True):
        assert row["probability"] == pytest.approx(found.probability, abs=1e-4)
        assert row["label"] == found.label
    vectors = np.stack(list(ran.features_all(joints)))
    np.testing.assert_allclose(vectors, features.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "way"), [("sttr", "overlap"), ("gru", "disjoint")])
def test_a_detector(name: str, way: str, described: Settings, tmp_path: Path) -> None:
    encoder, config = encoder_of(name, described, "centre")
    head = shaken(Linear(dim=encoder.dim, classes=4), 1)
    laying, rules = Laying(windows=way, window=1.0), Rules()
    folder = assembled(
        encoder, head, config, kind="detector", class_names=NAMES, temperature=0.8,
        windows=flat(laying), rules=flat(rules),
    ).save(tmp_path / "model")  # fmt: skip
    skelf.export_onnx(folder, tmp_path / "model.onnx")
    ran, model = Model(tmp_path / "model.onnx", threads=1), skelf.load_model(folder)
    recordings = generate(clips=0, recordings=2, seed=2)
    for number in range(2):
        one = recordings.take([number])
        parts = [p for p, _ in detect.probabilities(model, one, laying, rules)]
        found = ran.frames(one.clip(0), fps=float(one.fps[0]))
        np.testing.assert_allclose(found, np.concatenate(parts), atol=1e-4)
        assert len(found) == one.length[0] > 60

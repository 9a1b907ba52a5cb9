"""The public functions: what is loaded is what was trained, and rows say what they are."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import tiny_runs
import torch
from tiny_runs import pretrain

import skelf
from skelf import api
from skelf.augment.basic import resize
from skelf.checkpoints import folder as checkpoint
from skelf.data.batch import ClipBatches
from skelf.data.synthetic.clips import generate
from skelf.encoders.dste import DSTE
from skelf.encoders.stgcn import STGCN
from skelf.errors import InputError
from skelf.layouts import NTU25
from skelf.methods import METHODS, OFFICIAL, usdrl_official
from skelf.methods.usdrl import USDRL
from skelf.protocols.features import extract
from skelf.results.rows import CHECKSUM
from skelf.runs import build
from skelf.settings.run import Config
from skelf.streams import derive
from skelf.training import loop as engine

# The fields of a row; design.md names them all but the last three.
FIELDS = {
    *("protocol", "metric", "value", "selection", "method", "form", "encoder", "stream", "data"),
    *("split", "seed", "definition", "seconds", "version", "eval_seed", "versions", "config"),
    "checksum",
    "clips",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return pretrain(tmp_path_factory.mktemp("api") / "run", "train.epochs=2", seed=5)


def test_load_gives_the_trained_encoder(tmp_path, monkeypatch):
    kept, fit = [], engine.fit

    def keep(method, *args, **options):
        kept.append(method)
        return fit(method, *args, **options)

    monkeypatch.setattr(engine, "fit", keep)
    folder = pretrain(tmp_path / "run", "train.epochs=2")
    trained = extract(kept[0].encoder, tiny_runs.clips())
    loaded = skelf.load(folder)
    assert not loaded.training and kept[0].encoder.training
    assert torch.equal(extract(loaded, tiny_runs.clips()), trained)
    assert torch.equal(extract(skelf.from_pretrained(str(folder)), tiny_runs.clips()), trained)
    newest = skelf.load(checkpoint.newest(folder))  # a folder in the hub layout
    assert torch.equal(extract(newest, tiny_runs.clips()), trained)
    fresh = extract(skelf.load(folder, untrained=True), tiny_runs.clips())
    assert not torch.allclose(fresh, trained)


def test_untrained_is_what_the_run_with_that_seed_started_from(run, monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(engine, "fit", lambda method, *args, **options: started.append(method))
    pretrain(tmp_path / "other", seed=5)
    fresh = skelf.load(run, untrained=True, seed=5).state_dict()
    begun = started[0].encoder.state_dict()
    assert all(torch.equal(fresh[name], begun[name]) for name in begun)
    own = skelf.load(run, untrained=True).state_dict()
    assert all(torch.equal(own[name], begun[name]) for name in begun)
    other = skelf.load(run, untrained=True, seed=6).state_dict()
    assert not torch.equal(other["position_s"], fresh["position_s"])


def test_rows_say_what_they_are(run, tmp_path):
    out = tmp_path / "new" / "results.json"
    given = {"split": "half", "overrides": ["eval.k=3"], "seed": 9}
    rows = skelf.evaluate(["linear", "knn", "retrieval"], run, tiny_runs.clips(), out=out, **given)
    stored = json.loads(out.read_text())
    assert len(stored) == len(rows) > 6
    for row in stored:
        assert row.keys() == FIELDS | {CHECKSUM}
        assert math.isfinite(row["value"]) and 0 <= row["value"] <= 1
        assert row["selection"] in ("last", "best_on_test", "validated", "none")
        assert (row["method"], row["form"], row["encoder"]) == ("usdrl", "official", "dste")
        assert (row["stream"], row["split"], row["version"]) == ("joint", "half", skelf.__version__)
        assert (row["seed"], row["eval_seed"]) == (5, 9)
        assert row["definition"] and row["seconds"] >= 0
        assert row["config"]["encoder"]["dim"] == 16
    assert {row["protocol"] for row in rows} == {"linear", "knn", "retrieval"}
    knn = next(row for row in stored if row["protocol"] == "knn")
    assert knn["config"]["eval"]["k"] == 3 and "k=3" in knn["definition"]
    assert list((run / "features").iterdir())
    untrained = skelf.evaluate(["knn"], run, tiny_runs.clips(), untrained=True, **given)
    # The weights of the run's own seed, so that the two are a pair.
    assert untrained[0]["method"] == "untrained" and untrained[0]["seed"] == 5
    assert untrained[0]["eval_seed"] == 9


def test_features_in_bf16_are_named(run):
    given = {"split": "half", "seed": 9}
    (exact,), (rounded,) = (
        skelf.evaluate(["knn"], run, tiny_runs.clips(), precision=precision, **given)
        for precision in ("fp32", "bf16")
    )
    assert rounded["definition"] == exact["definition"] + "; features in bf16"
    assert rounded["value"] == pytest.approx(exact["value"], abs=0.2)
    with pytest.raises(InputError, match=r"precision 'fp64'.*bf16, fp32"):
        skelf.evaluate(["knn"], run, tiny_runs.clips(), precision="fp64", **given)


def test_config_and_card_say_where_it_came_from(run):
    folder = checkpoint.newest(run)
    config = checkpoint.read_config(folder)
    assert config == checkpoint.read_config(run)
    clips = tiny_runs.clips()
    assert config["source"].pop("size") == pytest.approx(1.55, abs=0.2)  # of a body, in metres
    assert config["source"] == {
        "data": str(clips),
        "digest": clips.digest(),
        "split": "half",
        "seed": 5,
        "synthetic": "true",
        "fps": [30.0, 30.0],
        "unit": None,
        "up": "y",
    }
    assert config["versions"]["torch"] == torch.__version__
    card = (folder / "README.md").read_text()
    assert "Trained on synthetic figures" in card and "| epochs | 2 |" in card


def test_the_stream_reaches_the_encoder(tmp_path):
    clips, seen = tiny_runs.clips(), []
    runs = {
        name: pretrain(tmp_path / name, "train.epochs=1", stream=name)
        for name in ("joint", "bone", "motion")
    }
    x = torch.randn(2, 3, 8, 20, 1)
    for name, folder in runs.items():
        assert checkpoint.read_config(folder)["input"]["stream"] == name
        encoder = skelf.load(folder)
        encoder.embed_t.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
        encoder(x)
        fed = derive(x, name, clips.skeleton).permute(0, 2, 4, 3, 1).flatten(2)
        assert torch.equal(seen[-1], fed)
        assert api.evaluate(["knn"], folder, clips, split="half")[0]["stream"] == name
    features = [extract(skelf.load(folder), clips) for folder in runs.values()]
    assert not any(torch.allclose(features[0], other) for other in features[1:])
    weights = [checkpoint.read_tensors(checkpoint.newest(folder)) for folder in runs.values()]
    name = "encoder.embed_t.0.weight"
    assert not any(torch.equal(weights[0][name], other[name]) for other in weights[1:])
    with pytest.raises(InputError, match="unknown stream 'bones': did you mean 'bone'"):
        pretrain(tmp_path / "wrong", stream="bones")


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A method and its tensors as the authors' training script leaves them."""
    torch.manual_seed(0)
    method = USDRL(DSTE(NTU25, dim=16, frames=8)).eval()
    path = tmp_path_factory.mktemp("released") / "checkpoint_0450.pth.tar"
    tensors = {f"module.{name}": value for name, value in usdrl_official.save(method).items()}
    torch.save({"epoch": 451, "state_dict": tensors}, path)
    return method, path


def test_an_official_checkpoint_gives_equal_features(released):
    method, path = released
    clips = generate(NTU25, clips=36, persons=2, seed=2)
    loaded = skelf.load_official(path, "usdrl")
    assert not loaded.training
    prepared = replace(clips, normalize="agcn-noz")  # as its authors have them
    assert torch.equal(extract(loaded.encoder, clips), extract(method.encoder, prepared))
    row = skelf.evaluate(["knn"], path, clips, split="xsub", method="usdrl")[0]
    assert (row["method"], row["form"], row["encoder"]) == ("usdrl", "official", "dste")
    assert row["seed"] is None and row["config"]["train"] is None
    assert row["config"]["data"]["normalize"] == "agcn-noz"


def test_an_official_checkpoint_is_judged_on_data_as_its_authors_prepared_it(released, run):
    clips, path = generate(NTU25, clips=36, persons=2, seed=2), released[1]
    asked = {"split": "xsub", "method": "usdrl"}
    raw = skelf.evaluate(["retrieval"], path, clips, **asked)
    rows = skelf.evaluate(
        ["retrieval"], path, clips, **asked, overrides=["data.normalize=agcn", "eval.ks=[1]"]
    )
    assert {row["config"]["data"]["normalize"] for row in rows} == {"agcn"}
    assert rows[-1]["value"] != raw[-1]["value"]
    with pytest.raises(InputError, match="unknown normalisation 'agnc': did you mean 'agcn'"):
        skelf.evaluate(["knn"], path, clips, **asked, overrides=["data.normalize=agnc"])
    with pytest.raises(InputError, match="only eval"):
        skelf.evaluate(
            ["knn"], run, tiny_runs.clips(), split="half", overrides=["data.normalize=none"]
        )


def test_official_checkpoints_are_not_taken_for_something_else(released, run):
    path, clips = released[1], generate(NTU25, clips=24, seed=2)
    with pytest.raises(InputError, match="--untrained needs a run"):
        skelf.evaluate(["knn"], path, clips, split="xsub", method="usdrl", untrained=True)
    with pytest.raises(InputError, match=r"pth\.tar: a file; say whose .* --method"):
        skelf.evaluate(["knn"], path, clips, split="xsub")
    with pytest.raises(InputError, match=r"unknown official .* 'usdlr': did .* 'usdrl'"):
        skelf.load_official(path, "usdlr")
    with pytest.raises(InputError, match="50 spatial tokens are no multiple of the 20 joints"):
        skelf.evaluate(["knn"], path, tiny_runs.clips(), split="half", method="usdrl")
    with pytest.raises(InputError, match="missing; is this a USDRL checkpoint"):
        skelf.load_official(checkpoint.newest(run), "usdrl")


def test_an_official_checkpoint_is_judged_in_its_stream(released, tmp_path):
    method, path = released
    clips = generate(NTU25, clips=36, persons=2, seed=2)
    assert skelf.load_official(path, "usdrl").encoder.stream == "joint"
    bone = skelf.load_official(path, "usdrl", stream="bone").encoder
    derived = derive(extract_input(clips), "bone", NTU25)
    assert torch.allclose(bone(extract_input(clips)), method.encoder(derived))
    rows = [
        skelf.evaluate(["knn"], path, clips, split="xsub", method="usdrl", stream=stream)[0]
        for stream in (None, "bone")
    ]
    assert [row["stream"] for row in rows] == ["joint", "bone"]
    with pytest.raises(InputError, match="unknown stream 'bnoe': did you mean 'bone'"):
        skelf.load_official(path, "usdrl", stream="bnoe")


def test_a_run_knows_its_stream(run):
    with pytest.raises(InputError, match="a run knows its stream"):
        skelf.evaluate(["knn"], run, tiny_runs.clips(), split="half", stream="joint")


def extract_input(clips):
    """The clips as encoders of 8 frames take them, `(N, C, 8, V, M)`."""
    x, lengths = ClipBatches(clips, "cpu")(range(len(clips)))
    return resize(x, lengths, 8)


@pytest.mark.parametrize("name", ["skeletonclr", "aimclr", "crossclr"])
def test_hostile_contrastive_checkpoints_are_refused(name, tmp_path):
    encoder = STGCN(NTU25, dim=8, width=2)
    method = METHODS[name](encoder, queue=4, feature=4)
    state, path = OFFICIAL[name].save(method), tmp_path / "file.pt"
    torch.save(state, path)
    if name == "crossclr":
        with pytest.raises(InputError, match="CrosSCLR holds its streams together"):
            skelf.load_official(path, name, stream="bone")
    else:
        assert skelf.load_official(path, name, stream="bone").encoder.stream == "bone"
    for key, value in (
        ("encoder_q.st_gcn_networks.0.gcn.conv.weight", torch.zeros(7, 3, 1, 1)),
        ("encoder_q.st_gcn_networks.0.gcn.conv.weight", torch.zeros(0, 3, 1, 1)),
        ("encoder_q.st_gcn_networks.9.tcn.2.weight", torch.zeros(0, 8, 9, 1)),
        ("queue", torch.zeros(0, 4)),
        ("queue", torch.zeros(4, 0)),
        ("queue_ptr", torch.zeros(5)),
        ("encoder_q.A", torch.zeros(3, 25, 24)),
        ("encoder_q.A", torch.zeros(3, 25, 25, dtype=torch.int64)),
    ):
        torch.save(state | {key: value}, path)
        with pytest.raises(InputError, match=r"^.*file\.pt: "):
            skelf.load_official(path, name)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("x"), OverflowError("x"), RuntimeError("x\ny"), MemoryError()]
)
def test_a_stored_encoder_that_cannot_be_built_is_bad_input(run, monkeypatch, error):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr(DSTE, "apply", fail)
    with pytest.raises(InputError, match=r"config\.json: encoder: (x|MemoryError)$"):
        skelf.load(run)


@pytest.mark.parametrize(
    ("section", "change", "message"),
    [
        ("encoder", {"dmi": 3}, r"config\.json: unknown key 'encoder\.dmi': did you mean"),
        ("encoder", {"dim": "wide"}, r"encoder\.dim"),
        ("encoder", {"dim": 32}, "weights and config.json do not match"),
        ("encoder", {"alpha": 7.0}, r"config\.json: encoder\.alpha: .*, got 7\.0"),
        ("encoder", {"name": "dest"}, "unknown encoder 'dest': did you mean 'dste'"),
        ("encoder", {"dim": 10**23}, r"config\.json: encoder\.dim"),
        ("input", {"persons": 10**23}, r"^[^\n]*config\.json: input\.persons[^\n]*$"),
        ("input", {"persons": 0}, r"config\.json: input\.persons"),
        ("input", {"stream": "bones"}, r"input\.stream"),
        ("input", {"skeleton": {"names": ["a"]}}, r"config\.json: field 'parents' is missing"),
        ("input", None, "input: a table of settings is missing"),
        ("train", {"lr": -1}, r"train\.lr"),
        ("data", {"normalize": "no"}, "unknown normalisation"),
    ],
)
def test_a_config_from_elsewhere_is_checked(run, tmp_path, section, change, message):
    folder = tmp_path / "hub"
    shutil.copytree(checkpoint.newest(run), folder)
    config = checkpoint.read_config(folder)
    config[section] = None if change is None else config[section] | change
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "checksums.json").unlink()  # which others do not write
    with pytest.raises(InputError, match=message):
        skelf.evaluate(["knn"], folder, tiny_runs.clips(), split="half")


def test_method_arguments_are_checked_where_the_method_is_built(run):
    config = checkpoint.read_config(run)
    config["method"]["kapa"] = 1
    with pytest.raises(InputError, match=r"unknown key 'method\.kapa': did you mean"):
        build.build_method(Config.from_dict(config), config["input"], "config.json")
    with pytest.raises(InputError, match=r"method\.form: .*official.* or .paper., got .new."):
        pretrain(run, "method.form=new")


def test_wrong_data_is_refused(run):
    from dataclasses import replace

    clips = tiny_runs.clips()
    flat = replace(clips, joints=clips.joints[..., :2])
    for data, options, message in (
        (flat, {}, "2 coordinates a joint, the encoder takes 3"),
        (generate(NTU25, clips=36), {"split": "xsub"}, "25 joints .* the encoder takes 20"),
        (clips, {"split": "halves"}, "unknown split 'halves': did you mean 'half'"),
        (clips, {"overrides": ["eval.kk=3"]}, r"unknown key 'eval\.kk': did you mean 'eval\.k'"),
        (clips, {"overrides": ["encoder.dim=3"]}, r"only eval\.\* can change"),
        (clips, {"seed": -1}, "seed: -1"),
    ):
        with pytest.raises(InputError, match=message):
            skelf.evaluate(["knn"], run, data, **{"split": "half"} | options)
    with pytest.raises(InputError, match="no protocol is named; known: linear, knn"):
        skelf.evaluate([], run, clips, split="half")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="torch sees no CUDA"):
            skelf.evaluate(["knn"], run, clips, split="half", device="cuda")


def test_loading_and_judging_need_no_lightning():
    code = "import sys, skelf; skelf.load, skelf.evaluate; print('lightning' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=tiny_runs.ENVIRONMENT, capture_output=True, text=True
    )
    assert done.stdout == "False\n", done.stderr


def test_only_public_names():
    assert set(skelf.__all__) >= {"ClipSet", "evaluate", "load", "load_official", "pretrain"}
    with pytest.raises(AttributeError, match="no attribute 'fit'"):
        _ = skelf.fit
